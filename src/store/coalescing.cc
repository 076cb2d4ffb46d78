#include "store/coalescing.h"

namespace waybill::store::coalescing {

Result<bool> open(Connection& connection, const Window& window, Timestamp now, Timestamp ends_at,
                  const std::optional<model::DeliveryId>& waiting) {
  const auto opened = connection.execute(
      "INSERT INTO coalescing_windows (workspace_id, endpoint_id, key_hash, ends_at, delivery_id) "
      "VALUES ($1, $2, $3, $5, $6) ON CONFLICT (workspace_id, endpoint_id, key_hash) DO UPDATE "
      "SET ends_at = excluded.ends_at, delivery_id = excluded.delivery_id "
      "WHERE coalescing_windows.ends_at <= $4",
      {window.workspace_id, window.endpoint_id, ByteView(window.key), now, ends_at, waiting});
  if (!opened) return fail(opened.error());
  return *opened > 0;
}

Result<void> reopen(Connection& connection, const Window& window, Timestamp ends_at,
                    const model::DeliveryId& waiting) {
  WAYBILL_TRY(connection.execute(
      "UPDATE coalescing_windows SET ends_at = $4, delivery_id = $5 "
      "WHERE workspace_id = $1 AND endpoint_id = $2 AND key_hash = $3",
      {window.workspace_id, window.endpoint_id, ByteView(window.key), ends_at, waiting}));
  return {};
}

Result<std::optional<model::EventId>> replace(Connection& connection, const Window& window,
                                              const model::EventId& event) {
  std::optional<model::DeliveryId> waiting;
  std::optional<model::EventId> before;
  const std::string sql =
      "SELECT d.id, d.event_id FROM coalescing_windows w JOIN deliveries d "
      "ON d.workspace_id = w.workspace_id AND d.id = w.delivery_id "
      "WHERE w.workspace_id = $1 AND w.endpoint_id = $2 AND w.key_hash = $3 "
      "AND d.state = 'pending' ";
  WAYBILL_TRY(connection.query(sql, {window.workspace_id, window.endpoint_id, ByteView(window.key)},
                               [&](const Row& row) {
                                 waiting = row.id<model::DeliveryId>(0);
                                 before = row.id<model::EventId>(1);
                               }));
  if (!waiting) return std::optional<model::EventId>();
  const auto changed = connection.execute(
      "UPDATE deliveries SET event_id = $3 "
      "WHERE workspace_id = $1 AND id = $2 AND state = 'pending'",
      {window.workspace_id, *waiting, event});
  if (!changed) return fail(changed.error());
  return *changed > 0 ? before : std::nullopt;
}

Result<std::int64_t> erase_ended(Connection& connection, const model::WorkspaceId& workspace,
                                 Timestamp until, int limit) {
  return connection.execute(
      "DELETE FROM coalescing_windows WHERE workspace_id = $1 AND (endpoint_id, key_hash) IN "
      "(SELECT endpoint_id, key_hash FROM coalescing_windows "
      "WHERE workspace_id = $1 AND ends_at < $2 LIMIT $3) AND ends_at < $2",
      {workspace, until, limit});
}

}  // namespace waybill::store::coalescing
