#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> create(Session& session) {
  json::object body;
  body["name"] = session.text("--name");
  return session.print_answer(session.post(session.in_workspace("/suppliers"), body));
}

Result<void> list(Session& session) {
  return session.print_list(
      session.in_workspace("/suppliers"), {},
      {{"ID", "id"}, {"NAME", "name"}, {"UUID", "uuid"}, {"CREATED", "created_at"}});
}

}  // namespace

CommandGroup supplier_group() {
  return {
      .name = "supplier",
      .summary = "Suppliers, whom orders go to",
      .commands = {
          {.name = "supplier create",
           .summary = "Makes a supplier",
           .details = "Orders name a supplier by its exact name, in whatever case, or by its uuid.",
           .example = "supplier create --workspace acme --name 'Acme Paper Ltd'",
           .arguments = {{.name = "--name",
                          .placeholder = "NAME",
                          .help = "The name that orders use",
                          .required = true}},
           .in_workspace = true,
           .run = create},
          {.name = "supplier list",
           .summary = "Lists the suppliers",
           .example = "supplier list --workspace acme",
           .in_workspace = true,
           .is_list = true,
           .run = list},
      }};
}

}  // namespace waybill::app::cli
