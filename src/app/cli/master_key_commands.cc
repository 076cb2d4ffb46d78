#include <filesystem>

#include <sys/stat.h>

#include "app/cli/commands.h"
#include "app/cli/local_hub.h"
#include "app/cli/session.h"
#include "app/data_directory.h"
#include "app/database.h"
#include "app/master_key.h"
#include "base/clock.h"
#include "store/copy.h"
#include "store/migrations.h"

namespace waybill::app::cli {
namespace {
namespace fs = std::filesystem;

Result<std::int64_t> rotate_in(const Settings& settings, const fs::path& folder) {
  const auto driver = make_driver(settings, folder);
  const auto connection = driver->connect(store::Connection::Access::kWrite);
  if (!connection) return fail(connection.error());
  // What was sealed with the old key shall not remain in pages that are free, or in the WAL. A
  // server overwrites such pages in its own time.
  const bool is_file = !settings.database;
  if (is_file) WAYBILL_TRY((*connection)->run_script("PRAGMA secure_delete=ON"));
  WAYBILL_TRY(store::migrate(**connection, SystemClock().now()));
  WAYBILL_TRY(store::check_copy_finished(**connection));
  if (!is_file) WAYBILL_TRY(check_no_node_lives(**connection, SystemClock().now()));
  auto count = rotate_master_key(folder, **connection, nodes_of(settings));
  if (!count) return count;
  if (is_file) WAYBILL_TRY((*connection)->run_script("PRAGMA wal_checkpoint(TRUNCATE)"));
  return count;
}

Result<void> rotate(Session& session) {
  ::umask(077);
  const auto loaded = hub_settings(session);
  if (!loaded) return fail(loaded.error());
  const Settings& settings = loaded->settings;
  WAYBILL_TRY(check_owner(settings, settings.data));
  // Holds off every hub meanwhile.
  const auto data = DataDirectory::open(settings.data);
  if (!data) return fail(data.error());
  WAYBILL_TRY(check_not_moved(settings, data->folder()));
  const auto count = rotate_in(settings, data->folder());
  if (!count) return fail(count.error());
  session.print(
      json::object{{"file", master_key_file(data->folder()).string()}, {"sealed_anew", *count}});
  if (settings.database) {
    session.note("Copy it into the data directory of every other node before they are started.");
  }
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
               "former key is removed. Backups made with it need it still.\nOn a PostgreSQL "
               "server every node has to be stopped, and gets a copy of the new key before it is "
               "started again.",
           .example = "master-key rotate",
           .arguments = {kData, kDatabase, kDatabasePasswordFile},
           .asks_hub = false,
           .run = rotate}}};
}

}  // namespace waybill::app::cli
