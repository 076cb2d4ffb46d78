// SQL of what API keys were used for: counted by the hour, each node for itself.

#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::key_usage {

// What one node has counted within an hour of the clock.
struct Use {
  model::WorkspaceId workspace_id;
  model::ApiKeyId key_id;
  Timestamp hour{};  // When it began.
  std::int64_t requests = 0;
  std::int64_t errors = 0;  // Requests answered with 4xx or 5xx.
  // Of the latest request that was answered with less than 400. Nothing: there was none.
  std::optional<Timestamp> last_used_at;
};

Timestamp hour_of(Timestamp time);

// Adds to what the node has counted before. Nobody waits for its answer.
Result<void> add(Connection& connection, const Uuid& node, const Use& use);

// What all nodes have counted of a key: in the last 24 hours of the clock, the present one
// included.
struct Usage {
  std::int64_t requests_24h = 0;
  std::int64_t errors_24h = 0;
  std::optional<Timestamp> last_used_at;
};
// Of the workspace's keys from `first` to `last`, both included. Keys without a use are left out.
Result<std::map<model::ApiKeyId, Usage>> find(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::ApiKeyId& first,
                                              const model::ApiKeyId& last, Timestamp now);

// Deletes at most `limit` rows of hours that nobody asks for any more, and keeps in the key when it
// was used last. Returns how many.
Result<std::int64_t> fold_old(Connection& connection, const model::WorkspaceId& workspace,
                              Timestamp now, int limit);

}  // namespace waybill::store::key_usage
