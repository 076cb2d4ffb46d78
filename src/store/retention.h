// SQL of what is deleted once it is old enough: deliveries that are over, with their attempts;
// replays that are over; events that no delivery needs, and messages with theirs; idempotency rows
// that have expired.
//
// All of it goes in steps. A step looks at no more than `limit` rows, by the primary key and from
// where the one before has ended: ids are sorted by time, so the oldest come first, and nothing is
// indexed for the sake of its deletion.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::retention {

// What a step has found, to be deleted in a unit of its own, and where the next one begins.
template <class Key>
struct Found {
  std::vector<Key> expired;
  std::optional<Key> last;  // The last row looked at. Nothing: there is no more.
};

// Deliveries made and over before `before`. A delivery that was revived and is over since is as old
// as its end. `after`: the `last` of the step before.
Result<Found<Uuid>> find_deliveries(Connection& connection, const model::WorkspaceId& workspace,
                                    Timestamp before, const Uuid& after, int limit);
// Deletes them with their attempts, but none that was retried meanwhile. Returns how many.
Result<std::int64_t> delete_deliveries(Connection& connection, const model::WorkspaceId& workspace,
                                       const std::vector<Uuid>& ids);

// Events made before `before` that have no delivery.
Result<Found<Uuid>> find_events(Connection& connection, const model::WorkspaceId& workspace,
                                Timestamp before, const Uuid& after, int limit);
// Deletes them, but none that was replayed meanwhile. Returns how many.
Result<std::int64_t> delete_events(Connection& connection, const model::WorkspaceId& workspace,
                                   const std::vector<Uuid>& ids);

// Replays made and over before `before`.
Result<Found<Uuid>> find_replays(Connection& connection, const model::WorkspaceId& workspace,
                                 Timestamp before, const Uuid& after, int limit);
Result<std::int64_t> delete_replays(Connection& connection, const model::WorkspaceId& workspace,
                                    const std::vector<Uuid>& ids);

// Since when a source remembers what it has received. One that is not here remembers nothing.
using Remembered = std::map<model::SourceId, Timestamp>;
// Messages received before `before` whose event is gone, and which need not be known again. The
// newest of a source is none of them: it tells since when the source is quiet.
Result<Found<Uuid>> find_messages(Connection& connection, const model::WorkspaceId& workspace,
                                  Timestamp before, const Remembered& remembered, const Uuid& after,
                                  int limit);
// Deletes those whose event is gone. Returns how many.
Result<std::int64_t> delete_messages(Connection& connection, const model::WorkspaceId& workspace,
                                     const std::vector<Uuid>& ids);

// A row of the idempotency table.
struct IdempotencyKey {
  std::string scope;
  Bytes hash;
};
// These are in no order of time: every row is looked at.
Result<Found<IdempotencyKey>> find_idempotency(Connection& connection,
                                               const model::WorkspaceId& workspace, Timestamp now,
                                               const IdempotencyKey& after, int limit);
// Deletes them, but none that was claimed anew meanwhile. Returns how many.
Result<std::int64_t> delete_idempotency(Connection& connection, const model::WorkspaceId& workspace,
                                        const std::vector<IdempotencyKey>& keys, Timestamp now);

}  // namespace waybill::store::retention
