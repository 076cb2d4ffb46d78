#include <chrono>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kBetweenLooks{500};

const std::vector<Column> kColumns = {
    {"ID", "id"},           {"STATE", "state"},       {"ENDPOINT", "endpoint_id"},
    {"ONLY", "only"},       {"MADE", "made"},         {"SKIPPED", "skipped"},
    {"REACHED", "reached"}, {"CREATED", "created_at"}};

std::string member(const json::value& answer, std::string_view name) {
  const json::object* object = answer.if_object();
  const json::value* value = object ? object->if_contains(name) : nullptr;
  if (!value || value->is_null()) return "";
  const json::string* text = value->if_string();
  return text ? std::string(text->data(), text->size()) : write_json(*value);
}

std::string progress(const json::value& replay) {
  std::string line =
      fmt::format("{} events looked at, {} deliveries made, {} skipped",
                  member(replay, "looked_at"), member(replay, "made"), member(replay, "skipped"));
  if (const std::string reason = member(replay, "reason"); !reason.empty()) line += ". " + reason;
  return line;
}

// Looks until it is over, and tells what has changed.
Result<json::value> watch(Session& session, json::value replay) {
  const auto path = session.in_workspace("/replays/" + segment(member(replay, "id")));
  boost::asio::io_context context;
  boost::asio::steady_timer timer(context);
  std::string told;
  while (member(replay, "state") == "running") {
    if (const std::string line = progress(replay); line != told) {
      session.note(line);
      told = line;
    }
    timer.expires_after(kBetweenLooks);
    timer.wait();
    auto next = session.get(path);
    if (!next) return next;
    replay = *std::move(next);
  }
  return replay;
}

Result<void> create(Session& session) {
  json::object body;
  add_text(body, session, "--endpoint");
  add_text(body, session, "--only");
  add_text(body, session, "--subject");
  add_text(body, session, "--since");
  add_text(body, session, "--until");
  if (session.has("--types")) body["event_types"] = json::value_from(session.list("--types"));
  if (const auto text = session.value("--filter")) {
    auto filter = parse_json(*text);
    if (!filter) return usage_error("--filter is not JSON: " + filter.error().message);
    body["filter"] = std::move(*filter);
  }
  if (session.has("--dry-run")) {
    return session.print_answer(session.post(session.in_workspace("/replays/dry-run"), body));
  }
  auto made = session.post(session.in_workspace("/replays"), body,
                           session.value("--idempotency-key").value_or(""));
  if (!made || !session.has("--wait")) return session.print_answer(made);
  const auto over = watch(session, *std::move(made));
  if (!over) return fail(over.error());
  session.print(*over);
  if (member(*over, "state") == "done") return {};
  return fail(Code::kConflict, "replay_not_done",
              fmt::format("The replay is {}. {}", member(*over, "state"), member(*over, "reason")));
}

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/replays"), {"--endpoint", "--state"}, kColumns);
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/replays/" + segment(session.text("REPLAY")))));
}

Result<void> cancel(Session& session) {
  return session.print_answer(session.post(
      session.in_workspace(fmt::format("/replays/{}/cancel", segment(session.text("REPLAY"))))));
}

Command create_command() {
  Argument since = kSince, until = kUntil;
  since.help = "Only events since then: a time in RFC 3339, or so long ago (1h, 7d)";
  until.help = "Only events before then, likewise";
  return {
      .name = "replay create",
      .summary = "Sends an endpoint what it lacks, or all of a time again",
      .details =
          "It goes on in the hub, also over a restart; \"replay show\" tells how far it "
          "is. New events go first, and the endpoint's limits hold.",
      .example = "replay create --endpoint ep_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --only missing --wait",
      .arguments = {{.name = "--endpoint",
                     .placeholder = "ENDPOINT",
                     .help = "Whom to send to",
                     .required = true},
                    {.name = "--only",
                     .placeholder = "WHAT",
                     .help = "missing: what it was never owed; failed: what was given up; all: "
                             "everything again",
                     .required = true},
                    {.name = "--types",
                     .placeholder = "A,B",
                     .help = "Only events of these types",
                     .repeated = true},
                    {.name = "--filter",
                     .placeholder = "JSON",
                     .help = "Only events whose data it lets pass, as an endpoint's filter"},
                    {.name = "--subject", .placeholder = "TEXT", .help = "Only events about this"},
                    since,
                    until,
                    {.name = "--dry-run", .help = "Only tells what it would do"},
                    {.name = "--wait", .help = "Shows how far it is until it is over"},
                    {.name = "--idempotency-key",
                     .placeholder = "KEY",
                     .help = "The same key within 24 hours begins one"}},
      .in_workspace = true,
      .run = create};
}

}  // namespace

CommandGroup replay_group() {
  const Argument replay{.name = "REPLAY", .help = "Its id", .required = true};
  return {.name = "replay",
          .summary = "Replays: jobs that send many events again, or to an endpoint added later",
          .commands = {
              create_command(),
              {.name = "replay list",
               .summary = "Lists replays, newest first",
               .example = "replay list --workspace acme --state running",
               .arguments = {{.name = "--endpoint",
                              .placeholder = "ENDPOINT",
                              .help = "Only those to this endpoint"},
                             {.name = "--state",
                              .placeholder = "STATE",
                              .help = "Only those that are running, done, cancelled or failed"}},
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "replay show",
               .summary = "Shows one replay, and how far it is",
               .example = "replay show rpl_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
               .arguments = {replay},
               .in_workspace = true,
               .run = show},
              {.name = "replay cancel",
               .summary = "Ends a replay; what it has made is still sent",
               .example = "replay cancel rpl_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",
               .arguments = {replay},
               .in_workspace = true,
               .run = cancel},
          }};
}

}  // namespace waybill::app::cli
