// SQL of the deliveries that are made in order of a key (model::Endpoint::order_by): of those with
// the same key one at a time, oldest first; those of other keys beside it.
//
// Of each key the oldest unfinished delivery is its head. A head is claimed if it is due and nobody
// is making another one of its key: one that was dropped and is retried is a head again, but waits
// for the one in hand. What it costs grows with the number of keys that wait, and not with the
// number of deliveries: an index leads from each key to the next.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/delivery.h"
#include "store/connection.h"
#include "store/deliveries.h"

namespace waybill::store::deliveries {

// Below all keys: they are not negative.
inline constexpr std::int64_t kBeforeAllKeys = -1;

// Leases at most `limit` heads, of the keys above `after` in order of the keys; given in the order
// of their ids. None if the endpoint is not active. Leases that ran out are due again.
// Requires: the endpoint's row is held (endpoints::find_to_change()), so that one node claims at a
// time.
Result<std::vector<model::Delivery>> claim_next_by_key(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const model::EndpointId& endpoint,
                                                       Timestamp now, const Lease& lease, int limit,
                                                       std::int64_t after);

// The same of one key. Nothing: it has none, or it is not its time.
// Requires: the endpoint's row is held, or a delivery of this key whose lease lasted has been
// finished in this transaction: nobody else could have claimed one meanwhile.
Result<std::optional<model::Delivery>> claim_next_of_key(Connection& connection,
                                                         const model::WorkspaceId& workspace,
                                                         const model::EndpointId& endpoint,
                                                         std::int64_t key, Timestamp now,
                                                         const Lease& lease);

// When to look again at each key, the earliest: at the end of the lease that one of its deliveries
// is under, or else when its head is due.
struct KeysDue {
  std::optional<Timestamp> due_at;  // Nothing: it is owed nothing.
  std::int64_t keys = 0;            // That something waits for.
};
Result<KeysDue> next_due_by_key(Connection& connection, const model::WorkspaceId& workspace,
                                const model::EndpointId& endpoint, Timestamp now);
Result<std::optional<Timestamp>> next_due_of_key(Connection& connection,
                                                 const model::WorkspaceId& workspace,
                                                 const model::EndpointId& endpoint,
                                                 std::int64_t key, Timestamp now);

}  // namespace waybill::store::deliveries
