#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> list(Session& session) {
  const auto path = session.in_workspace("/orders");
  if (!path) return fail(path.error());
  return session.print_list(*path, {"--number", "--since", "--until"},
                            {{"ID", "id"},
                             {"NUMBER", "number"},
                             {"DATE", "order_date"},
                             {"CURRENCY", "currency"},
                             {"SUPPLIER", "supplier_name"},
                             {"STATUS", "status"},
                             {"CREATED", "created_at"}});
}

Result<void> show(Session& session) {
  const auto path = session.in_workspace("/orders/" + segment(session.text("ORDER")));
  if (!path) return fail(path.error());
  const auto answer = session.get(*path);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  return {};
}

}  // namespace

CommandGroup order_group() {
  return {
      .name = "order",
      .summary = "Orders that came in",
      .commands = {
          {.name = "order list",
           .summary = "Lists orders, newest first",
           .example = "order list --workspace acme --since 1h",
           .arguments =
               {{.name = "--number",
                 .placeholder = "TEXT",
                 .help = "Only those with this order number"},
                {.name = "--since",
                 .placeholder = "TIME",
                 .help = "Only newer ones: a time in RFC 3339, or so long ago (1h, 7d)"},
                {.name = "--until", .placeholder = "TIME", .help = "Only older ones, likewise"}},
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
