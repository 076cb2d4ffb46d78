#include "store/migrations.h"

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/embedded.h"
#include "crypto/digest.h"

namespace waybill::store {

std::span<const EmbeddedFile> migration_files();  // Generated.

namespace {

// The driver's words put in for {names}.
std::string adapt(std::string_view text, const Connection& connection) {
  std::string adapted;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    adapted += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    WAYBILL_CHECK(close != std::string_view::npos, "a migration's {word} is closed");
    adapted += connection.migration_word(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
  return adapted;
}

Result<void> apply(Connection& connection, const EmbeddedFile& file, const std::string& digest,
                   Timestamp now) {
  WAYBILL_TRY(connection.run_script(adapt(file.text, connection)));
  WAYBILL_TRY(connection.execute(
      "INSERT INTO schema_migrations (name, digest, applied_at) VALUES ($1, $2, $3)",
      {file.name, digest, now}));
  return {};
}

// Those of this binary that the database has not, in order. Fails as migrate().
struct Missing {
  const EmbeddedFile* file;
  std::string digest;
};
Result<std::vector<Missing>> find_missing(Connection& connection) {
  std::map<std::string, std::string, std::less<>> applied;
  WAYBILL_TRY(connection.query("SELECT name, digest FROM schema_migrations", {},
                               [&](const Row& row) { applied[row.string(0)] = row.string(1); }));
  std::vector<Missing> missing;
  for (const EmbeddedFile& file : migration_files()) {
    std::string digest = hex(crypto::sha256(file.text));
    const auto found = applied.find(file.name);
    if (found == applied.end()) {
      missing.push_back({&file, std::move(digest)});
      continue;
    }
    if (found->second != digest) {
      return fail(
          Code::kInternal, "migration_changed",
          fmt::format("The database was made by another {}: this binary and its database do "
                      "not belong together.",
                      file.name));
    }
    applied.erase(found);
  }
  if (applied.empty()) return missing;
  return fail(Code::kInvalid, "database_newer",
              fmt::format("The database was used by a later Waybill ({}): run that version, or "
                          "restore a backup from before it.",
                          applied.begin()->first));
}

Result<void> apply_missing(Connection& connection, Timestamp now) {
  WAYBILL_TRY(connection.run_script(
      adapt("CREATE TABLE IF NOT EXISTS schema_migrations ("
            "name TEXT PRIMARY KEY, digest TEXT NOT NULL, applied_at {bigint} NOT NULL)",
            connection)));
  const auto missing = find_missing(connection);
  if (!missing) return fail(missing.error());
  for (const Missing& one : *missing) {
    WAYBILL_TRY(apply(connection, *one.file, one.digest, now));
  }
  return {};
}

}  // namespace

Result<void> migrate(Connection& connection, Timestamp now) {
  WAYBILL_TRY(connection.begin(Connection::Access::kWrite));
  auto locked = connection.lock_migrations();
  if (auto applied = locked ? apply_missing(connection, now) : locked; !applied) {
    connection.rollback();
    return applied;
  }
  return connection.commit();
}

Result<std::int64_t> pending_migrations(Connection& connection) {
  const auto missing = find_missing(connection);
  if (!missing) return fail(missing.error());
  return std::ssize(*missing);
}

}  // namespace waybill::store
