// PUT /hub/v1/backup: the copy that an operator takes away.

#include <filesystem>

#include "store/sqlite/sqlite_driver.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using store::Connection;

// The slugs in the database that `file` is.
std::string slugs_in(const std::filesystem::path& file) {
  const auto connection = store::SqliteDriver(file).connect_to_look();
  if (!connection) return connection.error().message;
  std::string slugs;
  const auto read = (*connection)
                        ->query("SELECT slug FROM workspaces ORDER BY slug", {},
                                [&](const store::Row& row) { slugs += row.string(0) + " "; });
  return read ? slugs : read.error().message;
}

TEST_F(NativeApiTest, ABackupIsMadeAnewByEachCall) {
  const json::value first = ok(200, "PUT", "/hub/v1/backup");
  const std::filesystem::path file = text(first, "file");
  EXPECT_EQ(file, backup.file());
  EXPECT_EQ(text(first, "bytes"), std::to_string(std::filesystem::file_size(file)));
  EXPECT_EQ(slugs_in(file), "acme ");

  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "later"})");
  EXPECT_EQ(slugs_in(file), "acme ");
  ok(200, "PUT", "/hub/v1/backup");
  EXPECT_EQ(slugs_in(file), "acme later ");

  int noted = 0;
  ASSERT_TRUE(run(database->read([&](Connection& connection) -> Result<int> {
    WAYBILL_TRY(connection.query("SELECT 1 FROM audit_log WHERE action = 'hub.backup'", {},
                                 [&](const store::Row&) { ++noted; }));
    return 0;
  })));
  EXPECT_EQ(noted, 2);
}

TEST_F(NativeApiTest, ASecondBackupAtTheSameTimeIsRefused) {
  const auto first = begin_call("PUT", "/hub/v1/backup");
  const auto second = begin_call("PUT", "/hub/v1/backup");
  settle();
  EXPECT_EQ((*first)->status, 200);
  EXPECT_EQ((*second)->status, 409);
  EXPECT_NE((*second)->body.find("backup_running"), std::string::npos);
}

TEST_F(NativeApiTest, AHubThatStopsMakesNoBackup) {
  backup.stop();
  refused(503, "backup_stopped", "", "PUT", "/hub/v1/backup");
  EXPECT_FALSE(std::filesystem::exists(backup.file()));
}

TEST_F(NativeApiTest, ABackupIsForTheAdminAlone) {
  refused(403, "scope_missing", "", "PUT", "/hub/v1/backup", {}, key_with({"workspace:read"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
