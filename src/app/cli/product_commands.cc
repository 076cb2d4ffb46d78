#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Session::Path place_of(Session& session) {
  return session.in_workspace("/products/" + segment(session.text("SKU")));
}

Result<void> put(Session& session) {
  json::object body;
  add_text(body, session, "--name");
  add_text(body, session, "--price");
  add_text(body, session, "--currency");
  add_text(body, session, "--description");
  add_text(body, session, "--supplier");
  if (session.has("--unpublished")) body["published"] = false;
  return session.print_answer(session.put(place_of(session), body));
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/products"), {},
                            {{"SKU", "sku"},
                             {"NAME", "name"},
                             {"PRICE", "price"},
                             {"CURRENCY", "currency"},
                             {"PUBLISHED", "published"},
                             {"SUPPLIER", "supplier_id"},
                             {"UPDATED", "updated_at"}});
}

Result<void> show(Session& session) { return session.print_answer(session.get(place_of(session))); }

}  // namespace

CommandGroup product_group() {
  const Argument sku{.name = "SKU", .help = "Its number", .required = true};
  return {
      .name = "product",
      .summary = "Products, which are for sale",
      .commands = {
          {.name = "product put",
           .summary = "Makes a product what the arguments say, wholly",
           .details = "What is not given is not known of it. What is put again as it is changes "
                      "nothing.",
           .example = "product put PAP-A4-80 --workspace acme --name 'Copy paper A4' --price 24.90 "
                      "--currency EUR",
           .arguments = {sku,
                         {.name = "--name",
                          .placeholder = "NAME",
                          .help = "What it is called",
                          .required = true},
                         {.name = "--price",
                          .placeholder = "AMOUNT",
                          .help = "What one costs: 24.90",
                          .required = true},
                         {.name = "--currency",
                          .placeholder = "CODE",
                          .help = "Of the price: EUR",
                          .required = true},
                         {.name = "--description", .placeholder = "TEXT", .help = "What it is"},
                         {.name = "--supplier",
                          .placeholder = "SUPPLIER",
                          .help = "Whom it comes from: a supplier's id or name"},
                         {.name = "--unpublished", .help = "The public API does not show it"}},
           .in_workspace = true,
           .run = put},
          {.name = "product list",
           .summary = "Lists the products",
           .example = "product list --workspace acme",
           .in_workspace = true,
           .is_list = true,
           .run = list},
          {.name = "product show",
           .summary = "Shows a product",
           .example = "product show PAP-A4-80 --workspace acme",
           .arguments = {sku},
           .in_workspace = true,
           .run = show},
      }};
}

}  // namespace waybill::app::cli
