#include <algorithm>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr std::size_t kBatchMax = 100;  // The API's own.

Result<json::value> read_json(std::string_view what, std::string_view text) {
  auto value = parse_json(text);
  if (value) return value;
  const std::string& path = value.error().path;
  return usage_error(fmt::format("{} is not JSON: {}{}", what, value.error().message,
                                 path.empty() ? "" : fmt::format(" (at {})", path)));
}

// A JSON array of events, {"events": […]}, or one event a line.
Result<json::array> read_events(const std::string& text) {
  auto whole = parse_json(text);
  if (whole && whole->is_array()) return std::move(whole->get_array());
  if (whole && whole->is_object()) {
    json::value* events = whole->get_object().if_contains("events");
    if (events != nullptr && events->is_array()) return std::move(events->get_array());
    return json::array{std::move(*whole)};
  }
  json::array events;
  std::size_t line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto event = read_json(fmt::format("Line {} of the batch", line_number), line);
    if (!event) return fail(event.error());
    events.push_back(std::move(*event));
  }
  return events;
}

Result<void> publish_batch(Session& session, const std::string& file) {
  const auto text = read_input(file);
  if (!text) return fail(text.error());
  auto events = read_events(*text);
  if (!events) return fail(events.error());
  if (events->empty()) return usage_error("The batch has no events.");
  const auto path = session.in_workspace("/events/batch");
  if (!path) return fail(path.error());

  json::array rows;
  for (std::size_t at = 0; at < events->size(); at += kBatchMax) {
    json::array part;
    for (std::size_t i = at; i < std::min(at + kBatchMax, events->size()); ++i) {
      part.push_back(std::move((*events)[i]));
    }
    json::object body;
    body["events"] = std::move(part);
    // With a key of the user's own, each part has one that can be told apart.
    std::string key = session.value("--idempotency-key").value_or("");
    if (!key.empty() && at > 0) key += fmt::format("/{}", at);
    auto answer = session.post(*path, body, std::move(key));
    if (!answer) {
      Error error = answer.error();
      if (at > 0) error.message += fmt::format(" The first {} events are published.", at);
      return fail(std::move(error));
    }
    json::object* page = answer->if_object();
    json::value* published = page ? page->if_contains("rows") : nullptr;
    if (published == nullptr || !published->is_array()) continue;
    for (json::value& row : published->get_array()) rows.push_back(std::move(row));
  }
  if (session.wants_json()) {
    json::object all;
    all["rows"] = std::move(rows);
    session.print(all);
  } else {
    session.print_line(fmt::format("{} events are published.", rows.size()));
  }
  return {};
}

Result<void> publish(Session& session) {
  const bool is_batch = session.has("--batch");
  if (is_batch && (session.has("--type") || session.has("--data") || session.has("--subject"))) {
    return usage_error(
        "--batch FILE holds types and data; leave out --type, --data and --subject.");
  }
  if (is_batch) return publish_batch(session, session.text("--batch"));
  if (!session.has("--type") || !session.has("--data")) {
    return usage_error("Give --type and --data, or --batch: waybill event publish --help");
  }
  std::string text = session.text("--data");
  if (text.starts_with('@') || text == "-") {
    auto input = read_input(text == "-" ? text : text.substr(1));
    if (!input) return fail(input.error());
    text = std::move(*input);
  }
  auto data = read_json("--data", text);
  if (!data) return fail(data.error());
  json::object body;
  body["type"] = session.text("--type");
  body["data"] = std::move(*data);
  add_text(body, session, "--subject");
  json::object only;
  for (const char* member : {"dialect", "endpoint"}) {
    if (const auto given = session.value(fmt::format("--only-{}", member))) only[member] = *given;
  }
  if (!only.empty()) body["only"] = std::move(only);
  return session.print_answer(session.post(session.in_workspace("/events"), body,
                                           session.value("--idempotency-key").value_or("")));
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/events"),
                            {"--type", "--subject", "--since", "--until"},
                            {{"ID", "id"},
                             {"TYPE", "type"},
                             {"SUBJECT", "subject"},
                             {"MATCHED", "matched"},
                             {"OCCURRED", "occurred_at"}});
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/events/" + segment(session.text("EVENT")))));
}

Result<void> replay(Session& session) {
  json::object body;
  add_text(body, session, "--endpoint");
  return session.print_answer(session.post(
      session.in_workspace(fmt::format("/events/{}/replay", segment(session.text("EVENT")))),
      body));
}

}  // namespace

CommandGroup event_group() {
  const Argument event{.name = "EVENT", .help = "Its id or uuid", .required = true};
  return {
      .name = "event",
      .summary = "Events: what endpoints are told",
      .commands = {
          {.name = "event publish",
           .summary = "Publishes an event, or a file of them, to every endpoint that wants it",
           .details = "A batch is a JSON array of {\"type\", \"data\", \"subject\"}, or one such "
                      "object a line. It is published in parts of 100, each wholly or not at all.",
           .example =
               "event publish --workspace acme --type invoice.paid --data '{\"total\": 12.5}'",
           .arguments =
               {{.name = "--type",
                 .placeholder = "TYPE",
                 .help = "What happened, such as invoice.paid"},
                {.name = "--data",
                 .placeholder = "JSON",
                 .help = "An object that tells of it; @FILE or - reads it"},
                {.name = "--subject", .placeholder = "TEXT", .help = "The id of what it is about"},
                {.name = "--only-dialect",
                 .placeholder = "NAME",
                 .help = "Of the endpoints it matches, only to those that speak this dialect"},
                {.name = "--only-endpoint",
                 .placeholder = "ENDPOINT",
                 .help = "Only to this one, by its id"},
                {.name = "--batch",
                 .placeholder = "FILE",
                 .help = "Publishes all events of a file; - is standard input"},
                {.name = "--idempotency-key",
                 .placeholder = "KEY",
                 .help = "The same key within 24 hours publishes once"}},
           .in_workspace = true,
           .run = publish},
          {.name = "event list",
           .summary = "Lists events, newest first",
           .example = "event list --workspace acme --type order.created --since 1h",
           .arguments =
               {{.name = "--type", .placeholder = "TYPE", .help = "Only those of this type"},
                {.name = "--subject", .placeholder = "TEXT", .help = "Only those about this"},
                kSince,
                kUntil},
           .in_workspace = true,
           .is_list = true,
           .run = list},
          {.name = "event show",
           .summary = "Shows one event, and its deliveries or why it has none",
           .example = "event show evt_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
           .arguments = {event},
           .in_workspace = true,
           .run = show},
          {.name = "event replay",
           .summary = "Sends an event again, to all endpoints that want it today or to one",
           .example = "event replay evt_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
           .arguments = {event,
                         {.name = "--endpoint",
                          .placeholder = "ENDPOINT",
                          .help = "Only to this one, whatever it subscribes to"}},
           .in_workspace = true,
           .run = replay},
      }};
}

}  // namespace waybill::app::cli
