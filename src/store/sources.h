// SQL of the Source.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/source.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::sources {

// Fails with kConflict (source_exists) if the workspace has one of that name.
Result<void> insert(Connection& connection, const model::Source& source);

// By its id, or its name; deleted ones by their id alone. Nothing: there is none.
Result<std::optional<model::Source>> find(Connection& connection,
                                          const model::WorkspaceId& workspace,
                                          std::string_view id_or_name);
// Fails with kNotFound (source_not_found).
Result<model::Source> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::SourceId& id);
// The same, so that it can be changed by what was read.
Result<model::Source> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::SourceId& id);
// An active one, of whichever workspace.
Result<std::optional<model::Source>> find_by_token(Connection& connection, ByteView token_hash);
// All active ones of a dialect, of all workspaces, the oldest first.
Result<std::vector<model::Source>> of_dialect(Connection& connection, std::string_view dialect);
// All active ones, of all workspaces.
Result<std::vector<model::Source>> active(Connection& connection);

// Those that are not deleted.
Result<Page<model::Source>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page);

// Writes name, state, token, secrets and settings, and tells the other nodes (store/changes.h).
// Fails with kNotFound (source_not_found), kConflict (source_exists).
Result<void> update(Connection& connection, const model::Source& source);

}  // namespace waybill::store::sources
