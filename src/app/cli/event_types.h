// The catalogue, as commands ask the hub for it.

#pragma once

#include <string>
#include <string_view>

#include "app/cli/session.h"
#include "base/json.h"
#include "base/result.h"

namespace waybill::app::cli {

inline constexpr std::string_view kEventTypes = "/hub/v1/event-types";

// The row of the event that `dialect` calls `type`, or makes from the canonical event `type`.
// Fails with kNotFound (event_type_not_found), naming what may have been meant, and as
// Session::get().
Result<json::value> find_event_type(Session& session, const std::string& dialect,
                                    const std::string& type);

}  // namespace waybill::app::cli
