#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

const std::string kRoot = "/hub/v1/workspaces";

Result<void> create(Session& session) {
  json::object body;
  body["slug"] = session.text("SLUG");
  add_text(body, session, "--name");
  add_text(body, session, "--environment");
  return session.print_answer(session.post(kRoot, body));
}

Result<void> list(Session& session) {
  return session.print_list(kRoot, {},
                            {{"SLUG", "slug"},
                             {"NAME", "name"},
                             {"ENVIRONMENT", "environment"},
                             {"ID", "id"},
                             {"CREATED", "created_at"}});
}

Result<void> show(Session& session) {
  return session.print_answer(session.get(kRoot + "/" + segment(session.text("WORKSPACE"))));
}

}  // namespace

CommandGroup workspace_group() {
  return {
      .name = "workspace",
      .summary = "Workspaces: the tenants, to one of which everything belongs",
      .commands = {
          {.name = "workspace create",
           .summary = "Makes a workspace",
           .details =
               "The slug is its name in URLs and can never be changed: 2 to 63 characters a-z, "
               "0-9 and -.",
           .example = "workspace create acme --name 'Acme Ltd' --environment sandbox",
           .arguments = {{.name = "SLUG", .help = "Its name in URLs", .required = true},
                         {.name = "--name", .placeholder = "NAME", .help = "Its name for people"},
                         {.name = "--environment",
                          .placeholder = "production|sandbox",
                          .help = "What it is for; default: production"}},
           .run = create},
          {.name = "workspace list",
           .summary = "Lists the workspaces",
           .example = "workspace list",
           .is_list = true,
           .run = list},
          {.name = "workspace show",
           .summary = "Shows one workspace",
           .example = "workspace show acme",
           .arguments = {{.name = "WORKSPACE", .help = "Its slug or id", .required = true}},
           .run = show},
      }};
}

}  // namespace waybill::app::cli
