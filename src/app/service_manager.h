// Tells the service manager that started this process how it is: systemd, for a unit of
// Type=notify. Nothing happens where there is none.

#pragma once

#include <string_view>

#include "app/settings.h"

namespace waybill::app {

// `state`: "READY=1", "STOPPING=1". To the socket that NOTIFY_SOCKET names. Returns false if there
// is none, or it took nothing: the hub goes on either way.
bool tell_service_manager(const Environment& environment, std::string_view state);

}  // namespace waybill::app
