#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/orders"), {"--number", "--since", "--until"},
                            {{"ID", "id"},
                             {"NUMBER", "number"},
                             {"DATE", "order_date"},
                             {"CURRENCY", "currency"},
                             {"SUPPLIER", "supplier_name"},
                             {"STATUS", "status"},
                             {"CREATED", "created_at"}});
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/orders/" + segment(session.text("ORDER")))));
}

}  // namespace

CommandGroup order_group() {
  return {.name = "order",
          .summary = "Orders that came in",
          .commands = {
              {.name = "order list",
               .summary = "Lists orders, newest first",
               .example = "order list --workspace acme --since 1h",
               .arguments = {{.name = "--number",
                              .placeholder = "TEXT",
                              .help = "Only those with this order number"},
                             kSince,
                             kUntil},
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "order show",
               .summary = "Shows one order with its lines",
               .example = "order show ord_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments = {{.name = "ORDER", .help = "Its id or uuid", .required = true}},
               .in_workspace = true,
               .run = show},
          }};
}

}  // namespace waybill::app::cli
