#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> create(Session& session) {
  json::object body;
  add_text(body, session, "--name");
  add_text(body, session, "--currency");
  add_text(body, session, "--number-prefix");
  return session.print_answer(session.post(session.in_workspace("/stores"), body));
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/stores"), {},
                            {{"ID", "id"},
                             {"NAME", "name"},
                             {"CURRENCY", "currency"},
                             {"PREFIX", "number_prefix"},
                             {"CREATED", "created_at"}});
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/stores/" + segment(session.text("STORE")))));
}

}  // namespace

CommandGroup store_group() {
  return {.name = "store",
          .summary = "Stores, in which clients buy",
          .commands = {
              {.name = "store create",
               .summary = "Makes a store",
               .details = "A key of PeptideClients' integration API is pinned to one.",
               .example = "store create --workspace acme --name 'Web shop' --currency EUR",
               .arguments = {{.name = "--name",
                              .placeholder = "NAME",
                              .help = "What people call it",
                              .required = true},
                             {.name = "--currency",
                              .placeholder = "CODE",
                              .help = "Of orders that name none; EUR"},
                             {.name = "--number-prefix",
                              .placeholder = "TEXT",
                              .help = "Before its order numbers; SO-"}},
               .in_workspace = true,
               .run = create},
              {.name = "store list",
               .summary = "Lists the stores",
               .example = "store list --workspace acme",
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "store show",
               .summary = "Shows a store",
               .example = "store show 'Web shop' --workspace acme",
               .arguments = {{.name = "STORE", .help = "Its id or name", .required = true}},
               .in_workspace = true,
               .run = show},
          }};
}

}  // namespace waybill::app::cli
