// SQL of the Workspace.

#pragma once

#include <string_view>

#include "model/workspace.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::workspaces {

// Fails with kConflict (slug_taken).
Result<void> insert(Connection& connection, const model::Workspace& workspace);
// Both fail with kNotFound (workspace_not_found).
Result<model::Workspace> find(Connection& connection, const model::WorkspaceId& id);
Result<model::Workspace> find_by_slug(Connection& connection, std::string_view slug);
// Until this transaction is over, others that lock the same workspace wait: for rules about how
// many of something it has. Fails as find().
Result<void> lock(Connection& connection, const model::WorkspaceId& id);
Result<Page<model::Workspace>> list(Connection& connection, const PageRequest& page);

}  // namespace waybill::store::workspaces
