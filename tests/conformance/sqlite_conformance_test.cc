// The SQLite driver passes the conformance suite; and what it alone has to say.

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
             WHERE t.type = 'table' AND c.pk = 1 AND c.type = 'INTEGER')",
  };
}

WAYBILL_INSTANTIATE_STORE_CONFORMANCE(sqlite());

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
