#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/local_hub.h"
#include "app/cli/session.h"
#include "app/database.h"
#include "base/clock.h"
#include "store/copy.h"
#include "store/migrations.h"
#include "store/postgres/distribution.h"

namespace waybill::app::cli {
namespace {

using store::Distribution;

json::value report(const Distribution& distribution) {
  json::array rows;
  for (const Distribution::Table& table : distribution.tables) {
    rows.push_back(json::object{
        {"table", table.name},
        {"kind", table.kind == Distribution::Kind::kDistributed ? "distributed" : "reference"},
        {"changed", !table.was_done}});
  }
  return json::object{{"rows", std::move(rows)}};
}

Result<void> distribute(Session& session) {
  const auto loaded = hub_settings(session);
  if (!loaded) return fail(loaded.error());
  const Settings& settings = loaded->settings;
  if (!settings.database) {
    return usage_error("Name the PostgreSQL server with --database or WAYBILL_DATABASE.");
  }
  const auto driver = make_patient_driver(settings, settings.data);
  const auto connection = driver->connect(store::Connection::Access::kWrite);
  if (!connection) return fail(connection.error());
  WAYBILL_TRY(store::migrate(**connection, SystemClock().now()));
  WAYBILL_TRY(store::check_copy_finished(**connection));
  WAYBILL_TRY(check_no_node_lives(**connection, SystemClock().now()));
  const auto distribution = store::distribute(**connection);
  if (!distribution) return fail(distribution.error());
  session.print_rows(report(*distribution),
                     {{"TABLE", "table"}, {"KIND", "kind"}, {"CHANGED", "changed"}});
  return {};
}

}  // namespace

CommandGroup database_group() {
  return {
      .name = "database",
      .summary = "The tables of a hub on PostgreSQL",
      .commands = {
          {.name = "database distribute",
           .summary = "Spreads the tables over the servers of a Citus cluster",
           .details =
               "Every node has to be stopped. Each table is distributed by its workspace, so that "
               "all of a workspace is on one server; schema_migrations is copied to all. What is "
               "done already is left alone: run it again after each upgrade. Without Citus it "
               "changes nothing, and says what to install. See docs/scaling.md: this was never "
               "run on a real Citus.",
           .example = "database distribute --database postgres://waybill@db.example/waybill",
           .arguments = {kDatabase, kDatabasePasswordFile, kData},
           .asks_hub = false,
           .run = distribute}}};
}

}  // namespace waybill::app::cli
