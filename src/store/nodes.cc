#include "store/nodes.h"

namespace waybill::store::nodes {
namespace {

// Nodes belong to the hub itself (0005_nodes.sql).
const Uuid kHub;

#define WAYBILL_NODE_COLUMNS \
  "id, boot, name, version, address, started_at, seen_at, shared_at, stopped_at"

Uuid uuid(const Row& row, int column) {
  const auto uuid = Uuid::from_bytes(row.bytes(column));
  WAYBILL_CHECK(uuid.has_value(), "a stored id has 16 bytes");
  return *uuid;
}

model::Node read(const Row& row) {
  return {.id = uuid(row, 0),
          .boot = uuid(row, 1),
          .name = row.string(2),
          .version = row.string(3),
          .address = row.string(4),
          .started_at = row.time(5),
          .seen_at = row.time(6),
          .shared_at = row.time_or_null(7),
          .stopped_at = row.time_or_null(8)};
}

}  // namespace

Result<std::optional<model::Node>> find(Connection& connection, const Uuid& id) {
  std::optional<model::Node> found;
  WAYBILL_TRY(connection.query("SELECT " WAYBILL_NODE_COLUMNS
                               " FROM nodes WHERE workspace_id = $1 AND id = $2",
                               {kHub, id}, [&](const Row& row) { found = read(row); }));
  return found;
}

Result<void> save(Connection& connection, const model::Node& node) {
  WAYBILL_TRY(connection.execute(
      "INSERT INTO nodes (workspace_id, " WAYBILL_NODE_COLUMNS
      ") "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
      "ON CONFLICT (workspace_id, id) DO UPDATE SET boot = excluded.boot, name = excluded.name, "
      "version = excluded.version, address = excluded.address, started_at = excluded.started_at, "
      "seen_at = excluded.seen_at, shared_at = excluded.shared_at, "
      "stopped_at = excluded.stopped_at",
      {kHub, node.id, node.boot, node.name, node.version, node.address, node.started_at,
       node.seen_at, node.shared_at, node.stopped_at}));
  return {};
}

Result<std::vector<model::Node>> list(Connection& connection) {
  std::vector<model::Node> all;
  WAYBILL_TRY(connection.query("SELECT " WAYBILL_NODE_COLUMNS
                               " FROM nodes WHERE workspace_id = $1 ORDER BY id",
                               {kHub}, [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

Result<void> note_stop(Connection& connection, const Uuid& id, const Uuid& boot, Timestamp now) {
  WAYBILL_TRY(
      connection.execute("UPDATE nodes SET seen_at = $4, stopped_at = $4 "
                         "WHERE workspace_id = $1 AND id = $2 AND boot = $3",
                         {kHub, id, boot, now}));
  return {};
}

Result<std::int64_t> remove_silent(Connection& connection, Timestamp before) {
  return connection.execute("DELETE FROM nodes WHERE workspace_id = $1 AND seen_at < $2",
                            {kHub, before});
}

}  // namespace waybill::store::nodes
