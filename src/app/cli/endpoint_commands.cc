#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kEndpoint{
    .name = "ENDPOINT", .help = "Its id, from `waybill endpoint list`", .required = true};
constexpr Argument kEvents{.name = "--events",
                           .placeholder = "A,B",
                           .help = "The events it gets, or '*' for all",
                           .repeated = true};
constexpr Argument kDescription{
    .name = "--description", .placeholder = "TEXT", .help = "What it is for"};
constexpr Argument kName{.name = "--name", .placeholder = "TEXT", .help = "What it is called"};
constexpr Argument kFilter{
    .name = "--filter",
    .placeholder = "JSON",
    .help = "Sends it only events whose data has this: '{\"total\": {\"$gte\": 100}}'"};
constexpr Argument kCoalescing{
    .name = "--coalescing",
    .placeholder = "30s",
    .help = "Sends it the same once in this time, where its dialect does so; 0s: never"};
constexpr Argument kCoalescingEdge{.name = "--coalescing-edge",
                                   .placeholder = "leading|trailing",
                                   .help = "Sends the first at once, or the last at the end"};
constexpr Argument kOwner{.name = "--owner",
                          .placeholder = "USER",
                          .help = "Whose roles decide what it is sent: an id or e-mail address"};
constexpr Argument kRetry{.name = "--retry",
                          .placeholder = "1m,5m",
                          .help = "The waits before each further try, instead of its dialect's",
                          .repeated = true};
constexpr Argument kAttempts{.name = "--attempts-max",
                             .placeholder = "N",
                             .help = "Tries of one delivery, as far as the schedule goes"};
constexpr Argument kTimeout{
    .name = "--timeout", .placeholder = "10s", .help = "How long an answer may take, 1s to 60s"};
constexpr Argument kRate{.name = "--rate-per-second",
                         .placeholder = "N",
                         .help = "Starts at most N requests in a second, 1 to 10000"};
constexpr Argument kInFlight{.name = "--in-flight-max",
                             .placeholder = "N",
                             .help = "Has at most N requests under way, 1 to 1000"};
constexpr Argument kDeactivate{
    .name = "--deactivate-after",
    .placeholder = "N",
    .help = "So many failures in a row switch it off, 0 to 1000; 0: never"};
constexpr Argument kExhausted{
    .name = "--exhausted",
    .placeholder = "STATE",
    .help = "What follows when a delivery's tries have run out: dropped or deactivated"};
constexpr Argument kHeader{.name = "--header",
                           .placeholder = "NAME:VALUE",
                           .help = "A header to send with each request; instead of those it has",
                           .repeated = true};

// What an update gives back to the dialect.
constexpr std::string_view kDefault = "default";
// Who owns an endpoint that an update takes from its owner.
constexpr std::string_view kNobody = "none";

json::array to_array(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

// --filter and --coalescing; `default` removes one.
Result<void> add_narrowing(json::object& body, const Session& session) {
  if (const auto filter = session.value("--filter")) {
    if (*filter == kDefault) {
      body["filter"] = nullptr;
    } else {
      auto parsed = parse_json(*filter);
      if (!parsed) {
        return usage_error(fmt::format("--filter is no JSON: {}", parsed.error().message));
      }
      body["filter"] = *std::move(parsed);
    }
  }
  const auto window = session.value("--coalescing");
  const auto edge = session.value("--coalescing-edge");
  if (edge && (!window || *window == kDefault)) {
    return usage_error("--coalescing-edge goes with --coalescing.");
  }
  if (window && *window == kDefault) {
    body["coalescing"] = nullptr;
  } else if (window) {
    json::object coalescing{{"window", *window}};
    if (edge) coalescing["edge"] = *edge;
    body["coalescing"] = std::move(coalescing);
  }
  return {};
}

// --header, as an object; `default` alone is none.
Result<void> add_headers(json::object& body, const Session& session) {
  if (!session.has("--header")) return {};
  const auto headers = session.values("--header");
  json::object& members = body["headers"].emplace_object();
  if (headers.size() == 1 && headers[0] == kDefault) return {};
  for (const std::string& header : headers) {
    const auto colon = header.find(':');
    if (colon == std::string::npos) return usage_error("--header is written NAME:VALUE.");
    const auto value = header.find_first_not_of(' ', colon + 1);
    members[header.substr(0, colon)] = value == std::string::npos ? "" : header.substr(value);
  }
  return {};
}

// What differs from the dialect; `default` removes one.
Result<void> add_overrides(json::object& body, const Session& session) {
  if (session.has("--retry")) {
    const auto delays = session.list("--retry");
    if (delays.size() == 1 && delays[0] == kDefault) {
      body["retry"] = nullptr;
    } else {
      body["retry"] = to_array(delays);
    }
  }
  if (const auto timeout = session.value("--timeout")) {
    if (*timeout == kDefault) {
      body["timeout"] = nullptr;
    } else {
      body["timeout"] = *timeout;
    }
  }
  if (const auto exhausted = session.value("--exhausted")) {
    if (*exhausted == kDefault) {
      body["exhausted"] = nullptr;
    } else {
      body["exhausted"] = *exhausted;
    }
  }
  WAYBILL_TRY(add_headers(body, session));
  for (const auto& [argument, member] : {std::pair("--attempts-max", "attempts_max"),
                                         std::pair("--rate-per-second", "rate_per_second"),
                                         std::pair("--in-flight-max", "in_flight_max"),
                                         std::pair("--deactivate-after", "deactivate_after")}) {
    const auto text = session.value(argument);
    if (!text) continue;
    if (*text == kDefault) {
      body[member] = nullptr;
      continue;
    }
    const auto number = session.number(argument);
    if (!number) return fail(number.error());
    body[member] = **number;
  }
  return {};
}

void tell_secret(const Session& session, const json::value& answer) {
  const json::object* endpoint = answer.if_object();
  const json::value* secret = endpoint ? endpoint->if_contains("secret") : nullptr;
  if (secret == nullptr || !secret->is_string()) return;
  session.note(
      "\nThis is the only time the secret is shown: give it to the receiver, who verifies "
      "with it.");
}

Result<void> create(Session& session) {
  json::object body;
  for (const char* argument :
       {"--dialect", "--url", "--name", "--description", "--owner", "--secret"}) {
    add_text(body, session, argument);
  }
  if (session.has("--events")) body["event_types"] = to_array(session.list("--events"));
  WAYBILL_TRY(add_narrowing(body, session));
  WAYBILL_TRY(add_overrides(body, session));
  if (session.has("--in-order")) body["in_order"] = true;
  const auto answer = session.post(session.in_workspace("/endpoints"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  tell_secret(session, *answer);
  return {};
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/endpoints"), {"--state", "--dialect"},
                            {{"ID", "id"},
                             {"STATE", "state"},
                             {"DIALECT", "dialect"},
                             {"URL", "url"},
                             {"EVENTS", "event_types"},
                             {"FAILURES", "consecutive_failures"}});
}

// Asks for …/endpoints/ENDPOINT and `action`, and prints the answer.
Result<json::value> act(Session& session, std::string_view method, std::string_view action,
                        const json::object& body = {}) {
  const auto path = session.in_workspace(
      fmt::format("/endpoints/{}{}", segment(session.text("ENDPOINT")), action));
  auto answer = method == "GET"      ? session.get(path)
                : method == "PATCH"  ? session.patch(path, body)
                : method == "DELETE" ? session.remove(path)
                                     : session.post(path, body);
  if (answer) session.print(*answer);
  return answer;
}

Result<void> without_value(const Result<json::value>& answer) {
  if (!answer) return fail(answer.error());
  return {};
}

Result<void> show(Session& session) { return without_value(act(session, "GET", "")); }
Result<void> pause(Session& session) { return without_value(act(session, "POST", "/pause")); }
Result<void> resume(Session& session) { return without_value(act(session, "POST", "/resume")); }
Result<void> remove(Session& session) { return without_value(act(session, "DELETE", "")); }

Result<void> update(Session& session) {
  json::object body;
  add_text(body, session, "--url");
  add_text(body, session, "--name");
  add_text(body, session, "--description");
  add_text(body, session, "--owner");
  if (session.text("--owner") == kNobody) body["owner"] = nullptr;
  if (session.has("--events")) body["event_types"] = to_array(session.list("--events"));
  WAYBILL_TRY(add_narrowing(body, session));
  WAYBILL_TRY(add_overrides(body, session));
  if (body.empty()) {
    return usage_error("Say what to change: waybill endpoint update --help");
  }
  return without_value(act(session, "PATCH", "", body));
}

Result<void> dry_run(Session& session) {
  json::object body;
  add_text(body, session, "--dialect");
  if (session.has("--events")) body["event_types"] = to_array(session.list("--events"));
  WAYBILL_TRY(add_narrowing(body, session));
  if (session.has("--last")) {
    const auto last = session.number("--last");
    if (!last) return fail(last.error());
    body["limit"] = **last;
  }
  return session.print_answer(session.post(session.in_workspace("/endpoints/dry-run"), body));
}

Result<void> test(Session& session) {
  const auto answer = act(session, "POST", "/test");
  if (!answer) return fail(answer.error());
  const json::object* sent = answer->if_object();
  const json::value* delivery = sent ? sent->if_contains("delivery_id") : nullptr;
  if (delivery != nullptr && delivery->is_string()) {
    session.note(fmt::format("\nHow it went: waybill delivery show {}",
                             std::string_view(delivery->get_string())));
  }
  return {};
}

Result<void> rotate_secret(Session& session) {
  json::object body;
  add_text(body, session, "--secret");
  add_text(body, session, "--overlap");
  const auto answer = act(session, "POST", "/rotate-secret", body);
  if (!answer) return fail(answer.error());
  tell_secret(session, *answer);
  return {};
}

Command of_endpoint(std::string name, std::string_view summary, std::string_view details,
                    std::string_view example, Result<void> (*run)(Session&)) {
  return {.name = std::move(name),
          .summary = summary,
          .details = details,
          .example = example,
          .arguments = {kEndpoint},
          .in_workspace = true,
          .run = run};
}

}  // namespace

CommandGroup endpoint_group() {
  return {
      .name = "endpoint",
      .summary = "Endpoints: where webhooks are sent",
      .commands = {
          {.name = "endpoint create",
           .summary = "Subscribes a URL to events, and shows its secret once",
           .details = "The dialect decides how its webhooks look and are signed. Here --url is the "
                      "endpoint's own; the hub's is --hub.",
           .example = "endpoint create --workspace acme --dialect standard-webhooks --url "
                      "https://shop.example/hooks --events '*'",
           .arguments = {{.name = "--dialect",
                          .placeholder = "NAME",
                          .help = "A name from `waybill dialect list`",
                          .required = true},
                         {.name = "--url",
                          .placeholder = "URL",
                          .help = "Where its webhooks are posted to",
                          .required = true},
                         kEvents,
                         {.name = "--secret",
                          .placeholder = "SECRET",
                          .help = "Signs its webhooks; default: as its dialect says"},
                         kName,
                         kDescription,
                         kFilter,
                         kCoalescing,
                         kCoalescingEdge,
                         kOwner,
                         kRetry,
                         kAttempts,
                         kTimeout,
                         kRate,
                         kInFlight,
                         kDeactivate,
                         kExhausted,
                         kHeader,
                         {.name = "--in-order",
                          .help = "Sends one at a time, the next once the one before is through"}},
           .in_workspace = true,
           .run = create},
          {.name = "endpoint list",
           .summary = "Lists the endpoints, newest first",
           .example = "endpoint list --workspace acme --state deactivated",
           .arguments =
               {{.name = "--state",
                 .placeholder = "STATE",
                 .help = "Only those that are active, paused, deactivated or deleted"},
                {.name = "--dialect", .placeholder = "NAME", .help = "Only those of this dialect"}},
           .in_workspace = true,
           .is_list = true,
           .run = list},
          of_endpoint("endpoint show", "Shows one endpoint and how it fares", "",
                      "endpoint show ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", show),
          {.name = "endpoint update",
           .summary = "Changes an endpoint; what is not named stays",
           .details =
               "`default` as the value of --retry, --attempts-max, --timeout, --rate-per-second, "
               "--in-flight-max, --deactivate-after, --exhausted or --coalescing leaves it to the "
               "dialect again; as that of --header it takes all of them away; --owner none takes "
               "its owner away. Some dialects have endpoints "
               "whose URL and events cannot be changed. Here --url is the endpoint's own; the "
               "hub's is --hub.",
           .example =
               "endpoint update ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --timeout 10s --retry 1m,5m,1h",
           .arguments =
               {kEndpoint,
                {.name = "--url", .placeholder = "URL", .help = "Where to post from now on"},
                kEvents,
                kName,
                kDescription,
                kFilter,
                kCoalescing,
                kCoalescingEdge,
                kOwner,
                kRetry,
                kAttempts,
                kTimeout,
                kRate,
                kInFlight,
                kDeactivate,
                kExhausted,
                kHeader},
           .in_workspace = true,
           .run = update},
          {.name = "endpoint dry-run",
           .summary = "Tells which recent events an endpoint would have been sent",
           .details = "Nothing is made or sent: it tries a filter on what has happened.",
           .example = "endpoint dry-run --workspace acme --dialect proign --filter "
                      "'{\"shipping_method\": \"express\"}'",
           .arguments = {{.name = "--dialect",
                          .placeholder = "NAME",
                          .help = "A name from `waybill dialect list`",
                          .required = true},
                         kEvents,
                         kFilter,
                         {.name = "--last",
                          .placeholder = "N",
                          .help = "Looks at the last N events, 1 to 200; default: 50"}},
           .in_workspace = true,
           .run = dry_run},
          of_endpoint("endpoint pause", "Holds back everything for an endpoint",
                      "What comes meanwhile is kept, and sent when it is resumed.",
                      "endpoint pause ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", pause),
          of_endpoint("endpoint resume", "Switches a paused or deactivated endpoint on again",
                      "Sends what was held back, and forgets the failures.",
                      "endpoint resume ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", resume),
          of_endpoint("endpoint delete", "Ends an endpoint and cancels what waits for it", "",
                      "endpoint delete ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", remove),
          of_endpoint("endpoint test", "Sends a test event to an endpoint", "",
                      "endpoint test ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B", test),
          {.name = "endpoint rotate-secret",
           .summary = "Gives an endpoint a new secret and shows it once",
           .details =
               "For the time of the overlap both secrets sign, so that the receiver can change "
               "over without losing a webhook.",
           .example = "endpoint rotate-secret ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --overlap 24h",
           .arguments = {kEndpoint,
                         {.name = "--secret",
                          .placeholder = "SECRET",
                          .help = "The new secret; default: a random one"},
                         {.name = "--overlap",
                          .placeholder = "24h",
                          .help = "How long the old one signs too, 0s to 7d; default: 24h"}},
           .in_workspace = true,
           .run = rotate_secret},
      }};
}

}  // namespace waybill::app::cli
