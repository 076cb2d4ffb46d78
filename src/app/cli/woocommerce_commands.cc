#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

// A run goes through a shop's pages, which may be slow.
constexpr std::chrono::hours kPatience{2};

constexpr Argument kStore{.name = "STORE", .help = "The store's id or name", .required = true};

Session::Path shop_of(Session& session, std::string_view rest = "") {
  return session.in_workspace("/stores/" + segment(session.text("STORE")) + "/woocommerce" +
                              std::string(rest));
}

Session::Path statuses_of(Session& session) {
  return session.in_workspace("/woocommerce/statuses");
}

Session::Path status_of(Session& session) {
  return session.in_workspace("/woocommerce/statuses/" + segment(session.text("STATUS")));
}

Result<void> connect(Session& session) {
  json::object body;
  add_text(body, session, "--consumer-key");
  add_text(body, session, "--consumer-secret");
  body["url"] = session.text("--site");
  if (session.has("--disabled")) body["enabled"] = false;
  if (session.has("--enabled")) body["enabled"] = true;
  return session.print_answer(session.put(shop_of(session), body));
}

Result<void> show(Session& session) { return session.print_answer(session.get(shop_of(session))); }

Result<void> disconnect(Session& session) {
  return session.print_answer(session.remove(shop_of(session)));
}

Result<void> reconcile(Session& session) {
  json::object body;
  add_text(body, session, "--since");
  if (session.has("--dry-run")) body["dry_run"] = true;
  return session.print_answer(session.post(shop_of(session, "/reconcile"), body, "", kPatience));
}

Result<void> list_statuses(Session& session) {
  const auto answer = session.get(statuses_of(session));
  if (!answer) return fail(answer.error());
  session.print_rows(*answer,
                     {{"STATUS", "status"}, {"ACTION", "action"}, {"DEFAULT", "is_default"}});
  return {};
}

Result<void> set_status(Session& session) {
  const json::object body{{"action", session.text("ACTION")}};
  return session.print_answer(session.put(status_of(session), body));
}

Result<void> reset_status(Session& session) {
  return session.print_answer(session.remove(status_of(session)));
}

std::vector<Command> shop_commands() {
  return {{.name = "woocommerce connect",
           .summary = "Says where a store's shop is, to be asked for what its webhooks missed",
           .details = "The key is one of WooCommerce's REST API that may read: WooCommerce, "
                      "Settings, Advanced, REST API. The hub asks every hour.",
           .example = "woocommerce connect main --site https://shop.example --consumer-key ck_1 "
                      "--consumer-secret cs_1",
           .arguments = {kStore,
                         {.name = "--site",
                          .placeholder = "URL",
                          .help = "The site's address",
                          .required = true},
                         {.name = "--consumer-key",
                          .placeholder = "KEY",
                          .help = "The consumer key of its REST API",
                          .required = true},
                         {.name = "--consumer-secret",
                          .placeholder = "SECRET",
                          .help = "And its secret; not named, the one that is there stays, for the "
                                  "same site and key"},
                         {.name = "--disabled", .help = "It is not asked, for now"},
                         {.name = "--enabled", .help = "It is asked again"}},
           .in_workspace = true,
           .run = connect},
          {.name = "woocommerce show",
           .summary = "Shows a store's shop, and how the last run went",
           .example = "woocommerce show main",
           .arguments = {kStore},
           .in_workspace = true,
           .run = show},
          {.name = "woocommerce disconnect",
           .summary = "Forgets a store's shop; its orders stay, and its webhooks go on",
           .example = "woocommerce disconnect main",
           .arguments = {kStore},
           .in_workspace = true,
           .run = disconnect},
          {.name = "woocommerce reconcile",
           .summary = "Asks a store's shop now for what is missing or newer",
           .example = "woocommerce reconcile main --since 7d",
           .arguments = {kStore,
                         {.name = "--since",
                          .placeholder = "TIME",
                          .help = "From there on: a time in RFC 3339, or so long ago (1h, 7d)"},
                         {.name = "--dry-run", .help = "Only counts what would come of it"}},
           .in_workspace = true,
           .run = reconcile}};
}

}  // namespace

CommandGroup woocommerce_group() {
  const Argument status{.name = "STATUS",
                        .help = "As WooCommerce writes it: on-hold; * is every other one",
                        .required = true};
  std::vector<Command> commands = shop_commands();
  commands.push_back({.name = "woocommerce statuses",
                      .summary = "Lists what the statuses of WooCommerce mean",
                      .example = "woocommerce statuses",
                      .in_workspace = true,
                      .run = list_statuses});
  commands.push_back(
      {.name = "woocommerce set-status",
       .summary = "Says what a status means from now on",
       .details = "What has been taken in stays as it is.",
       .example = "woocommerce set-status awaiting-shipment paid",
       .arguments = {status,
                     {.name = "ACTION",
                      .help = "unpaid, paid, delivered, cancelled, refunded or ignore",
                      .required = true}},
       .in_workspace = true,
       .run = set_status});
  commands.push_back({.name = "woocommerce reset-status",
                      .summary = "Lets a status mean again what the hub says",
                      .example = "woocommerce reset-status awaiting-shipment",
                      .arguments = {status},
                      .in_workspace = true,
                      .run = reset_status});
  return {.name = "woocommerce",
          .summary = "Shops of WooCommerce: their statuses, and what was missed",
          .commands = std::move(commands)};
}

}  // namespace waybill::app::cli
