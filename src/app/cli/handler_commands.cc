#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/handler_spec.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kHandler{
    .name = "HANDLER", .help = "Its id, from `waybill handler list`", .required = true};
constexpr Argument kName{.name = "--name", .placeholder = "TEXT", .help = "What it is called"};
constexpr Argument kDescription{
    .name = "--description", .placeholder = "TEXT", .help = "What it is for"};
constexpr Argument kEvents{.name = "--events",
                           .placeholder = "A,B",
                           .help = "The platform's events it is given, or '*' for all",
                           .repeated = true};
constexpr Argument kFilter{
    .name = "--filter",
    .placeholder = "JSON",
    .help = "Gives it only messages whose body has this: '{\"total\": {\"$gte\": 100}}'"};
constexpr Argument kRetry{.name = "--retry",
                          .placeholder = "30s,2m",
                          .help = "The waits before each further try; default: 30s, 2m, 10m",
                          .repeated = true};
constexpr Argument kAttempts{
    .name = "--attempts-max", .placeholder = "N", .help = "Tries, as far as the schedule goes"};
constexpr Argument kTimeout{
    .name = "--timeout", .placeholder = "30s", .help = "How long one try may take, 1s to 60s"};
constexpr Argument kRate{.name = "--rate-per-second",
                         .placeholder = "N",
                         .help = "Begins at most N tries in a second, 1 to 10000"};
constexpr Argument kInFlight{.name = "--in-flight-max",
                             .placeholder = "N",
                             .help = "Has at most N tries under way, 1 to 1000"};
constexpr Argument kSecret{.name = "--secret",
                           .placeholder = "SECRET",
                           .help = "Signs what it is sent, with --dialect; default: the hub's own"};
constexpr Argument kPayload{.name = "--payload",
                            .placeholder = "message|body",
                            .help = "What it is given: JSON about the message, or the exact bytes"};
constexpr Argument kSet{.name = "--set",
                        .placeholder = "NAME=VALUE",
                        .help =
                            "A setting of its kind; may be given several times; @FILE or @- "
                            "reads its value",
                        .repeated = true};

// What an update gives back to the defaults.
constexpr std::string_view kDefault = "default";

// A text; `default` is none.
void add_or_default(json::object& body, const Session& session, std::string_view argument,
                    std::string_view member) {
  const auto given = session.value(argument);
  if (!given) return;
  if (*given == kDefault) {
    body[member] = nullptr;
  } else {
    body[member] = *given;
  }
}

// --set and --payload, with what a file says where a value names one.
Result<void> add_given_settings(json::object& body, const Session& session) {
  std::vector<std::string> texts = session.values("--set");
  for (std::string& text : texts) {
    const std::size_t value = text.find('=') + 1;
    if (value == 0 || !text.substr(value).starts_with('@')) continue;
    auto read = read_input(text.substr(value + 1));
    if (!read) return fail(read.error());
    // The line break that an editor leaves at the end belongs to no password.
    if (read->ends_with('\n')) read->pop_back();
    if (read->ends_with('\r')) read->pop_back();
    text.replace(value, std::string::npos, *read);
  }
  if (const auto payload = session.value("--payload")) texts.push_back("payload=" + *payload);
  return add_settings(body, texts);
}

// What both create and update take.
Result<void> add_members(json::object& body, const Session& session) {
  add_text(body, session, "--name");
  add_text(body, session, "--description");
  add_text(body, session, "--secret");
  add_or_default(body, session, "--timeout", "timeout");
  if (session.has("--events")) body["event_types"] = json::value_from(session.list("--events"));
  if (session.has("--retry")) {
    const auto delays = session.list("--retry");
    const bool is_default = delays.size() == 1 && delays[0] == kDefault;
    body["retry"] = is_default ? json::value(nullptr) : json::value_from(delays);
  }
  if (const auto filter = session.value("--filter"); filter && *filter == kDefault) {
    body["filter"] = nullptr;
  } else if (filter) {
    auto parsed = parse_json(*filter);
    if (!parsed) return usage_error("--filter is no JSON: " + parsed.error().message);
    body["filter"] = *std::move(parsed);
  }
  for (const auto& [argument, member] : {std::pair("--attempts-max", "attempts_max"),
                                         std::pair("--rate-per-second", "rate_per_second"),
                                         std::pair("--in-flight-max", "in_flight_max")}) {
    if (session.text(argument) == kDefault) {
      body[member] = nullptr;
      continue;
    }
    const auto number = session.number(argument);
    if (!number) return fail(number.error());
    if (*number) body[member] = **number;
  }
  return {};
}

Result<void> create(Session& session) {
  auto body = parse_handler_spec(session.text("SPEC"));
  if (!body) return fail(body.error());
  WAYBILL_TRY(add_members(*body, session));
  add_text(*body, session, "--dialect");
  add_text(*body, session, "--order-by");
  if (session.has("--in-order")) (*body)["in_order"] = true;
  WAYBILL_TRY(add_given_settings(*body, session));
  const auto answer = session.post(
      session.in_workspace(fmt::format("/sources/{}/handlers", segment(session.text("--source")))),
      *body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  const json::object* made = answer->if_object();
  const json::value* secret = made ? made->if_contains("secret") : nullptr;
  if (secret && secret->is_string()) {
    session.note(
        "\nThis is the only time the secret is shown: give it to the receiver, who verifies with "
        "it.");
  }
  return {};
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/handlers"), {"--source", "--state"},
                            {{"ID", "id"},
                             {"STATE", "state"},
                             {"KIND", "channel"},
                             {"NAME", "name"},
                             {"SOURCE", "source_id"},
                             {"EVENTS", "event_types"},
                             {"FAILURES", "consecutive_failures"}});
}

Session::Path path_of(Session& session, std::string_view action = {}) {
  return session.in_workspace(
      fmt::format("/handlers/{}{}", segment(session.text("HANDLER")), action));
}

Result<void> show(Session& session) { return session.print_answer(session.get(path_of(session))); }
Result<void> pause(Session& session) {
  return session.print_answer(session.post(path_of(session, "/pause")));
}
Result<void> resume(Session& session) {
  return session.print_answer(session.post(path_of(session, "/resume")));
}
Result<void> remove(Session& session) {
  return session.print_answer(session.remove(path_of(session)));
}

Result<void> update(Session& session) {
  json::object body;
  if (const auto spec = session.value("--to")) {
    auto parsed = parse_handler_spec(*spec);
    if (!parsed) return fail(parsed.error());
    // Of which kind it is never changes.
    parsed->erase("channel");
    body = *std::move(parsed);
  }
  WAYBILL_TRY(add_members(body, session));
  WAYBILL_TRY(add_given_settings(body, session));
  if (body.empty()) return usage_error("Say what to change: waybill handler update --help");
  return session.print_answer(session.patch(path_of(session), body));
}

Command of_handler(std::string name, std::string_view summary, std::string_view details,
                   std::string_view example, Result<void> (*run)(Session&)) {
  return {.name = std::move(name),
          .summary = summary,
          .details = details,
          .example = example,
          .arguments = {kHandler},
          .in_workspace = true,
          .run = run};
}

Command create_command() {
  return {
      .name = "handler create",
      .summary = "Says what is done with what a source receives",
      .details =
          "SPEC is https://… or http://… (posted to), 'command:/path/to/program arg …' (run, with "
          "the message on its standard input), file:NAME (a line appended), "
          "redis://HOST:PORT[/DB]?stream=S, amqp://USER:PASSWORD@HOST:PORT/VHOST?exchange=E, "
          "kafka://HOST:PORT/TOPIC, postgresql://USER:PASSWORD@HOST:PORT/DB?table=T, publish (as "
          "an event of the workspace) or fetch (the document it names; --set base_url=…).",
      .example =
          "handler create --source payments https://shop.example/hooks --events "
          "charge.succeeded",
      .arguments = {{.name = "SPEC", .help = "What is done", .required = true},
                    {.name = "--source",
                     .placeholder = "SOURCE",
                     .help = "Whose messages: its id or name",
                     .required = true},
                    kName,
                    kDescription,
                    kEvents,
                    kFilter,
                    kRetry,
                    kAttempts,
                    kTimeout,
                    kRate,
                    kInFlight,
                    {.name = "--dialect",
                     .placeholder = "NAME",
                     .help = "Signs what is posted again, as this dialect does"},
                    kSecret,
                    {.name = "--order-by",
                     .placeholder = "TEMPLATE",
                     .help = "One at a time of those that this makes the same of: '{body.id}'"},
                    {.name = "--in-order", .help = "One message at a time"},
                    kPayload,
                    kSet},
      .in_workspace = true,
      .run = create};
}

Command update_command() {
  return {.name = "handler update",
          .summary = "Changes a handler; what is not named stays",
          .details =
              "`default` as the value of --retry, --attempts-max, --timeout, "
              "--rate-per-second, --in-flight-max or --filter takes it away. Settings are "
              "replaced as a whole.",
          .example = "handler update ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --timeout 10s",
          .arguments = {kHandler,
                        {.name = "--to",
                         .placeholder = "SPEC",
                         .help = "What is done from now on, of the same kind"},
                        kName,
                        kDescription,
                        kEvents,
                        kFilter,
                        kRetry,
                        kAttempts,
                        kTimeout,
                        kRate,
                        kInFlight,
                        kSecret,
                        kPayload,
                        kSet},
          .in_workspace = true,
          .run = update};
}

}  // namespace

CommandGroup handler_group() {
  return {
      .name = "handler",
      .summary = "Handlers: what is done with what sources receive",
      .commands = {
          create_command(),
          {.name = "handler list",
           .summary = "Lists handlers, newest first",
           .example = "handler list --source payments",
           .arguments = {{.name = "--source",
                          .placeholder = "SOURCE",
                          .help = "Only those of this source: its id or name"},
                         {.name = "--state",
                          .placeholder = "STATE",
                          .help = "Only those that are active, paused, deactivated or deleted"}},
           .in_workspace = true,
           .is_list = true,
           .run = list},
          of_handler("handler show", "Shows one handler and how it fares", "",
                     "handler show ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", show),
          update_command(),
          of_handler("handler pause", "Holds back everything for a handler",
                     "What comes meanwhile is kept, and given to it when it is resumed.",
                     "handler pause ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", pause),
          of_handler("handler resume", "Switches a paused handler on again", "",
                     "handler resume ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", resume),
          of_handler("handler delete", "Ends a handler and cancels what waits for it", "",
                     "handler delete ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", remove),
      }};
}

}  // namespace waybill::app::cli
