#include <chrono>

#include "app/database.h"
#include "app/doctor_parts.h"
#include "store/copy.h"
#include "store/migrations.h"

namespace waybill::app {
namespace {

constexpr std::int64_t kServerVersionMin = 150'000;  // As the server counts: 15.0.
constexpr auto kClockDifferenceMax = std::chrono::seconds(2);

std::string ask_text(store::Connection& connection, std::string_view sql) {
  std::string text;
  (void)connection.query(sql, {}, [&](const store::Row& row) { text = row.string(0); });
  return text;
}

void check_server(const std::string& shown, store::Connection& connection, Findings& findings) {
  const auto number =
      ask_number(connection, "SELECT current_setting('server_version_num')::bigint").value_or(0);
  const std::string version = ask_text(connection, "SELECT current_setting('server_version')");
  if (number < kServerVersionMin) {
    return findings.fail(
        "database", fmt::format("{} is PostgreSQL {}: it has to be 15 or later", shown, version));
  }
  findings.ok("database", fmt::format("{} answers, PostgreSQL {}", shown, version));
}

// What the server acknowledges is on its disk.
void check_durability(store::Connection& connection, Findings& findings) {
  bool durable = true;
  const auto require = [&](std::string_view setting, std::string_view sql) {
    if (ask_text(connection, sql) != "off") return;
    durable = false;
    findings.fail("durability", fmt::format("{} is off on the database server: what it has "
                                            "acknowledged is lost when it crashes",
                                            setting));
  };
  require("fsync", "SELECT current_setting('fsync')");
  require("full_page_writes", "SELECT current_setting('full_page_writes')");
  // The driver turns it on for its own sessions.
  if (ask_text(connection, "SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'") ==
      "off") {
    durable = false;
    findings.warn("durability",
                  "synchronous_commit is off on the database server; the hub turns it "
                  "on for itself");
  }
  if (durable) findings.ok("durability", "the server syncs what it acknowledges");
}

// Of the server, the database and the user, the least.
void check_connections(store::Connection& connection, Findings& findings) {
  const auto allowed = ask_number(
      connection,
      "SELECT least(current_setting('max_connections')::bigint "
      "- current_setting('superuser_reserved_connections')::bigint, "
      "(SELECT CASE WHEN datconnlimit < 0 THEN NULL ELSE datconnlimit END FROM pg_database "
      "WHERE datname = current_database()), "
      "(SELECT CASE WHEN rolconnlimit < 0 THEN NULL ELSE rolconnlimit END FROM pg_roles "
      "WHERE rolname = current_user))");
  const auto used = ask_number(
      connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'");
  if (!allowed || !used) return;
  const std::int64_t free = *allowed - *used;
  const int needed = connections_of_node();
  const std::string count =
      fmt::format("{} of {} connections are in use, and a node takes {}", *used, *allowed, needed);
  if (free >= needed) return findings.ok("connections", count);
  findings.warn("connections",
                count + ": no further node can start; raise max_connections of the server");
}

// Schedules and leases are times that every node writes and reads.
void check_server_clock(store::Connection& connection, const Clock& clock, Findings& findings) {
  const Timestamp before = clock.wall_now();
  const auto theirs =
      ask_number(connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
  const Timestamp after = clock.wall_now();
  if (!theirs) return;
  const Timestamp time = from_unix_millis(*theirs);
  const auto difference = time < before  ? before - time
                          : time > after ? time - after
                                         : std::chrono::milliseconds(0);
  if (difference <= kClockDifferenceMax) {
    return findings.ok("server clock", "it agrees with this machine's");
  }
  findings.warn(
      "server clock",
      fmt::format("it is {} {} this machine's: set up NTP on both, nodes must be within {}",
                  format_duration(std::chrono::floor<std::chrono::seconds>(difference)),
                  time < before ? "behind" : "before", format_duration(kClockDifferenceMax)));
}

// True if the tables are what this program needs.
bool check_tables(store::Connection& connection, Findings& findings) {
  if (ask_number(connection,
                 "SELECT count(*) FROM pg_class WHERE oid = "
                 "to_regclass('schema_migrations')")
          .value_or(0) == 0) {
    findings.warn("tables", "there are none yet: no hub was started on this database");
    return false;
  }
  const auto pending = store::pending_migrations(connection);
  if (!pending) {
    findings.fail("tables", pending.error().message);
    return false;
  }
  if (*pending > 0) {
    findings.warn("tables", fmt::format("{} of this version's changes are missing: the first node "
                                        "of it makes them at its start",
                                        *pending));
    return false;
  }
  findings.ok("tables", "they are this version's");
  return true;
}

}  // namespace

void examine_postgres(const DoctorOptions& options, const Settings& settings, const Clock& clock,
                      bool hub_runs, Findings& findings) {
  if (!settings.database->is_private()) {
    findings.warn("database",
                  "it is on another machine, and what is said to it can be read or "
                  "changed on the way: put sslmode=verify-full into its URI");
  }
  const auto driver = make_driver(settings, options.folder);
  const auto connection = driver->connect(store::Connection::Access::kRead);
  if (!connection) return findings.fail("database", connection.error().message);
  if (const auto begun = (*connection)->begin(store::Connection::Access::kRead); !begun) {
    return findings.fail("database", begun.error().message);
  }
  check_server(settings.database->shown(), **connection, findings);
  check_durability(**connection, findings);
  check_connections(**connection, findings);
  check_server_clock(**connection, clock, findings);
  const bool has_tables = check_tables(**connection, findings);
  if (has_tables) {
    examine_records(options, nodes_of(settings), **connection, clock, hub_runs, findings);
  }
  (*connection)->rollback();
  if (!has_tables) return;
  if (const auto finished = store::check_copy_finished(**connection); !finished) {
    findings.fail("tables", finished.error().message);
  }
}

}  // namespace waybill::app
