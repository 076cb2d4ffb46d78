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

Result<std::vector<OwedHandler>> lagging_handlers(Connection& connection, Timestamp before) {
  std::vector<OwedHandler> all;
  WAYBILL_TRY(connection.query(
      "SELECT workspace_id, id, source_id, name, channel, due_at FROM (SELECT e.workspace_id, "
      "e.id, e.source_id, e.name, e.channel, (SELECT d.due_at FROM deliveries d "
      "WHERE d.workspace_id = e.workspace_id AND d.endpoint_id = e.id AND d.due_at IS NOT NULL "
      "ORDER BY d.due_at LIMIT 1) AS due_at FROM endpoints e "
      "WHERE e.state = 'active' AND e.source_id IS NOT NULL) AS owed WHERE due_at < $1",
      {before}, [&](const Row& row) {
        all.push_back({row.id<model::WorkspaceId>(0), row.id<model::EndpointId>(1),
                       row.id<model::SourceId>(2), row.string(3), row.string(4), row.time(5)});
      }));
  return all;
}

}  // namespace waybill::store::upkeep
