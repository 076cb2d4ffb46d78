#include <fmt/format.h>
#include <sys/stat.h>

#include "app/cli/commands.h"
#include "app/cli/local_hub.h"
#include "app/cli/session.h"
#include "app/copy_hub.h"
#include "app/data_directory.h"
#include "app/database_settings.h"
#include "base/clock.h"

namespace waybill::app::cli {
namespace {

Result<LoadedSettings> settings_of_target(const Session& session) {
  std::map<std::string, std::string, std::less<>> flags{{"data", session.text("--from")}};
  if (const auto to = session.value("--to")) {
    if (database_holds_secret(*to)) {
      return usage_error(
          "--to has a password in it, and everybody on this machine can see it: leave the password "
          "out, and put it into a file that --database-password-file names, PGPASSWORD or "
          "~/.pgpass; or put the whole URI into WAYBILL_DATABASE instead.");
    }
    flags.emplace("database", *to);
  }
  if (const auto file = session.value(kDatabasePasswordFile.name)) {
    flags.emplace("database_password_file", *file);
  }
  auto loaded = load_hub_settings(std::move(flags), session.environment());
  if (!loaded) return usage_error(loaded.error().message);
  if (!loaded->settings.database) {
    return usage_error("Name the PostgreSQL server with --to or WAYBILL_DATABASE.");
  }
  for (const std::string& warning : loaded->warnings) session.note(warning);
  return loaded;
}

json::value report(const CopiedHub& copied) {
  json::array rows;
  for (const CopiedHub::Table& table : copied.tables) {
    rows.push_back(
        json::object{{"table", table.name}, {"rows", table.rows}, {"checksum", table.checksum}});
  }
  return json::object{{"rows", std::move(rows)}};
}

Result<void> copy(Session& session) {
  ::umask(077);
  const auto target = settings_of_target(session);
  if (!target) return fail(target.error());
  const Settings& settings = target->settings;
  WAYBILL_TRY(check_owner(Settings(), settings.data));
  // No hub runs on it meanwhile.
  const auto data = DataDirectory::open(settings.data);
  if (!data) return fail(data.error());
  const auto copied = copy_hub(*data, settings, SystemClock(),
                               [&](const std::string& text) { session.note(text); });
  if (!copied) return fail(copied.error());
  if (copied->was_done && !session.wants_json()) {
    session.note("It was copied before, completely.");
  } else {
    session.print_rows(report(*copied),
                       {{"TABLE", "table"}, {"ROWS", "rows"}, {"CHECKSUM", "checksum"}});
  }
  session.note(
      fmt::format("Everything is on the server, compared row by row. Start the hub with: "
                  "waybill serve --data {} --database {}",
                  data->folder().string(), settings.database->shown()));
  return {};
}

}  // namespace

CommandGroup copy_group() {
  return {
      .name = "copy",
      .summary = "Moves a stopped hub from SQLite to PostgreSQL",
      .commands = {
          {.name = "copy",
           .summary = "Moves a stopped hub from SQLite to PostgreSQL",
           .details =
               "The hub has to be stopped; run this as its user, on an empty database. All records "
               "are copied, and then both sides are compared, row by row. If it is cut short, run "
               "it again: it goes on where it was. The data directory stays the hub's, with its "
               "keys; its SQLite is left as it was, and a file database.moved says that it is not "
               "to be used any more.",
           .example = "copy --from ./waybill-data --to postgres://waybill@db.example/waybill",
           .arguments = {{.name = "--from",
                          .placeholder = "DIR",
                          .help = "The hub's data directory",
                          .required = true},
                         {.name = "--to",
                          .placeholder = "URL",
                          .help = "The server and its empty database, without a password; default: "
                                  "WAYBILL_DATABASE"},
                         kDatabasePasswordFile},
           .asks_hub = false,
           .run = copy}}};
}

}  // namespace waybill::app::cli
