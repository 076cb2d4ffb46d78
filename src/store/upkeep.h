// SQL by which the hub watches over itself: can it write, and how far behind is it? Each costs the
// same at any size of the tables.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::upkeep {

// Writes a row, as an order would: fails where an order would, as Connection::execute().
Result<void> probe_write(Connection& connection, const Uuid& node, Timestamp now);

struct Backlog {
  static constexpr std::int64_t kCountedMax = 10'000;

  // Deliveries that wait or are leased; no more than kCountedMax are counted.
  std::int64_t deliveries = 0;
  // Since when the longest due delivery of an active endpoint has been due. Nothing: none is owed.
  std::optional<Timestamp> oldest_due;
};
Result<Backlog> backlog(Connection& connection);

// An active handler that is owed something, and since when its longest due delivery has been due.
// What is on its way or waits for another try is due later.
struct OwedHandler {
  model::WorkspaceId workspace_id;
  model::EndpointId id;
  model::SourceId source_id;
  std::string name;
  std::string channel;
  Timestamp due_since{};
};
// Those of which something has been due since before `before`, of all workspaces.
Result<std::vector<OwedHandler>> lagging_handlers(Connection& connection, Timestamp before);

}  // namespace waybill::store::upkeep
