#include "app/doctor.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "app/data_directory.h"
#include "app/files.h"
#include "app/master_key.h"
#include "dialect/loader.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uintmax_t kMebibyte = 1024ull * 1024;
// Less, and a busy hub can fill the disk in an hour.
constexpr std::uintmax_t kFreeBytesMin = 1024 * kMebibyte;
constexpr std::uintmax_t kWalBytesMax = 1024 * kMebibyte;
constexpr rlim_t kDescriptorsMin = 4096;
constexpr auto kFutureMax = 1min;
constexpr auto kDueAgeMax = 5min;

std::string mebibytes(std::uintmax_t bytes) { return fmt::format("{} MiB", bytes / kMebibyte); }

std::string seconds_of(std::chrono::milliseconds duration) {
  return format_duration(std::chrono::floor<std::chrono::seconds>(duration));
}

// --- Files ---------------------------------------------------------------------------------------

void check_modes(const fs::path& folder, Findings& findings) {
  bool closed = true;
  for (const fs::path& file :
       {folder, master_key_file(folder), token_file(folder), database_file(folder)}) {
    if (!is_open_to_others(file)) continue;
    closed = false;
    findings.warn("permissions", fmt::format("others on this machine can read {}: chmod go= {}",
                                             file.string(), file.string()));
  }
  if (closed) findings.ok("permissions", "the data directory is its owner's alone");
}

void check_disk(const fs::path& folder, Findings& findings) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) return findings.warn("disk", error.message());
  const std::string free = mebibytes(space.available) + " are free";
  const std::uintmax_t database = fs::file_size(database_file(folder), error);
  if (space.available < kFreeBytesMin) {
    findings.fail("disk", free + ": make room, or move the data directory to a larger disk");
  } else if (!error && space.available < database) {
    findings.warn("disk", fmt::format("{}, but a backup of the database takes {}", free,
                                      mebibytes(database)));
  } else {
    findings.ok("disk", free);
  }
}

// Of the hub, if one runs; else of this shell, which the hub may inherit.
std::optional<rlim_t> descriptor_limit(std::optional<pid_t> hub) {
  if (!hub) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::optional(limit.rlim_max) : std::nullopt;
  }
  std::ifstream limits(fmt::format("/proc/{}/limits", *hub));
  constexpr std::string_view title = "Max open files";
  for (std::string line; std::getline(limits, line);) {
    if (!line.starts_with(title)) continue;
    rlim_t soft = 0;
    std::istringstream(line.substr(title.size())) >> soft;
    return soft;
  }
  return std::nullopt;
}

void check_descriptors(std::optional<pid_t> hub, Findings& findings) {
  const auto limit = descriptor_limit(hub);
  if (!limit) return findings.warn("descriptors", "their limit cannot be read");
  const std::string of = hub ? "the hub" : "a hub started from here";
  if (*limit >= kDescriptorsMin) {
    return findings.ok("descriptors", fmt::format("{} may have {} open", of, *limit));
  }
  findings.warn("descriptors",
                fmt::format("{} may have only {} open, and each connection takes one: raise "
                            "LimitNOFILE of its service, or ulimit -n",
                            of, *limit));
}

// --- Database ------------------------------------------------------------------------------------

// The first column of the one row that there is, as a number; or nothing.
std::optional<std::int64_t> ask_number(store::Connection& connection, std::string_view sql,
                                       std::initializer_list<store::Param> params = {}) {
  std::optional<std::int64_t> number;
  (void)connection.query(sql, params, [&](const store::Row& row) {
    if (!row.is_null(0)) number = row.integer(0);
  });
  return number;
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

void check_key(const fs::path& folder, store::Connection& connection, Findings& findings) {
  std::error_code ignored;
  const auto box = look_at_master_key(folder, connection);
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

void check_database(const DoctorOptions& options, const Clock& clock, bool hub_runs,
                    Findings& findings) {
  std::error_code error;
  if (!fs::exists(database_file(options.folder), error)) {
    return findings.warn("database", "there is none yet: no hub was started here");
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
  check_key(options.folder, **connection, findings);
  check_times(**connection, clock, findings);
  check_due(**connection, clock, hub_runs, findings);
  check_dead_letters(**connection, clock, findings);
}

// --- Settings ------------------------------------------------------------------------------------

void check_dialects(const Settings& settings, Findings& findings) {
  const auto dialects = dialect::DialectRegistry::load(settings.dialects);
  if (!dialects) return findings.fail("dialects", dialects.error().message);
  findings.ok("dialects", fmt::format("{} load", dialects->names().size()));
}

}  // namespace

std::optional<pid_t> running_hub(const fs::path& folder) {
  const fs::path file = folder / "hub.lock";
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  if (!held) return std::nullopt;
  const std::string text = read_file(file).value_or("");
  pid_t process = 0;
  std::from_chars(text.data(), text.data() + text.size(), process);
  return process;
}

void examine_machine(const DoctorOptions& options, const Settings* settings, const Clock& clock,
                     Findings& findings) {
  if (settings != nullptr) check_dialects(*settings, findings);
  std::error_code error;
  if (!fs::is_directory(options.folder, error)) {
    const std::string why = error && error != std::errc::no_such_file_or_directory
                                ? error.message()
                                : "no hub was started with it";
    return findings.warn("data directory",
                         fmt::format("{} is not there: {}. Name another with WAYBILL_DATA",
                                     options.folder.string(), why));
  }
  findings.ok("data directory", options.folder.string());
  if (::access(options.folder.c_str(), R_OK | X_OK) != 0) {
    return findings.fail("data directory", "this user cannot read it: run this as the hub's user");
  }
  const auto hub = running_hub(options.folder);
  check_modes(options.folder, findings);
  check_disk(options.folder, findings);
  check_descriptors(hub, findings);
  check_database(options, clock, hub.has_value(), findings);
}

}  // namespace waybill::app
