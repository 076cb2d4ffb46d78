#include "store/upkeep.h"

namespace waybill::store::upkeep {

Result<void> probe_write(Connection& connection, const Uuid& node, Timestamp now) {
  WAYBILL_TRY(
      connection.execute("INSERT INTO write_probes (workspace_id, id, at) VALUES ($1, $2, $3) "
                         "ON CONFLICT (workspace_id, id) DO UPDATE SET at = excluded.at",
                         {Uuid(), node, now}));
  return {};
}

Result<Backlog> backlog(Connection& connection) {
  Backlog backlog;
  WAYBILL_TRY(connection.query(
      "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE due_at IS NOT NULL LIMIT $1) AS "
      "waiting",
      {Backlog::kCountedMax}, [&](const Row& row) { backlog.deliveries = row.integer(0); }));
  // One look into the index of what is due for each active endpoint.
  WAYBILL_TRY(connection.query(
      "SELECT min(due_at) FROM (SELECT (SELECT d.due_at FROM deliveries d "
      "WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id AND d.due_at IS NOT NULL "
      "ORDER BY d.due_at LIMIT 1) AS due_at FROM endpoints e WHERE e.state = 'active') AS owed",
      {}, [&](const Row& row) { backlog.oldest_due = row.time_or_null(0); }));
  return backlog;
}

}  // namespace waybill::store::upkeep
