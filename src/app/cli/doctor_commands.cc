// doctor: what an operator would look at first, one line each, and what to do about it.

#include <filesystem>
#include <map>
#include <system_error>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/doctor.h"
#include "app/version.h"
#include "base/clock.h"

namespace waybill::app::cli {
namespace {

constexpr auto kClockDifferenceMax = std::chrono::seconds(5);

const json::value* member(const json::value& value, std::string_view name) {
  const json::object* members = value.if_object();
  return members ? members->if_contains(name) : nullptr;
}

// Signatures carry the time, and receivers refuse one that is minutes off.
void check_clock(const json::value& status, Findings& findings) {
  const json::value* now = member(status, "now");
  if (now == nullptr || !now->is_string()) return;
  const auto theirs = parse_iso_time(now->get_string());
  if (!theirs) return;
  const auto difference = std::chrono::abs(*theirs - SystemClock().wall_now());
  if (difference <= kClockDifferenceMax) {
    return findings.ok("clock", "the hub's agrees with this machine's");
  }
  findings.warn("clock",
                fmt::format("the hub's is {} from this machine's (as it should with "
                            "--clock-speed): set up NTP",
                            format_duration(std::chrono::floor<std::chrono::seconds>(difference))));
}

void check_version(const json::value& status, Findings& findings) {
  const json::value* theirs = member(status, "version");
  if (theirs == nullptr || !theirs->is_string()) return;
  if (theirs->get_string() == version()) {
    return findings.ok("version", fmt::format("the hub's is this program's, {}", version()));
  }
  findings.warn("version", fmt::format("the hub is {}, this program {}: restart the hub, or use "
                                       "its program",
                                       std::string_view(theirs->get_string()), version()));
}

void check_dangerous(const json::value& status, Findings& findings) {
  const json::value* names = member(status, "dangerous_settings");
  if (names == nullptr || !names->is_array()) return;
  for (const json::value& name : names->get_array()) {
    if (!name.is_string()) continue;
    findings.warn("settings", fmt::format("{} is on: it is for trying things out",
                                          std::string_view(name.get_string())));
  }
  if (names->get_array().empty()) findings.ok("settings", "none that takes a protection away");
}

// What only the hub itself can tell.
void examine_hub(Session& session, Findings& findings) {
  const auto status = session.get("/hub/v1/status");
  if (!status && status.error().code == Code::kForbidden) {
    return findings.ok("access", "the hub takes the token, which is an API key");
  }
  if (!status) return findings.fail("access", status.error().message);
  findings.ok("access", "the hub takes the token");
  check_version(*status, findings);
  check_clock(*status, findings);
  check_dangerous(*status, findings);
}

// A hub that nobody started on this machine is no fault; one that was and does not answer is. What
// listens at the usual address without being this data directory's hub is not sent its token.
void ask_hub(Session& session, bool expected, Findings& findings) {
  if (!expected) {
    return findings.warn("hub",
                         "none runs on this data directory: waybill serve, or --url for "
                         "another's");
  }
  const auto client = session.hub();
  if (!client) return findings.fail("hub", client.error().message);
  const HubAddress& hub = (*client)->hub();
  const auto live = session.get("/health/live");
  if (!live) return findings.fail("hub", live.error().message);
  const auto ready = session.get("/health/ready");
  if (!ready) {
    return findings.fail(
        "hub", fmt::format("it runs at {}, but is not ready: {}", hub.url, ready.error().message));
  }
  findings.ok("hub", fmt::format("ready at {}", hub.url));
  if (hub.token.empty()) {
    return findings.fail("token", fmt::format("there is none in {}", hub.token_source));
  }
  findings.ok("token", fmt::format("from {}", hub.token_source));
  examine_hub(session, findings);
}

Result<void> examine(Session& session) {
  Findings findings;
  findings.ok("program", fmt::format("waybill {}", version()));
  const auto folder = data_folder(session.environment());
  const auto loaded = load_hub_settings({}, session.environment());
  if (!loaded) findings.fail("settings", loaded.error().message);
  if (loaded && !loaded->settings.config.empty()) {
    findings.ok("settings", fmt::format("from {}", loaded->settings.config.string()));
  }
  for (const std::string& warning : loaded ? loaded->warnings : std::vector<std::string>()) {
    findings.warn("settings", warning);
  }

  bool expected = session.has("--url") || session.environment()("WAYBILL_URL");
  if (folder) {
    const DoctorOptions options{.folder = *folder, .thorough = session.has("--thorough")};
    examine_machine(options, loaded ? &loaded->settings : nullptr, SystemClock(), findings);
    expected = expected || running_hub(*folder);
  } else {
    findings.warn("data directory", folder.error().message);
  }
  ask_hub(session, expected, findings);

  session.print_rows(findings.to_json(), {{"", "verdict"}, {"WHAT", "what"}, {"FINDING", "text"}});
  if (findings.failures() == 0) return {};
  return fail(Code::kUnavailable, "doctor",
              fmt::format("{} of these must be mended.", findings.failures()));
}

}  // namespace

CommandGroup doctor_group() {
  return {
      .name = "doctor",
      .summary = "Examines the data directory, the database, the hub and this machine",
      .commands = {
          {.name = "doctor",
           .summary = "Examines the data directory, the database, the hub and this machine",
           .details =
               "Changes nothing, and works whether or not the hub runs. Each line is ok, warn or "
               "fail, and says what to do. The exit status is 0 if nothing fails. Run it as the "
               "hub's user, with the hub's WAYBILL_ variables.",
           .example = "doctor",
           .arguments = {{.name = "--thorough",
                          .help = "Reads every page of a database of more than 2 GiB, too"}},
           .run = examine}}};
}

}  // namespace waybill::app::cli
