#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "app/data_directory.h"
#include "app/database.h"
#include "app/doctor_parts.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uintmax_t kWalBytesMax = 1024 * kMebibyte;
constexpr auto kFutureMax = 1min;
constexpr auto kDueAgeMax = 5min;

std::string seconds_of(std::chrono::milliseconds duration) {
  return format_duration(std::chrono::floor<std::chrono::seconds>(duration));
}

void check_pages(store::Connection& connection, const DoctorOptions& options, Findings& findings) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(database_file(options.folder), error);
  if (!options.thorough && !error && bytes > kQuickCheckBytesMax) {
    return findings.ok("database", fmt::format("it opens; its {} are read only with --thorough",
                                               mebibytes(bytes)));
  }
  std::string faults;
  const auto checked = connection.query("PRAGMA quick_check(5)", {}, [&](const store::Row& row) {
    faults += (faults.empty() ? "" : "; ") + row.string(0);
  });
  if (!checked) return findings.fail("database", checked.error().message);
  if (faults == "ok") {
    return findings.ok("database", fmt::format("its {} are sound", mebibytes(bytes)));
  }
  findings.fail("database", faults + ": stop the hub and restore a backup");
}

void check_wal(const fs::path& folder, Findings& findings) {
  std::error_code error;
  fs::path wal = database_file(folder);
  wal += "-wal";
  const std::uintmax_t bytes = fs::file_size(wal, error);
  if (error || bytes <= kWalBytesMax) return;
  findings.warn("database", fmt::format("{} has {}: something reads the database for long, such as "
                                        "a backup to a slow disk",
                                        wal.string(), mebibytes(bytes)));
}

void check_key(const fs::path& folder, Nodes nodes, store::Connection& connection,
               Findings& findings) {
  std::error_code ignored;
  const auto box = look_at_master_key(folder, connection, nodes);
  if (!box && box.error().code == Code::kNotFound) {
    findings.warn("master key", box.error().message);
  } else if (!box) {
    findings.fail("master key", box.error().message);
  } else if (fs::exists(folder / "master.key.next", ignored)) {
    findings.warn("master key", "a rotation was cut short; the next start of the hub finishes it");
  } else {
    findings.ok("master key", "it opens the stored secrets");
  }
}

// The newest event of each workspace says when it was made: its id begins with that.
void check_times(store::Connection& connection, const Clock& clock, Findings& findings) {
  const Uuid bound = Uuid::lowest_at(clock.wall_now() + kFutureMax);
  const auto future = ask_number(connection,
                                 "SELECT count(*) FROM workspaces w WHERE EXISTS (SELECT 1 FROM "
                                 "events e WHERE e.workspace_id = w.workspace_id AND e.id > $1)",
                                 {bound});
  if (!future) return;
  if (*future == 0) return findings.ok("times", "nothing stored is from the future");
  findings.warn("times",
                "there are events from the future: this machine's clock went back (or the hub ran "
                "with --clock-speed); retries wait until it has caught up");
}

void check_due(store::Connection& connection, const Clock& clock, bool hub_runs,
               Findings& findings) {
  const auto oldest = ask_number(connection,
                                 "SELECT min(d.due_at) FROM deliveries d JOIN endpoints e "
                                 "ON e.workspace_id = d.workspace_id AND e.id = d.endpoint_id "
                                 "WHERE d.due_at IS NOT NULL AND e.state = 'active'");
  if (!oldest) return findings.ok("deliveries", "none is waiting");
  const auto age = clock.wall_now() - from_unix_millis(*oldest);
  if (age <= kDueAgeMax || !hub_runs) {
    return findings.ok("deliveries", age.count() <= 0 ? "none is late"
                                                      : fmt::format("the oldest is due since {}{}",
                                                                    seconds_of(age),
                                                                    hub_runs ? "" : ", for a hub"));
  }
  findings.warn("deliveries",
                fmt::format("the oldest is due since {}: its endpoint is slow or has a low rate, "
                            "or the hub has more to send than it can; waybill delivery list",
                            seconds_of(age)));
}

void check_dead_letters(store::Connection& connection, const Clock& clock, Findings& findings) {
  const auto all =
      ask_number(connection, "SELECT count(*) FROM deliveries WHERE state = 'dropped'");
  const auto today = ask_number(
      connection, "SELECT count(*) FROM deliveries WHERE state = 'dropped' AND finished_at > $1",
      {clock.wall_now() - 24h});
  if (!all || !today) return;
  if (*today > 0) {
    return findings.warn("dead letters",
                         fmt::format("{} in the last 24 hours, {} in all: waybill dead-letter "
                                     "list; waybill dead-letter replay",
                                     *today, *all));
  }
  findings.ok("dead letters", fmt::format("none in the last 24 hours, {} in all", *all));
}

}  // namespace

// The first column of the one row that there is, as a number; or nothing.
std::optional<std::int64_t> ask_number(store::Connection& connection, std::string_view sql,
                                       std::initializer_list<store::Param> params) {
  std::optional<std::int64_t> number;
  (void)connection.query(sql, params, [&](const store::Row& row) {
    if (!row.is_null(0)) number = row.integer(0);
  });
  return number;
}

void examine_records(const DoctorOptions& options, Nodes nodes, store::Connection& connection,
                     const Clock& clock, bool hub_runs, Findings& findings) {
  check_key(options.folder, nodes, connection, findings);
  check_times(connection, clock, findings);
  check_due(connection, clock, hub_runs, findings);
  check_dead_letters(connection, clock, findings);
}

void examine_sqlite(const DoctorOptions& options, const Clock& clock, bool hub_runs,
                    Findings& findings) {
  std::error_code error;
  if (!fs::exists(database_file(options.folder), error)) {
    return findings.warn(
        "database",
        "there is none here: no hub was started, or one whose database the settings "
        "do not name (WAYBILL_DATABASE)");
  }
  if (const auto moved = check_not_moved(Settings(), options.folder); !moved) {
    return findings.fail("database", moved.error().message);
  }
  const auto connection = store::SqliteDriver(database_file(options.folder)).connect_to_look();
  if (!connection) return findings.fail("database", connection.error().message);
  const auto readable = ask_number(**connection, "SELECT count(*) FROM schema_migrations");
  if (!readable) {
    return findings.fail("database", fmt::format("{} cannot be read, or is no database of a hub",
                                                 database_file(options.folder).string()));
  }
  check_pages(**connection, options, findings);
  check_wal(options.folder, findings);
  examine_records(options, Nodes::kOne, **connection, clock, hub_runs, findings);
}

}  // namespace waybill::app
