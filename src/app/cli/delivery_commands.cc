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

// Of messages, where a source received what is delivered.
constexpr Argument kOfHandler{
    .name = "--handler", .placeholder = "HANDLER", .help = "Only those to this handler"};
constexpr Argument kOfSource{.name = "--source",
                             .placeholder = "SOURCE",
                             .help = "Only those of messages of this source: its id or name"};
constexpr Argument kOfMessageType{.name = "--message-type",
                                  .placeholder = "TYPE",
                                  .help = "Only those of messages that the platform calls so"};
constexpr Argument kOfExternalId{.name = "--external-id",
                                 .placeholder = "ID",
                                 .help = "Only those of messages with this id of the platform's"};

Query of_handler(const Session& session, Query query = {}) {
  if (const auto handler = session.value("--handler")) query.emplace_back("endpoint", *handler);
  return query;
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/deliveries"),
                            {"--endpoint", "--state", "--type", "--source", "--message-type",
                             "--external-id", "--since", "--until"},
                            kColumns, of_handler(session));
}

Result<void> list_dropped(Session& session) {
  return session.print_list(
      session.in_workspace("/deliveries"),
      {"--endpoint", "--type", "--source", "--message-type", "--external-id", "--since", "--until"},
      kColumns, of_handler(session, {{"state", "dropped"}}));
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/deliveries/" + segment(session.text("DELIVERY")))));
}

Result<void> retry(Session& session) {
  return session.print_answer(session.post(session.in_workspace(
      fmt::format("/deliveries/{}/retry", segment(session.text("DELIVERY"))))));
}

// Which dead letters are meant.
json::object filter_of(const Session& session) {
  json::object body;
  for (const char* argument : {"--endpoint", "--handler", "--source", "--type", "--message-type",
                               "--external-id", "--since", "--until"}) {
    add_text(body, session, argument);
  }
  return body;
}

// The API changes a thousand in one call; this goes on until there are none left. `count`: the
// member that tells how many; `told`: what to say of them all.
Result<void> change_dropped(Session& session, std::string_view action, const json::object& body,
                            std::string_view count, std::string_view told) {
  const auto path = session.in_workspace(action);
  if (!path) return fail(path.error());
  std::int64_t changed = 0;
  for (bool more = true; more;) {
    const auto answer = session.post(*path, body);
    if (!answer) {
      Error error = answer.error();
      if (changed > 0) error.message += fmt::format(" Before: {} {}", changed, told);
      return fail(std::move(error));
    }
    const json::object* members = answer->if_object();
    const json::value* number = members ? members->if_contains(count) : nullptr;
    const json::value* left = members ? members->if_contains("more") : nullptr;
    const std::int64_t now = number && number->is_int64() ? number->get_int64() : 0;
    changed += now;
    // A hub that says "more" and does nothing is not asked for ever.
    more = now > 0 && left && left->is_bool() && left->get_bool();
  }
  if (session.wants_json()) {
    session.print(json::object{{count, changed}, {"more", false}});
  } else {
    session.print_line(fmt::format("{} {}", changed, told));
  }
  return {};
}

// One by its id, or those of a filter.
Result<bool> names_one(const Session& session) {
  if (session.has("DELIVERY")) {
    if (filter_of(session).empty()) return true;
    return usage_error("Either the id of a dead letter, or which ones.");
  }
  if (session.has("--since")) return false;
  return usage_error("Name a dead letter by its id, or those since a time: --since 24h.");
}

Result<void> retry_dropped(Session& session) {
  const auto one = names_one(session);
  if (!one) return fail(one.error());
  if (*one) return retry(session);
  return change_dropped(session, "/deliveries/retry-dropped", filter_of(session), "retried",
                        "dropped deliveries are sent again.");
}

Result<void> dismiss(Session& session) {
  const auto one = names_one(session);
  if (!one) return fail(one.error());
  if (*one) {
    return session.print_answer(
        session.post(session.in_workspace(
                         fmt::format("/deliveries/{}/dismiss", segment(session.text("DELIVERY")))),
                     json::object{{"reason", session.text("--reason")}}));
  }
  json::object body = filter_of(session);
  add_text(body, session, "--reason");
  return change_dropped(session, "/deliveries/dismiss", body, "dismissed",
                        "dead letters are dismissed.");
}

constexpr Argument kDeadLetter{.name = "DELIVERY", .help = "Its id; without it --since is needed"};

std::vector<Argument> which_dropped() {
  Argument since = kSince;
  since.help = "From when on: a time in RFC 3339, or so long ago (1h, 7d)";
  return {kDeadLetter, since,          kUntil,        kOfEndpoint, kOfHandler,
          kOfSource,   kOfMessageType, kOfExternalId, kOfType};
}

Command retry_dropped_command(std::string name, std::string_view example) {
  return {.name = std::move(name),
          .summary = "Sends again what was given up: one, or everything since a time",
          .example = example,
          .arguments = which_dropped(),
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
                         kOfHandler,
                         kOfSource,
                         kOfMessageType,
                         kOfExternalId,
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
  std::vector<Argument> dismissed = which_dropped();
  dismissed.push_back({.name = "--reason",
                       .placeholder = "TEXT",
                       .help = "Why, for whoever looks at it later",
                       .required = true});
  return {.name = "dead-letter",
          .summary = "What was given up: the dropped deliveries",
          .commands = {
              {.name = "dead-letter list",
               .summary = "Lists dropped deliveries, newest first",
               .example = "dead-letter list --workspace acme --since 7d",
               .arguments = {kOfEndpoint, kOfHandler, kOfSource, kOfMessageType, kOfExternalId,
                             kOfType, kSince, kUntil},
               .in_workspace = true,
               .is_list = true,
               .run = list_dropped},
              {.name = "dead-letter show",
               .summary = "Shows one, with every try, and the message that it is of",
               .example = "dead-letter show dlv_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
               .arguments = {{.name = "DELIVERY", .help = "Its id", .required = true}},
               .in_workspace = true,
               .run = show},
              retry_dropped_command("dead-letter replay",
                                    "dead-letter replay --workspace acme --since 24h"),
              {.name = "dead-letter dismiss",
               .summary = "Takes one, or everything since a time, off the list, with a reason",
               .example = "dead-letter dismiss dlv_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --reason 'Entered by "
                          "hand'",
               .arguments = std::move(dismissed),
               .in_workspace = true,
               .run = dismiss},
          }};
}

}  // namespace waybill::app::cli
