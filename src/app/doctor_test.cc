#include "app/doctor.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/data_directory.h"
#include "app/files.h"
#include "app/master_key.h"
#include "base/bytes.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "crypto/random.h"
#include "store/migrations.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using store::Connection;

// Made by `openssl req -x509`: good until 2126-10-28T08:24:29Z.
constexpr std::string_view kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBiDCCAS2gAwIBAgIUZcPpjFVDkQMwVyYCwgh6jkSSk2swCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTAgFw0yNjExMjEwODI0MjlaGA8yMTI2
MTAyODA4MjQyOVowGDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJ0FiDkrL7/FSn0xpocZoi9TzRT9Vi88Z730pwWKGLiN
KqymXYD3xFTJF36l8JQrL0o1DUtjC5y41bTIZcTHKAOjUzBRMB0GA1UdDgQWBBTb
G2f5gspf4GemJtOeShYAit3lMzAfBgNVHSMEGDAWgBTbG2f5gspf4GemJtOeShYA
it3lMzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCqv/UvUoXA
cvaQL2rWFgIz89E+wf9a5zMYDOEwpsxIHQIhAOmFpVVFTxi2ac66O7sJ5Xhivet+
EZfFgh5anTC7ZXYl
-----END CERTIFICATE-----
)";

class DoctorTest : public testing::Test {
 protected:
  DoctorTest() { settings_.data = folder_; }

  std::unique_ptr<Connection> connect() {
    auto connection =
        store::SqliteDriver(database_file(folder_)).connect(Connection::Access::kWrite);
    EXPECT_TRUE(connection) << connection.error().message;
    return std::move(*connection);
  }
  // A data directory that a hub has used.
  void use() {
    EXPECT_TRUE(DataDirectory::open(folder_));
    const auto connection = connect();
    EXPECT_TRUE(store::migrate(*connection, clock_.now()));
    EXPECT_TRUE(open_master_key(folder_, *connection));
    ASSERT_EQ(::chmod(database_file(folder_).c_str(), 0600), 0);
  }
  void change(std::string_view script) { ASSERT_TRUE(connect()->run_script(script)); }

  // "warn disk …", of the finding about `what` that is worst; empty if there is none.
  std::string finding(std::string_view what) {
    Findings findings;
    examine_machine({.folder = folder_}, &settings_, clock_, findings);
    failures_ = findings.failures();
    std::string worst;
    const json::value report = findings.to_json();
    for (const json::value& row : report.at("rows").as_array()) {
      if (row.at("what").as_string() != what) continue;
      std::string line(row.at("verdict").as_string());
      line += ": " + std::string(row.at("text").as_string());
      // fail, ok, warn: what is not ok counts.
      if (worst.empty() || !line.starts_with("ok")) worst = line;
    }
    return worst;
  }

  boost::asio::io_context context_;
  ManualClock clock_{context_};
  Settings settings_;
  const TemporaryFolder folder_;
  int failures_ = 0;
};

// Begins with `start`, and what differs is shown.
#define EXPECT_BEGINS(text, start)                                         \
  do {                                                                     \
    const std::string found = (text);                                      \
    EXPECT_EQ(found.substr(0, std::string(start).size()), start) << found; \
  } while (false)

TEST_F(DoctorTest, FindsNothingToMendInADirectoryThatIsAsItShouldBe) {
  use();
  for (const char* what : {"permissions", "database", "master key", "times", "deliveries",
                           "dead letters", "dialects"}) {
    EXPECT_BEGINS(finding(what), "ok: ");
  }
  EXPECT_EQ(failures_, 0);
}

TEST_F(DoctorTest, MakesNothing) {
  EXPECT_BEGINS(finding("database"), "warn: ");
  EXPECT_TRUE(fs::is_empty(folder_));
  fs::remove(folder_);
  EXPECT_BEGINS(finding("data directory"), "warn: ");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(DoctorTest, FindsFilesThatOthersCanRead) {
  use();
  ASSERT_EQ(::chmod(master_key_file(folder_).c_str(), 0640), 0);
  EXPECT_BEGINS(finding("permissions"), "warn: others on this machine can read");
}

TEST_F(DoctorTest, FindsAKeyThatDoesNotOpenTheSecrets) {
  use();
  ASSERT_TRUE(write_file(master_key_file(folder_), base64(crypto::random_bytes(32)), 0600));
  EXPECT_BEGINS(finding("master key"), "fail: ");
  fs::remove(master_key_file(folder_));
  EXPECT_BEGINS(finding("master key"), "fail: ");
  EXPECT_EQ(failures_, 1);
}

TEST_F(DoctorTest, FindsARotationThatWasCutShort) {
  use();
  ASSERT_TRUE(write_file(folder_ / "master.key.next", base64(crypto::random_bytes(32)), 0600));
  EXPECT_BEGINS(finding("master key"), "warn: a rotation was cut short");
}

TEST_F(DoctorTest, FindsADamagedDatabase) {
  use();
  change(
      "CREATE TABLE filler (text TEXT); CREATE INDEX filler_text ON filler (text);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
      "INSERT INTO filler SELECT 'some text ' || i FROM n; PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(database_file(folder_), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(database_file(folder_)) / 2));
  file << std::string(20'000, 'x');
  file.close();
  EXPECT_BEGINS(finding("database"), "fail: ");
}

TEST_F(DoctorTest, FindsAFileThatIsNoDatabase) {
  use();
  std::ofstream(database_file(folder_)) << std::string(10'000, 'x');
  EXPECT_BEGINS(finding("database"), "fail: ");
}

TEST_F(DoctorTest, FindsEventsFromTheFuture) {
  use();
  const auto connection = connect();
  const Bytes workspace(16, 1);
  ASSERT_TRUE(connection->execute(
      "INSERT INTO workspaces (workspace_id, slug, name, environment, created_at) "
      "VALUES ($1, 'acme', 'Acme', 'sandbox', 0)",
      {workspace}));
  ASSERT_TRUE(connection->execute(
      "INSERT INTO events (workspace_id, id, type, occurred_at, subject, data, matched) "
      "VALUES ($1, $2, 't', 0, '', '{}', 0)",
      {workspace, Uuid::lowest_at(clock_.wall_now() + std::chrono::hours(1))}));
  EXPECT_BEGINS(finding("times"), "warn: there are events from the future");
}

TEST_F(DoctorTest, FindsWhatIsLateOnlyWhileAHubRuns) {
  use();
  const auto connection = connect();
  const Bytes workspace(16, 1), endpoint(16, 2);
  ASSERT_TRUE(connection->execute(
      "INSERT INTO endpoints (workspace_id, id, dialect, url, description, event_types, state, "
      "state_reason, overrides, consecutive_failures, created_at, updated_at) "
      "VALUES ($1, $2, 'd', 'u', '', '', 'active', '', '{}', 0, 0, 0)",
      {workspace, endpoint}));
  ASSERT_TRUE(connection->execute(
      "INSERT INTO deliveries (workspace_id, id, event_id, endpoint_id, event_type, kind, state, "
      "attempts_made, attempts_before_retry, due_at, created_at) "
      "VALUES ($1, $2, $2, $3, 't', 'event', 'pending', 0, 0, $4, 0)",
      {workspace, Bytes(16, 3), endpoint, clock_.wall_now() - std::chrono::hours(1)}));

  EXPECT_EQ(finding("deliveries"), "ok: the oldest is due since 1h, for a hub");
  const auto hub = DataDirectory::open(folder_);
  ASSERT_TRUE(hub);
  EXPECT_EQ(running_hub(folder_), ::getpid());
  EXPECT_BEGINS(finding("deliveries"), "warn: the oldest is due since 1h");
  ASSERT_TRUE(connection->execute("UPDATE endpoints SET state = 'paused'", {}));
  EXPECT_EQ(finding("deliveries"), "ok: none is waiting") << "what is held is not late";

  ASSERT_TRUE(connection->execute(
      "UPDATE deliveries SET state = 'dropped', due_at = NULL, finished_at = $1",
      {clock_.wall_now() - std::chrono::hours(23)}));
  EXPECT_BEGINS(finding("dead letters"), "warn: 1 in the last 24 hours, 1 in all");
  ASSERT_TRUE(connection->execute("UPDATE deliveries SET finished_at = $1",
                                  {clock_.wall_now() - std::chrono::hours(25)}));
  EXPECT_EQ(finding("dead letters"), "ok: none in the last 24 hours, 1 in all");
}

TEST_F(DoctorTest, FindsACertificateThatIsNearlyOver) {
  use();
  settings_.tls_certificate = folder_ / "certificate.pem";
  EXPECT_BEGINS(finding("certificate"), "fail: ");
  std::ofstream(settings_.tls_certificate) << kCertificate;
  EXPECT_EQ(finding("certificate"), fmt::format("ok: {} is good until 2126-10-28T08:24:29.000Z",
                                                settings_.tls_certificate.string()));

  const Timestamp end = *parse_iso_time("2126-10-28T08:24:29Z");
  clock_.step(end - std::chrono::days(14) - clock_.now());
  EXPECT_BEGINS(finding("certificate"), "ok: ");
  clock_.step(end - std::chrono::days(14) + std::chrono::seconds(1) - clock_.now());
  EXPECT_BEGINS(finding("certificate"), "warn: ");
  clock_.step(end - clock_.now());
  EXPECT_BEGINS(finding("certificate"), "fail: ");
  std::ofstream(settings_.tls_certificate) << "nonsense";
  EXPECT_BEGINS(finding("certificate"), "fail: ");
}

TEST_F(DoctorTest, FindsAServerThatDoesNotAnswer) {
  use();
  settings_.database = store::PostgresAddress::parse("postgres://u:x@127.0.0.1:1/hub").value();
  EXPECT_BEGINS(finding("database"), "fail: ");
  EXPECT_NE(finding("database").find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(finding("permissions").substr(0, 2), "ok") << "what is here is still looked at";
}

TEST_F(DoctorTest, FindsDialectsThatDoNotLoad) {
  use();
  settings_.dialects = folder_;
  std::ofstream(folder_ / "broken.toml") << "nonsense = 1\n";
  EXPECT_BEGINS(finding("dialects"), "fail: ");
}

}  // namespace
}  // namespace waybill::app
