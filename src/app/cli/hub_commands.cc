// status, doctor and version: how the hub is, and how this machine is set up for it.

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/data_directory.h"
#include "app/files.h"
#include "app/version.h"
#include "base/clock.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

Result<void> show_status(Session& session) {
  const auto answer = session.get("/hub/v1/status");
  if (!answer) return fail(answer.error());
  session.print(*answer);
  return {};
}

// What the doctor finds, one line each.
class Findings {
 public:
  enum class Verdict { kGood, kWarning, kBad };

  void add(Verdict verdict, std::string_view what, std::string text) {
    bad_ += verdict == Verdict::kBad ? 1 : 0;
    const std::string_view word = verdict == Verdict::kGood      ? "ok"
                                  : verdict == Verdict::kWarning ? "warning"
                                                                 : "bad";
    rows_.push_back(json::object{{"verdict", word}, {"what", what}, {"text", std::move(text)}});
  }
  void good(std::string_view what, std::string text) { add(Verdict::kGood, what, std::move(text)); }
  void bad(std::string_view what, std::string text) { add(Verdict::kBad, what, std::move(text)); }
  void warn(std::string_view what, std::string text) {
    add(Verdict::kWarning, what, std::move(text));
  }

  int bad_count() const { return bad_; }
  json::value to_json() const { return json::object{{"rows", rows_}}; }

 private:
  json::array rows_;
  int bad_ = 0;
};

// Less, and a busy hub can fill the disk in an hour.
constexpr std::uintmax_t kFreeBytesMin = 1024ull * 1024 * 1024;
constexpr auto kClockDifferenceMax = std::chrono::seconds(5);

void check_data(const fs::path& folder, Findings& findings) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return findings.warn(
        "data directory",
        fmt::format("{} is not there: no hub was started with it", folder.string()));
  }
  findings.good("data directory", folder.string());
  for (const fs::path& file : {folder, master_key_file(folder), token_file(folder)}) {
    if (is_open_to_others(file)) {
      findings.warn("permissions",
                    fmt::format("others can read {}: chmod go= {}", file.string(), file.string()));
    }
  }
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < kFreeBytesMin) {
    findings.warn("disk", fmt::format("{} MiB are free", space.available / 1024 / 1024));
  } else if (!error) {
    findings.good("disk", fmt::format("{} GiB are free", space.available / 1024 / 1024 / 1024));
  }
}

// Signatures carry the time, and receivers refuse one that is minutes off.
void check_clock(const json::value& status, Findings& findings) {
  const json::object* members = status.if_object();
  const json::value* now = members ? members->if_contains("now") : nullptr;
  if (now == nullptr || !now->is_string()) return;
  const auto theirs = parse_iso_time(now->get_string());
  if (!theirs) return;
  const auto difference = std::chrono::abs(*theirs - SystemClock().wall_now());
  if (difference > kClockDifferenceMax) {
    findings.warn(
        "clock",
        fmt::format("the hub's is {} from this machine's (as it should with "
                    "--clock-speed)",
                    format_duration(std::chrono::floor<std::chrono::seconds>(difference))));
  } else {
    findings.good("clock", "the hub's agrees with this machine's");
  }
}

Result<void> examine(Session& session) {
  Findings findings;
  findings.good("program", fmt::format("waybill {}", version()));
  const auto folder = data_folder(session.environment());
  if (folder) {
    check_data(*folder, findings);
  } else {
    findings.warn("data directory", folder.error().message);
  }
  const auto client = session.hub();
  if (!client) {
    findings.bad("hub", client.error().message);
  } else {
    const HubAddress& hub = (*client)->hub();
    if (hub.token.empty()) {
      findings.bad("token", fmt::format("there is none in {}", hub.token_source));
    } else {
      findings.good("token", fmt::format("from {}", hub.token_source));
    }
    const auto ready = session.get("/health/ready");
    if (!ready) {
      findings.bad("hub", ready.error().message);
    } else {
      findings.good("hub", fmt::format("ready at {}", hub.url));
      const auto status = session.get("/hub/v1/status");
      if (status) {
        findings.good("access", "the hub takes the token");
        check_clock(*status, findings);
      } else if (status.error().code == Code::kForbidden) {
        findings.good("access", "the hub takes the token, which is an API key");
      } else {
        findings.bad("access", status.error().message);
      }
    }
  }

  session.print_rows(findings.to_json(), {{"", "verdict"}, {"WHAT", "what"}, {"FINDING", "text"}});
  if (findings.bad_count() > 0) {
    return fail(Code::kUnavailable, "doctor",
                fmt::format("{} of these must be mended.", findings.bad_count()));
  }
  return {};
}

Result<void> print_version(Session& session) {
  if (session.wants_json()) {
    session.print(json::object{{"version", version()}});
  } else {
    session.print_line(fmt::format("waybill {}", version()));
  }
  return {};
}

}  // namespace

CommandGroup status_group() {
  return {.name = "status",
          .summary = "How the running hub is: its version, deliveries, database",
          .commands = {{.name = "status",
                        .summary = "How the running hub is: its version, deliveries, database",
                        .example = "status",
                        .run = show_status}}};
}

CommandGroup doctor_group() {
  return {.name = "doctor",
          .summary = "Examines the data directory, the token, the hub and the clock",
          .commands = {{.name = "doctor",
                        .summary = "Examines the data directory, the token, the hub and the clock",
                        .details = "The exit status is 0 if nothing must be mended.",
                        .example = "doctor",
                        .run = examine}}};
}

CommandGroup version_group() {
  return {.name = "version",
          .summary = "Prints the version of this program",
          .commands = {{.name = "version",
                        .summary = "Prints the version of this program",
                        .example = "version",
                        .asks_hub = false,
                        .run = print_version}}};
}

}  // namespace waybill::app::cli
