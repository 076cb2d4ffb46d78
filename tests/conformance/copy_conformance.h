// What is promised of moving all records from SQLite to a driver (store/copy.h), as tests:
//
//   INSTANTIATE_TEST_SUITE_P(Drivers, CopyConformance, testing::Values(…), driver_name);

#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "conformance/faulty_driver.h"
#include "conformance/store_conformance.h"
#include "store/copy.h"
#include "store/migrations.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::store {

inline const Uuid kSource = Uuid::lowest_at(ManualClock::kNoon);
// More than two pages.
inline constexpr int kManyRows = 2 * kCopyRowsMax + 17;

inline Bytes bytes_of(int number, int size = 16) {
  Bytes bytes(static_cast<std::size_t>(size), 0);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[bytes.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return bytes;
}

class CopyConformance : public StoreConformance {
 protected:
  void SetUp() override {
    source_ = must(SqliteDriver(folder_ / "source.db").connect(Connection::Access::kWrite));
    target_ = must(FaultyDriver(make_driver(), faults_).connect(Connection::Access::kWrite));
    ASSERT_TRUE(migrate(*source_, kNoon));
    ASSERT_TRUE(migrate(*target_, kNoon));
  }

  // Events with texts and bytes that have been known to come to harm, and many plain ones.
  void fill_source() {
    int number = 0;
    for (const std::string& text : awkward_texts()) {
      if (text.find('\0') != std::string::npos) continue;
      add_event(number++, text);
    }
    for (const Bytes& bytes : awkward_bytes()) add_answer("native", number++, bytes);
    // Databases differ in how they order these.
    for (const char* scope :
         {"", "a", "B", "b", "Z", "z", "ä", "-", "a b", "ab", "\xF0\x9F\x9A\x80"}) {
      add_answer(scope, number++, Bytes{1});
    }
    ASSERT_TRUE(source_->execute(
        "INSERT INTO deliveries (workspace_id, id, event_id, endpoint_id, event_type, kind, state, "
        "attempts_made, attempts_before_retry, created_at, due_at, lease) "
        "VALUES ($1, $2, $2, $2, 't', 'event', 'pending', 0, 0, $3, $4, NULL)",
        {bytes_of(1), bytes_of(2), std::int64_t{-1}, INT64_MAX}));
    ASSERT_TRUE(source_->run_script(fmt::format(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
        "INSERT INTO attempts SELECT zeroblob(16), CAST(printf('%016d', i / 10) AS BLOB), i % 10, "
        "i, 0, 'succeeded', NULL, '', x''{} FROM n",
        kManyRows, attempts_have_nodes() ? ", NULL" : "")));
  }
  // A migration of another branch of work may add this column.
  bool attempts_have_nodes() {
    return must(source_->query("SELECT 1 FROM pragma_table_info('attempts') WHERE name = 'node'",
                               {}, [](const Row&) {})) > 0;
  }
  void add_event(int number, const std::string& text) {
    ASSERT_TRUE(source_->execute(
        "INSERT INTO events (workspace_id, id, type, occurred_at, subject, data, matched, "
        "unmatched_reason) VALUES ($1, $2, $3, 0, $3, $3, 0, NULL)",
        {bytes_of(7), bytes_of(number), text}));
  }
  void add_answer(const std::string& scope, int number, const Bytes& bytes) {
    ASSERT_TRUE(source_->execute(
        "INSERT INTO idempotency (workspace_id, scope, key_hash, fingerprint, status, response, "
        "created_at, expires_at) VALUES ($1, $2, $3, $4, 200, $4, 0, 1)",
        {bytes_of(7), scope, bytes_of(number, 32), bytes}));
  }

  std::vector<CopiedTable> tables() { return must(tables_to_copy(*source_)); }
  CopiedTable table(std::string_view name) {
    for (CopiedTable& candidate : all_) {
      if (candidate.name == name) return candidate;
    }
    all_ = tables();
    for (CopiedTable& candidate : all_) {
      if (candidate.name == name) return candidate;
    }
    throw std::runtime_error("there is such a table");
  }

  Result<void> copy_all() {
    const auto all = tables();
    WAYBILL_TRY(begin_copy(*target_, all, kSource));
    for (const CopiedTable& one : all) {
      const auto rows = copy_table(*source_, *target_, one, kSource, ignore_);
      if (!rows) return fail(rows.error());
    }
    return {};
  }
  // "" or the table that differs.
  std::string difference() {
    for (const CopiedTable& one : tables()) {
      const auto sum = verify_table(*source_, *target_, one, ignore_);
      if (sum) continue;
      EXPECT_EQ(sum.error().reason, "copy_mismatch") << sum.error().message;
      EXPECT_NE(sum.error().message.find(one.name), std::string::npos) << sum.error().message;
      return one.name;
    }
    return "";
  }
  void change_target(std::string_view sql, std::initializer_list<Param> params = {}) {
    ASSERT_TRUE(target_->begin(Connection::Access::kWrite));
    const auto changed = target_->execute(sql, params);
    ASSERT_EQ(outcome(changed), "value") << changed.error().message;
    ASSERT_EQ(*changed, 1);
    ASSERT_TRUE(target_->commit());
  }

  const CopyReport ignore_ = [](const CopiedTable&, std::int64_t) {};
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  std::unique_ptr<Connection> source_;
  std::unique_ptr<Connection> target_;
  std::vector<CopiedTable> all_;
};

}  // namespace waybill::store
