// SQL of the windows in which the same thing is sent to an endpoint once (R-PR-17). A window is
// opened by the first of its events and ends by the clock; the next event after that opens it anew.
// All of it is in the transaction of the event, so it holds across restarts and nodes.

#pragma once

#include <optional>

#include "crypto/digest.h"
#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::coalescing {

struct Window {
  model::WorkspaceId workspace_id;
  model::EndpointId endpoint_id;
  crypto::Digest key{};  // What the same things have in common.
};

// Opens the window until `ends_at`, unless it is open at `now`. Returns whether it did. `waiting`
// is the delivery that will be made at its end, if that is so.
Result<bool> open(Connection& connection, const Window& window, Timestamp now, Timestamp ends_at,
                  const std::optional<model::DeliveryId>& waiting);

// The open window ends at `ends_at` now, and `waiting` is the delivery that will be made then.
Result<void> reopen(Connection& connection, const Window& window, Timestamp ends_at,
                    const model::DeliveryId& waiting);

// Has the delivery that waits for the end of the open window tell of `event` instead. Returns the
// event that it told of before; nothing if it waits no more: it is on its way, or over.
Result<std::optional<model::EventId>> replace(Connection& connection, const Window& window,
                                              const model::EventId& event);

// Deletes at most `limit` windows that ended before `until`. Returns how many.
Result<std::int64_t> erase_ended(Connection& connection, const model::WorkspaceId& workspace,
                                 Timestamp until, int limit);

}  // namespace waybill::store::coalescing
