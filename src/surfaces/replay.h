// Sending again what was sent before, whichever surface it was asked for at.

#pragma once

#include <optional>
#include <vector>

#include "intake/acceptance.h"
#include "store/connection.h"
#include "surfaces/native/change.h"

namespace waybill::surfaces {

struct Replayed {
  native::Change change;  // The caller gives it its status and body.
  std::vector<model::Delivery> deliveries;
  std::optional<std::string> unmatched_reason;
};

// New deliveries of an event of the call's workspace, as intake::Acceptance::replay() makes them,
// with their audit entry. Runs inside a unit; fails as that.
Result<Replayed> replay(store::Connection& connection, const native::Call& call,
                        const model::EventId& event,
                        const std::optional<model::EndpointId>& endpoint,
                        const intake::LeaseTerms& terms);

}  // namespace waybill::surfaces
