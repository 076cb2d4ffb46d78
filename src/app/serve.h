// Runs a hub in this process: `waybill serve`.

#pragma once

#include "app/settings.h"
#include "base/result.h"

namespace waybill::app {

// Returns when the hub was asked to stop (SIGINT, SIGTERM) and has. A second SIGINT or SIGTERM ends
// the process at once, with status 130.
// Fails as Hub::open() and Hub::start().
Result<void> serve(const LoadedSettings& loaded);

}  // namespace waybill::app
