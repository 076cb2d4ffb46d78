#include "store/workspaces.h"

#include <fmt/format.h>

namespace waybill::store::workspaces {
namespace {

// Slugs belong to the hub itself (0001_spine.sql).
const Uuid kHub;

// Ordered by what the other records call `id`.
constexpr std::string_view kSelect =
    "SELECT id, slug, name, environment, created_at FROM "
    "(SELECT workspace_id AS id, slug, name, environment, created_at FROM workspaces) AS w";

model::Workspace read(const Row& row) {
  const auto environment = model::parse_environment(row.text(3));
  WAYBILL_CHECK(environment.has_value(), "a stored environment is one we wrote");
  return {row.id<model::WorkspaceId>(0), row.string(1), row.string(2), *environment, row.time(4)};
}

Error not_found() {
  return {Code::kNotFound, "workspace_not_found", "There is no such workspace."};
}

}  // namespace

Result<void> insert(Connection& connection, const model::Workspace& workspace) {
  const auto claimed = connection.execute(
      "INSERT INTO workspace_slugs (workspace_id, slug, owner_id) VALUES ($1, $2, $3) "
      "ON CONFLICT DO NOTHING",
      {kHub, workspace.slug, workspace.id});
  if (!claimed) return fail(claimed.error());
  if (*claimed == 0) {
    return fail(Code::kConflict, "slug_taken",
                fmt::format("There is a workspace with the slug \"{}\" already.", workspace.slug));
  }
  WAYBILL_TRY(connection.execute(
      "INSERT INTO workspaces (workspace_id, slug, name, environment, created_at) "
      "VALUES ($1, $2, $3, $4, $5)",
      {workspace.id, workspace.slug, workspace.name, model::environment_name(workspace.environment),
       workspace.created_at}));
  return {};
}

Result<model::Workspace> find(Connection& connection, const model::WorkspaceId& id) {
  std::optional<model::Workspace> found;
  WAYBILL_TRY(
      connection.query("SELECT workspace_id, slug, name, environment, created_at FROM workspaces "
                       "WHERE workspace_id = $1",
                       {id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(not_found());
  return *std::move(found);
}

Result<model::Workspace> find_by_slug(Connection& connection, std::string_view slug) {
  std::optional<model::WorkspaceId> id;
  WAYBILL_TRY(
      connection.query("SELECT owner_id FROM workspace_slugs WHERE workspace_id = $1 AND slug = $2",
                       {kHub, slug}, [&](const Row& row) { id = row.id<model::WorkspaceId>(0); }));
  if (!id) return fail(not_found());
  return find(connection, *id);
}

Result<void> lock(Connection& connection, const model::WorkspaceId& id) {
  const std::string sql = fmt::format(
      "SELECT workspace_id FROM workspaces WHERE workspace_id = $1 {}", connection.row_lock());
  const auto found = connection.query(sql, {id}, [](const Row&) {});
  if (!found) return fail(found.error());
  if (*found == 0) return fail(not_found());
  return {};
}

Result<Page<model::Workspace>> list(Connection& connection, const PageRequest& page) {
  return Select(kSelect).page<model::Workspace>(
      connection, page, read, [](const model::Workspace& row) { return row.id.uuid(); });
}

}  // namespace waybill::store::workspaces
