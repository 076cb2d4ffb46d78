#include "app/database.h"

#include <fmt/format.h>

#include "app/data_directory.h"
#include "app/files.h"
#include "store/database.h"
#include "store/postgres/postgres_driver.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace fs = std::filesystem;

std::unique_ptr<store::Driver> make_driver(const Settings& settings, const fs::path& folder) {
  if (settings.database) return std::make_unique<store::PostgresDriver>(*settings.database);
  return std::make_unique<store::SqliteDriver>(database_file(folder));
}

std::string database_shown(const Settings& settings, const fs::path& folder) {
  return settings.database ? settings.database->shown() : database_file(folder).string();
}

int connections_of_node() {
  constexpr int listeners = 1;
  return store::PostgresOptions().writers + store::DatabaseOptions().readers + listeners;
}

fs::path moved_file(const fs::path& folder) { return folder / "database.moved"; }

Result<void> check_not_moved(const Settings& settings, const fs::path& folder) {
  if (settings.database) return {};
  const fs::path file = moved_file(folder);
  const auto target = read_file(file);
  if (!target && target.error().code == Code::kNotFound) return {};
  return fail(
      Code::kConflict, "database_moved",
      fmt::format("The records of {} were copied to {}: start the hub with --database, or "
                  "it would take orders twice. To go back to SQLite as it was then, without "
                  "what came since, stop every node and remove {}.",
                  folder.string(), target.value_or("a database server"), file.string()));
}

}  // namespace waybill::app
