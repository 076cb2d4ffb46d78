// Whether a published event may be accepted: its data must be what the receivers that it goes to
// were promised. Events that the hub itself makes are right by construction, and not looked at.

#pragma once

#include <span>

#include "base/json.h"
#include "base/result.h"
#include "dialect/loader.h"
#include "model/event.h"
#include "store/endpoints.h"

namespace waybill::intake {

// `matched`: the endpoints that the event goes to. Each of their dialects is asked once; the first
// that is promised other data tells so. `data` is the event's, parsed. Pure; any thread.
//
// Fails with kInvalid (event_data_invalid), and the path in the event: "$.data.lines[0].quantity".
Result<void> check_data(const dialect::DialectRegistry& dialects,
                        std::span<const store::endpoints::Subscription* const> matched,
                        const model::Event& event, const json::value& data);

}  // namespace waybill::intake
