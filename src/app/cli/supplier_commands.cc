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

Session::Path place_of(Session& session, std::string_view rest = {}) {
  return session.in_workspace("/suppliers/" + segment(session.text("SUPPLIER")) +
                              std::string(rest));
}

// "none" takes the member away.
void add_or_clear(json::object& body, const Session& session, std::string_view argument,
                  std::string_view member) {
  const auto value = session.value(argument);
  if (!value) return;
  body[member] = *value == "none" ? json::value(nullptr) : json::value(*value);
}

Result<void> update(Session& session) {
  json::object body;
  add_text(body, session, "--name");
  add_or_clear(body, session, "--email", "email");
  add_or_clear(body, session, "--phone", "phone");
  if (body.empty()) return usage_error("Give --name, --email or --phone: what is to change.");
  return session.print_answer(session.patch(place_of(session), body));
}

Result<void> claim(Session& session) {
  return session.print_answer(session.post(place_of(session, "/claim")));
}

}  // namespace

CommandGroup supplier_group() {
  const Argument supplier{.name = "SUPPLIER", .help = "Its id or uuid", .required = true};
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
          {.name = "supplier update",
           .summary = "Changes a supplier; what is not named stays",
           .details = "supplier.updated tells of it.",
           .example = "supplier update sup_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --email sales@paper.example",
           .arguments =
               {supplier,
                {.name = "--name", .placeholder = "NAME", .help = "The name that orders use"},
                {.name = "--email",
                 .placeholder = "ADDRESS",
                 .help = "Its e-mail address; none takes it away"},
                {.name = "--phone",
                 .placeholder = "NUMBER",
                 .help = "Its telephone number; none takes it away"}},
           .in_workspace = true,
           .run = update},
          {.name = "supplier claim",
           .summary = "Notes that a seller took over its profile",
           .details = "vendor.claimed tells of it; a second time nothing happens.",
           .example = "supplier claim sup_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
           .arguments = {supplier},
           .in_workspace = true,
           .run = claim},
      }};
}

}  // namespace waybill::app::cli
