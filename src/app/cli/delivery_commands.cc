#include <utility>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

const std::vector<Column> kColumns = {
    {"ID", "id"},           {"STATE", "state"},          {"EVENT TYPE", "event_type"},
    {"KIND", "kind"},       {"ENDPOINT", "endpoint_id"}, {"TRIES", "attempts_made"},
    {"NEXT TRY", "due_at"}, {"CREATED", "created_at"}};

constexpr Argument kOfEndpoint{
    .name = "--endpoint", .placeholder = "ENDPOINT", .help = "Only those to this endpoint"};
constexpr Argument kOfType{
    .name = "--type", .placeholder = "TYPE", .help = "Only those of events of this type"};

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/deliveries"),
                            {"--endpoint", "--state", "--type", "--since", "--until"}, kColumns);
}

Result<void> list_dropped(Session& session) {
  return session.print_list(session.in_workspace("/deliveries"),
                            {"--endpoint", "--type", "--since", "--until"}, kColumns,
                            {{"state", "dropped"}});
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/deliveries/" + segment(session.text("DELIVERY")))));
}

Result<void> retry(Session& session) {
  return session.print_answer(session.post(session.in_workspace(
      fmt::format("/deliveries/{}/retry", segment(session.text("DELIVERY"))))));
}

// The API revives a thousand in one call; this goes on until there are none left.
Result<void> retry_dropped(Session& session) {
  json::object body;
  add_text(body, session, "--endpoint");
  add_text(body, session, "--since");
  const auto path = session.in_workspace("/deliveries/retry-dropped");
  if (!path) return fail(path.error());
  std::int64_t retried = 0;
  for (bool more = true; more;) {
    const auto answer = session.post(*path, body);
    if (!answer) {
      Error error = answer.error();
      if (retried > 0) error.message += fmt::format(" {} are being sent again.", retried);
      return fail(std::move(error));
    }
    const json::object* told = answer->if_object();
    const json::value* count = told ? told->if_contains("retried") : nullptr;
    const json::value* left = told ? told->if_contains("more") : nullptr;
    const std::int64_t now = count && count->is_int64() ? count->get_int64() : 0;
    retried += now;
    // A hub that says "more" and does nothing is not asked for ever.
    more = now > 0 && left && left->is_bool() && left->get_bool();
  }
  if (session.wants_json()) {
    session.print(json::object{{"retried", retried}, {"more", false}});
  } else {
    session.print_line(fmt::format("{} dropped deliveries are sent again.", retried));
  }
  return {};
}

Command retry_dropped_command(std::string name, std::string_view example) {
  Argument since = kSince;
  since.help = "From when on: a time in RFC 3339, or so long ago (1h, 7d)";
  since.required = true;
  return {.name = std::move(name),
          .summary = "Sends everything again that was given up since a time",
          .example = example,
          .arguments = {since, kOfEndpoint},
          .in_workspace = true,
          .run = retry_dropped};
}

}  // namespace

CommandGroup delivery_group() {
  const Argument delivery{.name = "DELIVERY", .help = "Its id", .required = true};
  return {
      .name = "delivery",
      .summary = "Deliveries: each event to each endpoint, and every try at it",
      .commands = {
          {.name = "delivery list",
           .summary = "Lists deliveries, newest first",
           .example = "delivery list --workspace acme --state retrying",
           .arguments = {kOfEndpoint,
                         {.name = "--state",
                          .placeholder = "STATE",
                          .help = "Only those that are pending, delivering, succeeded, retrying, "
                                  "dropped or cancelled"},
                         kOfType,
                         kSince,
                         kUntil},
           .in_workspace = true,
           .is_list = true,
           .run = list},
          {.name = "delivery show",
           .summary = "Shows one delivery, with every try and what the receiver answered",
           .example = "delivery show dlv_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
           .arguments = {delivery},
           .in_workspace = true,
           .run = show},
          {.name = "delivery retry",
           .summary = "Tries a delivery again now",
           .details = "A dropped one begins its schedule anew.",
           .example = "delivery retry dlv_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
           .arguments = {delivery},
           .in_workspace = true,
           .run = retry},
          retry_dropped_command("delivery retry-dropped",
                                "delivery retry-dropped --workspace acme --since 24h"),
      }};
}

CommandGroup dead_letter_group() {
  return {.name = "dead-letter",
          .summary = "What was given up: the dropped deliveries",
          .commands = {
              {.name = "dead-letter list",
               .summary = "Lists dropped deliveries, newest first",
               .example = "dead-letter list --workspace acme --since 7d",
               .arguments = {kOfEndpoint, kOfType, kSince, kUntil},
               .in_workspace = true,
               .is_list = true,
               .run = list_dropped},
              retry_dropped_command("dead-letter replay",
                                    "dead-letter replay --workspace acme --since 24h"),
          }};
}

}  // namespace waybill::app::cli
