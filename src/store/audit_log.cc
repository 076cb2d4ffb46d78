#include "store/audit_log.h"

namespace waybill::store::audit_log {
namespace {

Entry read(const Row& row) {
  return {row.id<model::AuditEntryId>(0),
          row.id<model::WorkspaceId>(1),
          row.time(2),
          row.string(3),
          row.string(4),
          row.string(5),
          row.string(6)};
}

}  // namespace

Result<void> insert(Connection& connection, const Entry& entry) {
  WAYBILL_TRY(connection.write(
      "INSERT INTO audit_log (workspace_id, id, at, actor, action, subject, detail) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {entry.workspace_id, entry.id, entry.at, entry.actor, entry.action, entry.subject,
       entry.detail}));
  return {};
}

Result<Page<Entry>> list(Connection& connection, const model::WorkspaceId& workspace,
                         const Filter& filter, const PageRequest& page) {
  Select select("SELECT id, workspace_id, at, actor, action, subject, detail FROM audit_log");
  select.where("workspace_id =", workspace);
  select.where_if("action =", filter.action);
  select.where_if("subject =", filter.subject);
  return select.page<Entry>(connection, page, read, [](const Entry& row) { return row.id.uuid(); });
}

}  // namespace waybill::store::audit_log
