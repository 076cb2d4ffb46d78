#include "app/database.h"

#include <chrono>

#include <fmt/format.h>

#include "app/data_directory.h"
#include "app/files.h"
#include "model/node.h"
#include "store/database.h"
#include "store/nodes.h"
#include "store/postgres/postgres_driver.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace fs = std::filesystem;

namespace {

std::unique_ptr<store::Driver> make(const Settings& settings, const fs::path& folder,
                                    const store::PostgresOptions& options) {
  if (settings.database) {
    return std::make_unique<store::PostgresDriver>(*settings.database, options);
  }
  return std::make_unique<store::SqliteDriver>(database_file(folder));
}

}  // namespace

std::unique_ptr<store::Driver> make_driver(const Settings& settings, const fs::path& folder) {
  return make(settings, folder, {});
}

std::unique_ptr<store::Driver> make_patient_driver(const Settings& settings,
                                                   const fs::path& folder) {
  return make(settings, folder, {.statement_timeout = std::chrono::hours(24)});
}

std::string database_shown(const Settings& settings, const fs::path& folder) {
  return settings.database ? settings.database->shown() : database_file(folder).string();
}

int connections_of_node() {
  constexpr int listeners = 1;
  return store::PostgresOptions().writers + store::DatabaseOptions().readers + listeners;
}

Result<void> check_no_node_lives(store::Connection& connection, Timestamp now) {
  WAYBILL_TRY(connection.begin(store::Connection::Access::kRead));
  const auto nodes = store::nodes::list(connection);
  connection.rollback();
  if (!nodes) return fail(nodes.error());
  std::string names;
  for (const model::Node& node : *nodes) {
    if (!model::is_live(model::node_state(node, now, model::Node::kBelieved))) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", node.name);
  }
  if (names.empty()) return {};
  return fail(
      Code::kConflict, "nodes_live",
      fmt::format("These nodes run on the database, or did a moment ago: {}. Stop them; one "
                  "that was killed counts for {} more.",
                  names, format_duration(model::Node::kBelieved)));
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
