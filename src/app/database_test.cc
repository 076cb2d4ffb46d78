#include "app/database.h"

#include <array>
#include <cstdlib>
#include <optional>

#include <gtest/gtest.h>

#include "app/data_directory.h"
#include "app/files.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "model/node.h"
#include "store/migrations.h"
#include "store/nodes.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

class AppDatabaseTest : public testing::Test {
 protected:
  Settings on_server() {
    Settings settings;
    settings.database = store::PostgresAddress::parse("postgres://u:x@127.0.0.1:1/hub").value();
    return settings;
  }

  const TemporaryFolder folder_;
};

TEST_F(AppDatabaseTest, IsAFileInTheDataDirectoryByDefault) {
  const auto driver = make_driver(Settings(), folder_);
  EXPECT_EQ(driver->writers(), 1);
  ASSERT_TRUE(driver->connect(store::Connection::Access::kWrite));
  EXPECT_TRUE(fs::exists(database_file(folder_)));
  EXPECT_EQ(database_shown(Settings(), folder_), database_file(folder_).string());
}

TEST_F(AppDatabaseTest, IsTheServerThatTheSettingsName) {
  const auto driver = make_driver(on_server(), folder_);
  const auto connection = driver->connect(store::Connection::Access::kWrite);
  ASSERT_FALSE(connection) << "nobody listens there";
  EXPECT_EQ(connection.error().reason, "database_unavailable");
  EXPECT_NE(connection.error().message.find("127.0.0.1"), std::string::npos)
      << connection.error().message;
  EXPECT_FALSE(fs::exists(database_file(folder_)));
  EXPECT_EQ(database_shown(on_server(), folder_), "postgres://u@127.0.0.1:1/hub");
  EXPECT_GE(connections_of_node(), driver->writers() + 2);
}

TEST_F(AppDatabaseTest, ThatHasMovedIsServedFromWhereItIs) {
  EXPECT_TRUE(check_not_moved(Settings(), folder_));
  ASSERT_TRUE(write_file(moved_file(folder_), "postgres://u@db/hub", 0600));

  const auto refused = check_not_moved(Settings(), folder_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "database_moved");
  EXPECT_NE(refused.error().message.find("postgres://u@db/hub"), std::string::npos);
  EXPECT_NE(refused.error().message.find(moved_file(folder_).string()), std::string::npos);
  EXPECT_TRUE(check_not_moved(on_server(), folder_));
}

TEST_F(AppDatabaseTest, KnowsWhichNodesRunOnIt) {
  const auto connection =
      *make_driver(Settings(), folder_)->connect(store::Connection::Access::kWrite);
  const Timestamp now = ManualClock::kNoon;
  ASSERT_TRUE(store::migrate(*connection, now));
  EXPECT_TRUE(check_no_node_lives(*connection, now));
  const auto save = [&](std::uint8_t number, std::string name, Timestamp seen_at,
                        std::optional<Timestamp> stopped_at = std::nullopt) {
    std::array<std::uint8_t, Uuid::kSize> id{number};
    ASSERT_TRUE(connection->begin(store::Connection::Access::kWrite));
    ASSERT_TRUE(store::nodes::save(*connection, {.id = Uuid(id),
                                                 .boot = Uuid(id),
                                                 .name = std::move(name),
                                                 .version = "1",
                                                 .address = "http://x",
                                                 .started_at = seen_at,
                                                 .seen_at = seen_at,
                                                 .shared_at = {},
                                                 .stopped_at = stopped_at}));
    ASSERT_TRUE(connection->commit());
  };
  save(1, "stopped", now, now);
  save(2, "silent", now - model::Node::kBelieved - std::chrono::seconds(1));
  EXPECT_TRUE(check_no_node_lives(*connection, now));

  save(3, "alive", now - std::chrono::seconds(1));
  const auto refused = check_no_node_lives(*connection, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "nodes_live");
  EXPECT_NE(refused.error().message.find(": alive."), std::string::npos) << refused.error().message;
  EXPECT_TRUE(check_no_node_lives(*connection, now + std::chrono::minutes(1)));
}

}  // namespace
}  // namespace waybill::app
