// The SQLite driver passes the conformance suite; and what it alone has to say.

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "conformance/copy_conformance.h"
#include "conformance/store_conformance.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::store {
namespace {

DriverUnderTest sqlite() {
  return {
      .name = "Sqlite",
      .make =
          [](const std::filesystem::path& folder) {
            return std::make_unique<SqliteDriver>(folder / "waybill.db");
          },
      .unique_keys_sql =
          R"(SELECT t.name, i.name, c.name FROM sqlite_master t
             JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
             WHERE t.type = 'table' AND i."unique" = 1 AND c.seqno = 0
             UNION ALL
             SELECT t.name, 'rowid', c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND c.pk = 1 AND c.type = 'INTEGER'
             UNION ALL
             SELECT t.name, 'foreign key', f."from" FROM sqlite_master t
             JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND f.seq = 0)",
  };
}

WAYBILL_INSTANTIATE_STORE_CONFORMANCE(sqlite());
INSTANTIATE_TEST_SUITE_P(Drivers, CopyConformance, testing::Values(sqlite()), driver_name);

class SqliteDriverTest : public StoreConformance {
 protected:
  // Runs a pragma on the connection that writes.
  void set(std::string_view pragma) {
    EXPECT_TRUE(write(
        [&](Connection& connection) { return connection.query(pragma, {}, [](const Row&) {}); }));
  }
};
INSTANTIATE_TEST_SUITE_P(Drivers, SqliteDriverTest, testing::Values(sqlite()), driver_name);

TEST_P(SqliteDriverTest, AFolderThatIsNotThereIsNamed) {
  SqliteDriver driver(folder_ / "nowhere" / "waybill.db");
  const auto connection = driver.connect(Connection::Access::kWrite);
  EXPECT_EQ(outcome(connection), "unavailable database_unavailable");
  EXPECT_NE(connection.error().message.find("nowhere"), std::string::npos);
}

TEST_P(SqliteDriverTest, AFileThatIsNoDatabaseIsNamed) {
  const auto file = folder_ / "other.txt";
  std::FILE* out = std::fopen(file.c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("This is not a database. ", out);
  std::fclose(out);
  SqliteDriver driver(file);
  const auto connection = driver.connect(Connection::Access::kWrite);
  EXPECT_EQ(outcome(connection), "unavailable database_unavailable");
  EXPECT_NE(connection.error().message.find("other.txt"), std::string::npos);
}

// A disk that is full: units are refused, wholly; and when there is room again, all goes on.
TEST_P(SqliteDriverTest, AFullDiskIsUnavailableUntilThereIsRoom) {
  set("PRAGMA max_page_count = 1");  // As many as there are by now.
  const std::string text(1024 * 1024, 'x');
  const auto answers = write_together({
      [](Connection& connection) { return add_note(connection, "small"); },
      [&](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "half"));
        return add_note(connection, text);
      },
      [](Connection& connection) { return add_note(connection, "small too"); },
  });
  EXPECT_EQ(outcome(answers[1]), "unavailable database_full");
  EXPECT_EQ(note("half"), std::nullopt);
  EXPECT_EQ(note("small").has_value(), answers[0].has_value());
  EXPECT_EQ(note("small too").has_value(), answers[2].has_value());

  set("PRAGMA max_page_count = 1000000");
  EXPECT_TRUE(write([&](Connection& connection) { return add_note(connection, text); }));
}

// What a copy has: all that was committed before its transaction first looked, and nothing later,
// however long it takes; and writers go on meanwhile.
TEST_P(SqliteDriverTest, ACopyIsOneMomentAndHoldsUpNobody) {
  const auto copy = folder_ / "copy.db";
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "early", 1); }));
  const auto reader = must(make_driver()->connect(Connection::Access::kRead));
  ASSERT_TRUE(reader->begin(Connection::Access::kRead));
  ASSERT_TRUE(reader->query("SELECT 1 FROM notes", {}, [](const Row&) {}));
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "late", 2); }));

  const auto copied = reader->copy_to(copy, std::stop_token());

  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(std::filesystem::status(copy).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db.part"));
  const auto opened = must(SqliteDriver(copy).connect(Connection::Access::kWrite));
  std::string found;
  const auto read_text = [&](const Row& row) { found += row.string(0) + " "; };
  EXPECT_TRUE(opened->query("SELECT name FROM notes ORDER BY name", {}, read_text));
  EXPECT_TRUE(opened->query("PRAGMA integrity_check", {}, read_text));
  EXPECT_EQ(found, "early ok ");
  EXPECT_EQ(note("late"), 2);
}

TEST_P(SqliteDriverTest, ACopyThatFailsLeavesTheOneBefore) {
  const auto copy = folder_ / "copy.db";
  const auto copy_now = [&](const std::filesystem::path& file, std::stop_token stop) {
    return outcome(read([&](Connection& connection) { return connection.copy_to(file, stop); }));
  };
  EXPECT_EQ(copy_now(copy, {}), "value");
  const auto size = std::filesystem::file_size(copy);
  ASSERT_TRUE(write(
      [](Connection& connection) { return add_note(connection, std::string(100'000, 'x'), 1); }));

  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(copy_now(copy, stop.get_token()), "unavailable backup_stopped");
  EXPECT_EQ(copy_now(folder_ / "nowhere" / "copy.db", {}), "unavailable backup_failed");

  EXPECT_EQ(std::filesystem::file_size(copy), size);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db.part"));
  EXPECT_EQ(copy_now(copy, {}), "value") << "and again, in the place of the one before";
  EXPECT_GT(std::filesystem::file_size(copy), size);
}

TEST_P(SqliteDriverTest, LookingChangesNothingAndMakesNothing) {
  const SqliteDriver missing(folder_ / "missing.db");
  EXPECT_EQ(outcome(missing.connect_to_look()), "unavailable database_unavailable");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "missing.db"));

  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "there", 1); }));
  const auto looking = must(SqliteDriver(folder_ / "waybill.db").connect_to_look());
  EXPECT_EQ(must(looking->query("SELECT 1 FROM notes", {}, [](const Row&) {})), 1);
  EXPECT_FALSE(looking->execute("DELETE FROM notes", {}));
  EXPECT_EQ(note("there"), 1);
}

// Another program holds the lock: a backup tool, an operator with sqlite3.
TEST_P(SqliteDriverTest, ALockedDatabaseIsUnavailableUntilItIsLetGo) {
  set("PRAGMA busy_timeout = 1");
  const auto other = must(make_driver()->connect(Connection::Access::kWrite));
  ASSERT_TRUE(other->begin(Connection::Access::kWrite));
  const auto add = [](Connection& connection) { return add_note(connection, "a"); };
  EXPECT_EQ(outcome(write(add)), "unavailable database_unavailable");
  EXPECT_EQ(count_notes(), 0) << "reads go on";
  ASSERT_TRUE(database_->write_failure());
  EXPECT_NE(database_->write_failure()->message.find("locked"), std::string::npos);

  other->rollback();
  EXPECT_TRUE(write(add));
  EXPECT_EQ(count_notes(), 1);
  EXPECT_FALSE(database_->write_failure());
}

TEST_P(SqliteDriverTest, ALongReadKeepsTheLogFromBeingUsedAnewAndUseTellsSo) {
  const std::string text(1024 * 1024, 'x');
  int number = 0;
  const auto add_mebibytes = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = std::to_string(number++) + text;
      ASSERT_TRUE(write([&](Connection& connection) { return add_note(connection, name); }));
    }
  };
  const auto reader = must(make_driver()->connect(Connection::Access::kRead));
  ASSERT_TRUE(reader->begin(Connection::Access::kRead));
  ASSERT_TRUE(reader->query("SELECT name FROM notes", {}, [](const Row&) {}));
  add_mebibytes(20);
  const StorageUse held = database_->storage();
  EXPECT_GT(held.log_bytes, 20 * 1024 * 1024);
  EXPECT_GT(held.log_behind, 20 * 1024 * 1024);
  EXPECT_GT(held.checkpoints, 0u);
  EXPECT_EQ(held.checkpoints_failed, 0u);

  reader->rollback();
  add_mebibytes(2);
  const StorageUse after = database_->storage();
  EXPECT_LT(after.log_bytes, 8 * 1024 * 1024) << "begun anew";
  EXPECT_GT(after.bytes, 20 * 1024 * 1024);
}

// Each read is short, but at any time there is one: the log would never be used anew.
TEST_P(SqliteDriverTest, ReadsThatOverlapDoNotLetTheLogGrowWithoutEnd) {
  std::atomic<bool> ended = false;
  std::thread reads([&] {
    auto older = must(make_driver()->connect(Connection::Access::kRead));
    auto newer = must(make_driver()->connect(Connection::Access::kRead));
    while (!ended) {
      EXPECT_TRUE(newer->begin(Connection::Access::kRead));
      EXPECT_TRUE(newer->query("SELECT count(*) FROM notes", {}, [](const Row&) {}));
      older->rollback();
      std::swap(older, newer);
    }
    older->rollback();
  });
  const std::string text(4 * 1024 * 1024, 'x');
  std::int64_t most = 0;
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(write([&](Connection& connection) -> Answer {
      WAYBILL_TRY(connection.execute("DELETE FROM notes", {}));
      return add_note(connection, std::to_string(i) + text);
    }));
    most = std::max(most, database_->storage().log_bytes);
  }
  ended = true;
  reads.join();
  EXPECT_LT(most, 100 * 1024 * 1024) << "of 200 MiB written";
}

TEST_P(SqliteDriverTest, CommitsAreSynced) {
  for (const auto access : {Connection::Access::kWrite, Connection::Access::kRead}) {
    const auto connection = must(make_driver()->connect(access));
    std::string journal;
    std::int64_t synchronous = 0;
    ASSERT_TRUE(connection->query("PRAGMA journal_mode", {},
                                  [&](const Row& row) { journal = row.string(0); }));
    ASSERT_TRUE(connection->query("PRAGMA synchronous", {},
                                  [&](const Row& row) { synchronous = row.integer(0); }));
    EXPECT_EQ(journal, "wal");
    EXPECT_EQ(synchronous, 2) << "FULL";
  }
}

}  // namespace
}  // namespace waybill::store
