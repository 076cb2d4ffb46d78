#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Session::Path place_of(Session& session) {
  return session.in_workspace("/documents/" + segment(session.text("KIND")) + "/" +
                              segment(session.text("ID")));
}

Result<void> put(Session& session) {
  std::string text = session.text("--data");
  if (text.starts_with('@') || text == "-") {
    auto input = read_input(text == "-" ? text : text.substr(1));
    if (!input) return fail(input.error());
    text = std::move(*input);
  }
  auto data = parse_json(text);
  if (!data) return usage_error("--data is no JSON: " + data.error().message);
  if (!data->is_object()) return usage_error("--data has to be a JSON object.");
  if (const auto creator = session.value("--created-by")) {
    data->get_object()["created_by"] = *creator;
  }
  return session.print_answer(session.put(place_of(session), *data));
}

Result<void> show(Session& session) { return session.print_answer(session.get(place_of(session))); }

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/documents"), {"--kind"},
                            {{"KIND", "kind"},
                             {"ID", "id"},
                             {"IDN", "idn"},
                             {"STATUS", "status"},
                             {"MODIFIED", "modified_at"}});
}

}  // namespace

CommandGroup document_group() {
  const Argument kind{
      .name = "KIND", .help = "What it is: purchase_order, invoice, supplier …", .required = true};
  const Argument id{.name = "ID", .help = "Its keeper's number", .required = true};
  return {.name = "document",
          .summary = "Documents: orders, invoices, suppliers that other systems keep",
          .commands = {
              {.name = "document put",
               .summary = "Stores a document, and tells those who want to know of the change",
               .details = "What is put again as it is changes nothing and tells nobody.",
               .example = "document put invoice 88213 --workspace acme --data @invoice.json",
               .arguments = {kind,
                             id,
                             {.name = "--data",
                              .placeholder = "JSON",
                              .help = "The document, an object; @FILE or - reads it",
                              .required = true},
                             {.name = "--created-by",
                              .placeholder = "USER",
                              .help = "Whose it is: a user's id or e-mail"}},
               .in_workspace = true,
               .run = put},
              {.name = "document show",
               .summary = "Shows a document",
               .example = "document show purchase_order 123456",
               .arguments = {kind, id},
               .in_workspace = true,
               .run = show},
              {.name = "document list",
               .summary = "Lists documents, the one that came last first",
               .example = "document list --workspace acme --kind invoice",
               .arguments =
                   {{.name = "--kind", .placeholder = "KIND", .help = "Only those of this kind"}},
               .in_workspace = true,
               .is_list = true,
               .run = list},
          }};
}

}  // namespace waybill::app::cli
