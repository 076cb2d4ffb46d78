// A text file that is part of the binary: cmake/WaybillEmbed.cmake.

#pragma once

#include <span>
#include <string_view>

namespace waybill {

struct EmbeddedFile {
  std::string_view name;  // Without its folder.
  std::string_view text;
};

}  // namespace waybill
