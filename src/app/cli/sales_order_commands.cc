#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kCarrier{.name = "--carrier", .placeholder = "NAME", .help = "Who brings it"};
constexpr Argument kTrackingNumber{
    .name = "--tracking-number", .placeholder = "TEXT", .help = "By which it is followed"};
constexpr Argument kTrackingUrl{
    .name = "--tracking-url", .placeholder = "URL", .help = "Where it is followed"};

json::object shipment_of(const Session& session) {
  json::object body;
  add_text(body, session, "--carrier");
  add_text(body, session, "--tracking-number");
  add_text(body, session, "--tracking-url");
  return body;
}

Session::Path place_of(Session& session, std::string_view rest = {}) {
  return session.in_workspace("/sales-orders/" + segment(session.text("ORDER")) +
                              std::string(rest));
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/sales-orders"),
                            {"--store", "--external-id", "--number", "--status"},
                            {{"ID", "id"},
                             {"NUMBER", "number"},
                             {"EXTERNAL ID", "external_id"},
                             {"STATUS", "status"},
                             {"PAYMENT", "payment_status"},
                             {"TOTAL", "total"},
                             {"CURRENCY", "currency"},
                             {"CREATED", "created_at"}});
}

Result<void> show(Session& session) { return session.print_answer(session.get(place_of(session))); }

Result<void> ship(Session& session) {
  json::object body = shipment_of(session);
  add_text(body, session, "--shipped-at");
  return session.print_answer(session.post(place_of(session, "/shipments"), body));
}

Result<void> deliver(Session& session) {
  return session.print_answer(session.post(place_of(session, "/deliver")));
}

Result<void> cancel(Session& session) {
  return session.print_answer(session.post(place_of(session, "/cancel")));
}

Result<void> update_shipment(Session& session) {
  return session.print_answer(
      session.patch(session.in_workspace("/shipments/" + segment(session.text("SHIPMENT"))),
                    shipment_of(session)));
}

Command on_order(std::string name, std::string_view summary, std::string_view details,
                 std::string_view example, Result<void> (*run)(Session&),
                 std::vector<Argument> more = {}) {
  Command command{.name = std::move(name),
                  .summary = summary,
                  .details = details,
                  .example = example,
                  .arguments = {{.name = "ORDER", .help = "Its id or uuid", .required = true}},
                  .in_workspace = true,
                  .run = run};
  for (const Argument& argument : more) command.arguments.push_back(argument);
  return command;
}

Command list_command() {
  return {.name = "sales-order list",
          .summary = "Lists sales orders, newest first",
          .example = "sales-order list --workspace acme --status open",
          .arguments = {{.name = "--store",
                         .placeholder = "STORE",
                         .help = "Only those of this store: its id or name"},
                        {.name = "--external-id",
                         .placeholder = "ID",
                         .help = "Only those with this id in their shop"},
                        {.name = "--number",
                         .placeholder = "TEXT",
                         .help = "Only those with this number"},
                        {.name = "--status",
                         .placeholder = "STATUS",
                         .help = "Only those that are open, shipped, delivered or cancelled"}},
          .in_workspace = true,
          .is_list = true,
          .run = list};
}

}  // namespace

CommandGroup sales_order_group() {
  return {.name = "sales-order",
          .summary = "Sales orders, which shops pushed in",
          .commands = {
              list_command(),
              on_order("sales-order show", "Shows one with its payments and shipments", {},
                       "sales-order show ord_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme", show),
              on_order("sales-order ship", "Notes that goods of it are on their way",
                       "Each time is a shipment of its own; order.shipped tells of the first.",
                       "sales-order ship ord_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --carrier UPS", ship,
                       {kCarrier,
                        kTrackingNumber,
                        kTrackingUrl,
                        {.name = "--shipped-at",
                         .placeholder = "TIME",
                         .help = "When: a time in RFC 3339; without it, now"}}),
              on_order("sales-order deliver", "Notes that the goods have arrived",
                       "order.delivered tells of it; a second time nothing happens.",
                       "sales-order deliver ord_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", deliver),
              on_order("sales-order cancel", "Cancels one that is not on its way yet",
                       "order.cancelled tells of it; a second time nothing happens. What was paid "
                       "stays paid.",
                       "sales-order cancel ord_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", cancel),
          }};
}

CommandGroup shipment_group() {
  Argument number = kTrackingNumber;
  number.required = true;
  return {.name = "shipment",
          .summary = "Shipments of sales orders",
          .commands = {
              {.name = "shipment update",
               .summary = "Gives a shipment its tracking number",
               .details = "shipment.tracking_added tells of it. What is not given stays.",
               .example = "shipment update shp_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --tracking-number 1Z99",
               .arguments = {{.name = "SHIPMENT", .help = "Its id or uuid", .required = true},
                             number,
                             kCarrier,
                             kTrackingUrl},
               .in_workspace = true,
               .run = update_shipment},
          }};
}

}  // namespace waybill::app::cli
