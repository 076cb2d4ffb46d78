// SQL of the request log, and of how large it is.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/request_log.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::request_log {

// Adds rows to the end of the log, and to its size. `node` counts for itself, so that none waits
// for another's row.
Result<void> insert(Connection& connection, const Uuid& node,
                    std::span<const model::LoggedRequest> rows);

struct Filter {
  std::optional<model::ApiKeyId> key;
  std::optional<int> status;
  std::optional<int> min_status;
  std::optional<std::string> method;
  std::optional<std::string> path;  // What the path begins with.
  std::optional<std::string> error_code;
  std::optional<std::string> request_id;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
};
// Newest first, without bodies.
Result<Page<model::LoggedRequest>> list(Connection& connection, const model::WorkspaceId& workspace,
                                        const Filter& filter, const PageRequest& page);
// With bodies. Fails with kNotFound (request_not_found).
Result<model::LoggedRequest> find(Connection& connection, const model::WorkspaceId& workspace,
                                  const model::LoggedRequestId& id);

// The oldest rows there are, by the hour of the clock they were written in.
struct Oldest {
  model::WorkspaceId workspace_id;
  Timestamp hour{};
  std::int64_t bytes_of_all = 0;  // How large the whole log is, of all workspaces.
};
// Nothing: the log is empty.
Result<std::optional<Oldest>> find_oldest(Connection& connection);
// Deletes at most `limit` rows of the workspace that were written before `before`, oldest first.
// Returns how many.
Result<std::int64_t> erase(Connection& connection, const Uuid& node,
                           const model::WorkspaceId& workspace, Timestamp before, int limit);
// The workspace has no row left of this hour, or of one before.
Result<void> forget_hours(Connection& connection, const model::WorkspaceId& workspace,
                          Timestamp hour);

}  // namespace waybill::store::request_log
