// Which Waybill this is: CMakeLists.txt's project version.

#pragma once

#include <string_view>

namespace waybill::app {

std::string_view version();

}  // namespace waybill::app
