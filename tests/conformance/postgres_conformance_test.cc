// The PostgreSQL driver passes the conformance suite; and what it alone has to say.
//
// The server is the one whose URI is in the file that WAYBILL_TEST_POSTGRES_FILE names
// (tests/postgres). Each test has a schema of its own in it.

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "conformance/store_conformance.h"
#include "store/endpoints.h"
#include "store/idempotency.h"
#include "store/postgres/postgres_driver.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;

std::string server_url() {
  const char* const file = std::getenv("WAYBILL_TEST_POSTGRES_FILE");
  std::string url;
  if (file) std::getline(std::ifstream(file), url);
  if (url.empty()) throw std::runtime_error("WAYBILL_TEST_POSTGRES_FILE names no server");
  return url;
}

// "/tmp/waybill-store-aB3" has the schema "waybill-store-aB3".
std::string url_of(const std::filesystem::path& folder) {
  return server_url() + "?options=-csearch_path%3D%22" + folder.filename().string() + "%22";
}

std::unique_ptr<PostgresDriver> make_driver(const std::filesystem::path& folder,
                                            PostgresOptions options = {}) {
  return std::make_unique<PostgresDriver>(must(PostgresAddress::parse(url_of(folder))), options);
}

// Runs one statement in a transaction of its own, as an administrator would.
void administer(const std::filesystem::path& folder, std::string_view sql) {
  const auto connection = must(make_driver(folder)->connect(Connection::Access::kWrite));
  ASSERT_TRUE(connection->begin(Connection::Access::kWrite));
  const auto done = connection->run_script(sql);
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_TRUE(connection->commit());
}

DriverUnderTest postgres() {
  return {
      .name = "Postgres",
      .make =
          [](const std::filesystem::path& folder) {
            administer(folder, fmt::format("CREATE SCHEMA IF NOT EXISTS \"{}\"",
                                           folder.filename().string()));
            return make_driver(folder);
          },
      .unique_keys_sql =
          R"(SELECT t.relname, i.relname, a.attname FROM pg_index x
             JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
             JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
             WHERE x.indisunique
             UNION ALL
             SELECT t.relname, f.conname, a.attname FROM pg_constraint f
             JOIN pg_class t ON t.oid = f.conrelid
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.conkey[1]
             JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
             WHERE f.contype = 'f')",
  };
}

WAYBILL_INSTANTIATE_STORE_CONFORMANCE(postgres());

}  // namespace
}  // namespace waybill::store
