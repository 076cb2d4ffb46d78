#include <filesystem>
#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/data_directory.h"
#include "app/master_key.h"
#include "base/clock.h"
#include "store/migrations.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

std::string name_of(uid_t user) {
  const passwd* entry = ::getpwuid(user);  // NOLINT(concurrency-mt-unsafe): there is one thread.
  return entry == nullptr ? std::to_string(user) : entry->pw_name;
}

// A key made by another user would be one that the hub cannot read.
Result<void> check_owner(const fs::path& folder) {
  const fs::path database = database_file(folder);
  struct stat found{};
  if (::stat(database.c_str(), &found) != 0) {
    return fail(Code::kNotFound, "data_directory_unused",
                fmt::format("There is no {}: name the hub's data directory with --data or "
                            "WAYBILL_DATA.",
                            database.string()));
  }
  if (found.st_uid == ::geteuid()) return {};
  return fail(Code::kForbidden, "data_directory_foreign",
              fmt::format("{} belongs to the user {}: run this as that user.", folder.string(),
                          name_of(found.st_uid)));
}

// What was sealed with the old key shall not remain in pages that are free, or in the WAL.
Result<std::int64_t> rotate_in(const fs::path& folder) {
  const auto connection =
      store::SqliteDriver(database_file(folder)).connect(store::Connection::Access::kWrite);
  if (!connection) return fail(connection.error());
  WAYBILL_TRY((*connection)->run_script("PRAGMA secure_delete=ON"));
  WAYBILL_TRY(store::migrate(**connection, SystemClock().now()));
  auto count = rotate_master_key(folder, **connection);
  if (!count) return count;
  WAYBILL_TRY((*connection)->run_script("PRAGMA wal_checkpoint(TRUNCATE)"));
  return count;
}

Result<void> rotate(Session& session) {
  ::umask(077);
  const auto named = session.value("--data");
  const auto folder = named ? fs::path(*named) : data_folder(session.environment());
  if (!folder) return fail(folder.error());
  WAYBILL_TRY(check_owner(*folder));
  // Holds off every hub meanwhile.
  const auto data = DataDirectory::open(*folder);
  if (!data) return fail(data.error());
  const auto count = rotate_in(data->folder());
  if (!count) return fail(count.error());
  session.print(
      json::object{{"file", master_key_file(data->folder()).string()}, {"sealed_anew", *count}});
  session.note(
      "Keep a copy of it, apart from the backups. Backups made before now open only with the "
      "former "
      "key: make a new one once the hub runs.");
  return {};
}

}  // namespace

CommandGroup master_key_group() {
  return {
      .name = "master-key",
      .summary = "The key that opens the stored secrets",
      .commands = {
          {.name = "master-key rotate",
           .summary = "Makes a new master key, and seals every stored secret with it",
           .details =
               "The hub has to be stopped; run this as its user. All of it happens or nothing: "
               "if it is cut short, the next start of the hub, or of this, puts that right. The "
               "former key is removed. Backups made with it need it still.",
           .example = "master-key rotate",
           .arguments = {{.name = "--data",
                          .placeholder = "DIR",
                          .help =
                              "The hub's data directory; default: WAYBILL_DATA, or as the hub"}},
           .asks_hub = false,
           .run = rotate}}};
}

}  // namespace waybill::app::cli
