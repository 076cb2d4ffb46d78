// SQL of the Nodes: which hubs run on this database, or have lately. They belong to no workspace.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/node.h"
#include "store/connection.h"

namespace waybill::store::nodes {

// Nothing if there is none with this id.
Result<std::optional<model::Node>> find(Connection& connection, const Uuid& id);

// Writes the node's row, in place of what was there under its id.
Result<void> save(Connection& connection, const model::Node& node);

// In the order of their ids.
Result<std::vector<model::Node>> list(Connection& connection);

// `boot` of the node has ended. Nothing happens if another one writes under its id by now.
Result<void> note_stop(Connection& connection, const Uuid& id, const Uuid& boot, Timestamp now);

// Forgets those not seen since `before`. Returns how many.
Result<std::int64_t> remove_silent(Connection& connection, Timestamp before);

}  // namespace waybill::store::nodes
