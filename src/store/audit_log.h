// SQL of the audit log: who changed what, and when. Written in the transaction of the change.

#pragma once

#include <optional>
#include <string>

#include "model/ids.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::audit_log {

struct Entry {
  model::AuditEntryId id;
  model::WorkspaceId workspace_id;
  Timestamp at{};
  std::string actor;    // "admin", or the id of an API key, or "hub".
  std::string action;   // "endpoint.pause"
  std::string subject;  // The id of what was changed.
  std::string detail;   // A JSON object: what changed. Never a secret.
};

struct Filter {
  std::optional<std::string> action;
  std::optional<std::string> subject;
};

Result<void> insert(Connection& connection, const Entry& entry);
Result<Page<Entry>> list(Connection& connection, const model::WorkspaceId& workspace,
                         const Filter& filter, const PageRequest& page);

}  // namespace waybill::store::audit_log
