#include "store/workspaces.h"

#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

Result<model::Workspace> read_workspace(const net::Request& request) {
  const auto object = read_body(request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  model::Workspace workspace;
  workspace.slug = body.text("slug", {1, 200});
  body.check("slug", model::check_slug(workspace.slug));
  workspace.name = body.optional_text("name", {1, 200}).value_or(workspace.slug);
  if (const auto name = body.optional_text("environment", {1, 200})) {
    const auto environment = model::parse_environment(*name);
    if (!environment) {
      body.refuse("environment", "member_invalid", "This has to be \"production\" or \"sandbox\".");
    }
    workspace.environment = environment.value_or(model::Environment::kProduction);
  }
  WAYBILL_TRY(body.done());
  return workspace;
}

}  // namespace

Task<Result<Reply>> create_workspace(Call& call) {
  auto workspace = read_workspace(call.request);
  if (!workspace) co_return fail(workspace.error());
  workspace->id = call.services.ids.next_id<model::WorkspaceId>();
  workspace->created_at = call.now;
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(store::workspaces::insert(connection, *workspace));
    std::string detail;
    ObjectText(detail)
        .add("slug", workspace->slug)
        .add("name", workspace->name)
        .add("environment", model::environment_name(workspace->environment))
        .end();
    return Change{201,
                  text_of(*workspace),
                  AuditNote{"workspace.create", workspace->id.text(), detail, workspace->id},
                  {}};
  });
}

Task<Result<Reply>> list_workspaces(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](store::Connection& connection) { return store::workspaces::list(connection, page); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_workspace(Call& call) {
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::workspaces::find(connection, call.workspace_id);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

}  // namespace waybill::surfaces::native
