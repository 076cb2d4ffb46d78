#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kHandler{
    .name = "--handler", .placeholder = "HANDLER", .help = "To this handler alone"};

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/messages"),
                            {"--source", "--type", "--external-id", "--since", "--until"},
                            {{"ID", "id"},
                             {"TYPE", "type"},
                             {"EXTERNAL ID", "external_id"},
                             {"BYTES", "body_bytes"},
                             {"AGAIN", "duplicates"},
                             {"RECEIVED", "received_at"}});
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/messages/" + segment(session.text("MESSAGE")))));
}

// One message.
Result<void> replay_one(Session& session, const std::string& message) {
  for (const char* argument :
       {"--source", "--since", "--until", "--type", "--filter", "--only", "--dry-run"}) {
    if (session.has(argument)) {
      return usage_error(fmt::format("{} goes with a source, not with one message.", argument));
    }
  }
  json::object body;
  add_text(body, session, "--handler");
  const auto answer = session.post(
      session.in_workspace(fmt::format("/messages/{}/replay", segment(message))), body);
  if (!answer) return fail(answer.error());
  session.print_rows(*answer, {{"ID", "id"},
                               {"STATE", "state"},
                               {"HANDLER", "endpoint_id"},
                               {"KIND", "kind"},
                               {"CREATED", "created_at"}});
  return {};
}

// What a source received in a time.
Result<void> replay(Session& session) {
  if (const auto message = session.value("MESSAGE")) return replay_one(session, *message);
  const auto source = session.value("--source");
  if (!source) return usage_error("Name a message, or --source for all of a time.");
  json::object body;
  for (const char* argument : {"--handler", "--since", "--until", "--only"}) {
    add_text(body, session, argument);
  }
  if (session.has("--type")) body["event_types"] = json::value_from(session.list("--type"));
  if (const auto text = session.value("--filter")) {
    auto filter = parse_json(*text);
    if (!filter) return usage_error("--filter is not JSON: " + filter.error().message);
    body["filter"] = std::move(*filter);
  }
  const bool dry = session.has("--dry-run");
  const auto answer =
      session.post(session.in_workspace(fmt::format("/sources/{}/replay{}", segment(*source),
                                                    dry ? "/dry-run" : "")),
                   body);
  if (!answer) return fail(answer.error());
  if (dry) {
    session.print_rows(*answer, {{"HANDLER", "handler_id"},
                                 {"LOOKED AT", "looked_at"},
                                 {"DELIVERIES", "deliveries"},
                                 {"SKIPPED", "skipped"},
                                 {"MORE", "more"}});
  } else {
    session.print_rows(*answer, {{"ID", "id"},
                                 {"STATE", "state"},
                                 {"HANDLER", "endpoint_id"},
                                 {"ONLY", "only"},
                                 {"CREATED", "created_at"}});
    session.note("\nHow far each is: waybill replay show ID");
  }
  return {};
}

Command replay_command() {
  return {.name = "message replay",
          .summary = "Gives a message, or all that a source received in a time, to handlers again",
          .details =
              "The same bytes and ids, marked as a replay. Of a time each handler is a job of "
              "its own in the hub; --dry-run counts first.",
          .example = "message replay --source payments --since 1h --dry-run",
          .arguments = {{.name = "MESSAGE", .help = "Its id; without it --source is needed"},
                        kHandler,
                        {.name = "--source",
                         .placeholder = "SOURCE",
                         .help = "All that this source received: its id or name"},
                        kSince,
                        kUntil,
                        {.name = "--type",
                         .placeholder = "A,B",
                         .help = "Only messages of these types, as the platform calls them",
                         .repeated = true},
                        {.name = "--filter",
                         .placeholder = "JSON",
                         .help = "Only messages whose body it lets pass"},
                        {.name = "--only",
                         .placeholder = "WHAT",
                         .help = "all, failed or missing; default: all"},
                        {.name = "--dry-run", .help = "Only tells what it would do"}},
          .in_workspace = true,
          .run = replay};
}

}  // namespace

CommandGroup message_group() {
  return {.name = "message",
          .summary = "Messages: what sources have received, byte for byte",
          .commands = {
              {.name = "message list",
               .summary = "Lists messages, newest first",
               .example = "message list --source payments --since 1h",
               .arguments = {{.name = "--source",
                              .placeholder = "SOURCE",
                              .help = "Only those of this source: its id or name"},
                             {.name = "--type",
                              .placeholder = "TYPE",
                              .help = "Only those of this type, as the platform calls it"},
                             {.name = "--external-id",
                              .placeholder = "ID",
                              .help = "Only those with this id of the platform's"},
                             kSince,
                             kUntil},
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "message show",
               .summary = "Shows one message, its bytes, and what became of it at each handler",
               .example = "message show msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
               .arguments = {{.name = "MESSAGE", .help = "Its id", .required = true}},
               .in_workspace = true,
               .run = show},
              replay_command(),
          }};
}

}  // namespace waybill::app::cli
