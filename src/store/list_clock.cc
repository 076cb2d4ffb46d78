#include "store/list_clock.h"

namespace waybill::store::list_clock {

LockOrder order_of(const model::WorkspaceId& workspace) { return lock_order(workspace.bytes()); }

Result<Timestamp> take(Connection& connection, const model::WorkspaceId& workspace, Timestamp now) {
  Timestamp taken{};
  WAYBILL_TRY(connection.query(
      "INSERT INTO list_clocks (workspace_id, at) VALUES ($1, $2) "
      "ON CONFLICT (workspace_id) DO UPDATE SET at = CASE WHEN list_clocks.at < excluded.at "
      "THEN excluded.at ELSE list_clocks.at + 1 END RETURNING at",
      {workspace, now}, [&](const Row& row) { taken = row.time(0); }));
  return taken;
}

}  // namespace waybill::store::list_clock
