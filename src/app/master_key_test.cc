#include "app/master_key.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "app/files.h"
#include "base/bytes.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "crypto/random.h"
#include "store/migrations.h"
#include "store/sealed.h"
#include "store/sources.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;
using store::Connection;

class MasterKeyTest : public testing::Test {
 protected:
  MasterKeyTest() {
    const auto connection = connect();
    EXPECT_TRUE(store::migrate(*connection, ManualClock::kNoon));
  }

  std::unique_ptr<Connection> connect() {
    auto connection =
        store::SqliteDriver(folder_ / "waybill.sqlite").connect(Connection::Access::kWrite);
    EXPECT_TRUE(connection) << connection.error().message;
    return std::move(*connection);
  }

  Result<crypto::SecretBox> open() { return open_master_key(folder_, *connect()); }
  std::string reason_of_refusal() {
    const auto box = open();
    return box ? "none" : box.error().reason;
  }
  Result<std::int64_t> rotate() { return rotate_master_key(folder_, *connect()); }
  // As a crash before `step` would leave it.
  [[noreturn]] void rotate_until(RotationStep step) {
    (void)rotate_master_key(folder_, *connect(), Nodes::kOne, [step](RotationStep now) {
      if (now == step) std::_Exit(9);
    });
    std::_Exit(1);
  }

  std::string key() { return read_file(master_key_file(folder_)).value_or("none"); }
  fs::path next() { return folder_ / "master.key.next"; }

  // An endpoint with two secrets and an answer of the management API, sealed with the key of now.
  void store_secrets() {
    const auto box = open();
    ASSERT_TRUE(box) << box.error().message;
    const auto connection = connect();
    const Bytes workspace(16, 1), id(16, 2), hash(32, 3);
    ASSERT_TRUE(connection->begin(Connection::Access::kWrite));
    ASSERT_TRUE(connection->execute(
        "INSERT INTO endpoints (workspace_id, id, dialect, url, description, event_types, state, "
        "state_reason, secret, previous_secret, headers, overrides, consecutive_failures, "
        "created_at, updated_at, channel_settings) "
        "VALUES ($1, $2, 'd', 'u', '', '', 'active', '', $3, $4, $5, '{}', 0, 0, 0, $6)",
        {workspace, id, box->seal("current", id), box->seal("previous", id),
         box->seal("headers", id), box->seal("settings", id)}));
    store_sources(*connection, *box, workspace);
    ASSERT_TRUE(connection->execute(
        "INSERT INTO endpoints (workspace_id, id, dialect, url, description, event_types, state, "
        "state_reason, overrides, consecutive_failures, created_at, updated_at) "
        "VALUES ($1, $2, 'd', 'u', '', '', 'active', '', '{}', 0, 0, 0)",
        {workspace, Bytes(16, 4)}));
    ASSERT_TRUE(connection->execute(
        "INSERT INTO api_keys (workspace_id, id, platform, name, prefix, hash, scopes, created_at, "
        "signing_secret, previous_signing_secret) "
        "VALUES ($1, $2, 'peptideclients', '', '', $3, '[]', 0, $4, $5)",
        {workspace, id, hash, box->seal("signing", id), box->seal("former", id)}));
    ASSERT_TRUE(connection->execute(
        "INSERT INTO woocommerce_shops (workspace_id, store_id, url, consumer_key, "
        "consumer_secret, enabled, failure_reason, failure, last_read, last_changed, created_at, "
        "updated_at) VALUES ($1, $2, '', '', $3, 1, '', '', 0, 0, 0, 0)",
        {workspace, id, box->seal("shop", id)}));
    // One key, told at each of the doors.
    for (const char* door : {"native", "procureiq", "proign", "peptideclients/v1"}) {
      ASSERT_TRUE(connection->execute(
          "INSERT INTO idempotency (workspace_id, scope, key_hash, fingerprint, status, response, "
          "created_at, expires_at) VALUES ($1, $5, $2, $3, 201, $4, 0, 9)",
          {workspace, hash, hash, box->seal(door, hash), door}));
    }
    ASSERT_TRUE(connection->execute(
        "INSERT INTO idempotency (workspace_id, scope, key_hash, fingerprint, status, response, "
        "created_at, expires_at) VALUES ($1, 'proculink', $2, $3, 201, $4, 0, 9)",
        {workspace, hash, hash, Bytes(16, 5)}));
    ASSERT_TRUE(connection->commit());
  }

  // One with secrets, and one without any.
  static void store_sources(Connection& connection, const crypto::SecretBox& box,
                            const Bytes& workspace) {
    for (const int number : {6, 7}) {
      model::Source source;
      source.workspace_id = model::WorkspaceId(*Uuid::from_bytes(workspace));
      source.id = model::SourceId(*Uuid::from_bytes(Bytes(16, static_cast<std::uint8_t>(number))));
      source.name = std::to_string(number);
      source.token = box.seal("token" + source.name, source.id.bytes());
      if (number == 6) source.secrets = box.seal("secrets", source.id.bytes());
      ASSERT_TRUE(store::sources::insert(connection, source));
    }
  }

  // All sealed texts, opened with the key of now. The first fault is a failure.
  std::string secrets() {
    const auto box = open();
    if (!box) return box.error().reason;
    std::string all;
    const auto read = [&](const char* sql) {
      EXPECT_TRUE(connect()->query(sql, {}, [&](const store::Row& row) {
        const auto text = box->open(row.bytes(0), row.bytes(1));
        all += (text ? text->reveal() : "UNREADABLE") + " ";
      }));
    };
    read("SELECT secret, id FROM endpoints WHERE secret IS NOT NULL");
    read("SELECT previous_secret, id FROM endpoints WHERE previous_secret IS NOT NULL");
    read("SELECT headers, id FROM endpoints WHERE headers IS NOT NULL");
    read("SELECT channel_settings, id FROM endpoints WHERE channel_settings IS NOT NULL");
    read("SELECT token, id FROM sources ORDER BY name");
    read("SELECT secrets, id FROM sources WHERE length(secrets) > 0");
    read("SELECT signing_secret, id FROM api_keys");
    read("SELECT previous_signing_secret, id FROM api_keys");
    read("SELECT consumer_secret, store_id FROM woocommerce_shops");
    read("SELECT response, key_hash FROM idempotency WHERE scope <> 'proculink' ORDER BY scope");
    return all;
  }
  static constexpr const char* kAllSecrets =
      "current previous headers settings token6 token7 secrets signing former shop native "
      "peptideclients/v1 procureiq proign ";

  const TemporaryFolder folder_;
};

TEST_F(MasterKeyTest, IsMadeOnceForTheOwnerAlone) {
  const auto first = open();
  ASSERT_TRUE(first) << first.error().message;
  const Bytes sealed = first->seal("whsec_x", as_bytes("endpoint"));
  EXPECT_EQ(fs::status(master_key_file(folder_)).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);

  const auto again = open();

  ASSERT_TRUE(again) << again.error().message;
  ASSERT_TRUE(again->open(sealed, as_bytes("endpoint")));
  EXPECT_EQ(again->open(sealed, as_bytes("endpoint"))->reveal(), "whsec_x");
}

TEST_F(MasterKeyTest, AnotherOneIsRefused) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(write_file(master_key_file(folder_), base64(crypto::random_bytes(32)), 0600));
  EXPECT_EQ(reason_of_refusal(), "master_key_wrong");
}

TEST_F(MasterKeyTest, ALostOneIsNotReplaced) {
  ASSERT_TRUE(open());
  fs::remove(master_key_file(folder_));
  EXPECT_EQ(reason_of_refusal(), "master_key_missing");
  EXPECT_FALSE(fs::exists(master_key_file(folder_)));
}

TEST_F(MasterKeyTest, OfSeveralNodesComesFromAnotherOfThem) {
  ASSERT_TRUE(open());
  const auto told = [&] {
    return open_master_key(folder_, *connect(), Nodes::kMany).error().message;
  };
  ASSERT_TRUE(write_file(master_key_file(folder_), base64(crypto::random_bytes(32)), 0600));
  EXPECT_NE(told().find("from the data directory of another node"), std::string::npos) << told();
  fs::remove(master_key_file(folder_));
  EXPECT_NE(told().find("from the data directory of another node"), std::string::npos) << told();
}

// Two nodes whose first start was at the same time: each found no check, and the later one's was
// the one that stayed, while the earlier one went on to seal with a key that nobody could find
// again.
TEST_F(MasterKeyTest, OfTheNodeThatWasFasterCounts) {
  const auto connection = connect();
  EXPECT_EQ(store::sealed::add_check(*connection, Bytes(40, 1)).value(), true);
  EXPECT_EQ(store::sealed::add_check(*connection, Bytes(40, 2)).value(), false);
  EXPECT_EQ(store::sealed::find_check(*connection).value(), Bytes(40, 1));
}

TEST_F(MasterKeyTest, ADamagedOneIsNamed) {
  ASSERT_TRUE(open());
  std::ofstream(master_key_file(folder_)) << "short\n";
  const auto box = open();
  ASSERT_FALSE(box);
  EXPECT_EQ(box.error().reason, "data_directory_unusable");
  EXPECT_NE(box.error().message.find("master.key"), std::string::npos);
}

TEST_F(MasterKeyTest, LookingAtItChangesNothing) {
  EXPECT_EQ(look_at_master_key(folder_, *connect()).error().reason, "master_key_unused");
  EXPECT_EQ(key(), "none");
  store_secrets();
  EXPECT_TRUE(look_at_master_key(folder_, *connect()));
}

TEST_F(MasterKeyTest, ARotationSealsEverythingAnewAndLeavesNothingOfTheOldOne) {
  store_secrets();
  const std::string before = key();

  const auto count = rotate();

  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 14);
  EXPECT_NE(key(), before);
  EXPECT_FALSE(fs::exists(next()));
  EXPECT_EQ(secrets(), kAllSecrets);
  ASSERT_TRUE(write_file(master_key_file(folder_), before, 0600));
  EXPECT_EQ(reason_of_refusal(), "master_key_wrong");
}

TEST_F(MasterKeyTest, ARotationThatIsKilledAtAnyStepIsForgottenOrFinished) {
  struct Case {
    RotationStep killed_before;
    bool rotated;
  };
  for (const Case c : {Case{RotationStep::kMakeKey, false}, Case{RotationStep::kReseal, false},
                       Case{RotationStep::kCommit, false}, Case{RotationStep::kReplaceKey, true},
                       Case{RotationStep::kDone, true}}) {
    SCOPED_TRACE(static_cast<int>(c.killed_before));
    ASSERT_TRUE(
        connect()->run_script("DELETE FROM endpoints; DELETE FROM api_keys; "
                              "DELETE FROM woocommerce_shops; DELETE FROM idempotency; "
                              "DELETE FROM sources"));
    store_secrets();
    const std::string before = key();

    EXPECT_EXIT(rotate_until(c.killed_before), testing::ExitedWithCode(9), "");

    // Looking first: the doctor may come before the hub.
    EXPECT_TRUE(look_at_master_key(folder_, *connect()));
    EXPECT_EQ(secrets(), kAllSecrets);
    EXPECT_EQ(key() != before, c.rotated);
    EXPECT_FALSE(fs::exists(next()));
    EXPECT_TRUE(rotate()) << "and again";
    EXPECT_EQ(secrets(), kAllSecrets);
  }
}

// A kill between the commit and the rename, and then somebody removes the key "of before".
TEST_F(MasterKeyTest, TheNextKeyIsEnoughOnceItIsInUse) {
  store_secrets();
  EXPECT_EXIT(rotate_until(RotationStep::kReplaceKey), testing::ExitedWithCode(9), "");
  fs::remove(master_key_file(folder_));
  EXPECT_EQ(secrets(), kAllSecrets);
  EXPECT_EQ(reason_of_refusal(), "none");
}

TEST_F(MasterKeyTest, ASecretThatDoesNotOpenEndsARotationBeforeAnythingChanged) {
  store_secrets();
  // The last of them all: what comes before it has been sealed anew by then.
  ASSERT_TRUE(connect()->run_script(
      "UPDATE idempotency SET response = zeroblob(40) WHERE scope = 'peptideclients/v1'"));
  const std::string before = key();

  const auto count = rotate();

  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, Code::kInternal);
  EXPECT_EQ(key(), before);
  EXPECT_EQ(secrets(),
            "current previous headers settings token6 token7 secrets signing former shop native "
            "UNREADABLE procureiq proign ");
}

}  // namespace
}  // namespace waybill::app
