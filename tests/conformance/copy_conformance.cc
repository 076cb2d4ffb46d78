// Moving all records from SQLite to the driver under test: store/copy.h, by the numbers of its
// promises.

#include "conformance/copy_conformance.h"

#include <algorithm>

namespace waybill::store {
TEST_P(CopyConformance, EveryTableWithRecordsComesAlong_1) {
  std::vector<std::string> names;
  for (const CopiedTable& one : tables()) names.push_back(one.name);
  for (const char* name :
       {"workspaces", "workspace_slugs",    "api_keys",    "suppliers", "orders",    "idempotency",
        "events",     "endpoints",          "deliveries",  "attempts",  "audit_log", "master_check",
        "documents",  "document_sequences", "list_clocks", "stores",    "clients",   "sales_orders",
        "payments",   "shipments",          "products"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
  for (const char* name : {"schema_migrations", "commit_marks", "write_probes", "copy_progress"}) {
    EXPECT_EQ(std::ranges::find(names, name), names.end()) << name;
  }
  const CopiedTable idempotency = table("idempotency");
  ASSERT_EQ(idempotency.key.size(), 3u);
  EXPECT_EQ(idempotency.columns[idempotency.key[1]].name, "scope");
  EXPECT_EQ(idempotency.columns[idempotency.key[1]].type, ColumnType::kText);
}

TEST_P(CopyConformance, WhatIsThereAfterwardsIsWhatWasThere_4) {
  fill_source();

  const auto copied = copy_all();

  ASSERT_EQ(outcome(copied), "value") << copied.error().message;
  EXPECT_EQ(difference(), "");
  const auto sum = must(verify_table(*source_, *target_, table("attempts"), ignore_));
  EXPECT_EQ(sum.rows, kManyRows);
  // Not by what verify_table() itself says: as a program reads it.
  ASSERT_TRUE(target_->begin(Connection::Access::kRead));
  int found = 0;
  const auto texts = awkward_texts();
  (void)target_->query("SELECT subject, unmatched_reason FROM events WHERE workspace_id = $1",
                       {bytes_of(7)}, [&](const Row& row) {
                         EXPECT_NE(std::ranges::find(texts, row.text(0)), texts.end());
                         EXPECT_TRUE(row.is_null(1));
                         ++found;
                       });
  target_->rollback();
  EXPECT_EQ(found, must(count_rows(*source_, table("events"))));
}

TEST_P(CopyConformance, ACopyThatFailsAtAnyCallGoesOnWhereItWas_2) {
  fill_source();
  int failures = 0;
  for (int call = 1;; ++call) {
    faults_->arm(call, Faults::Lasting::kOnce);
    const auto copied = copy_all();
    if (copied) break;
    EXPECT_EQ(copied.error().reason, "database_unavailable") << copied.error().message;
    ++failures;
    ASSERT_LT(call, 2'000);
  }
  faults_->disarm();
  EXPECT_GT(failures, 10);
  EXPECT_EQ(difference(), "");

  // And again: there is nothing left to do.
  std::int64_t rows = 0;
  for (const CopiedTable& one : tables()) {
    rows += must(copy_table(*source_, *target_, one, kSource, ignore_));
  }
  EXPECT_EQ(rows, 0);
}

TEST_P(CopyConformance, NoHubBeginsBeforeItIsFinished_3) {
  EXPECT_TRUE(check_copy_finished(*target_)) << "nothing was ever copied here";
  EXPECT_EQ(must(look_at_copy(*target_, tables(), kSource)), CopyState::kNone);
  ASSERT_TRUE(copy_all());

  EXPECT_EQ(outcome(check_copy_finished(*target_)), "conflict copy_unfinished");
  EXPECT_EQ(must(look_at_copy(*target_, tables(), kSource)), CopyState::kUnderWay);
  ASSERT_TRUE(finish_copy(*target_, kSource, kNoon));
  EXPECT_TRUE(check_copy_finished(*target_));
  EXPECT_EQ(must(look_at_copy(*target_, tables(), kSource)), CopyState::kFinished);
}

TEST_P(CopyConformance, RecordsFromElsewhereAreRefused) {
  ASSERT_TRUE(target_->begin(Connection::Access::kWrite));
  ASSERT_TRUE(
      target_->execute("INSERT INTO suppliers (workspace_id, id, name, name_folded, created_at) "
                       "VALUES ($1, $1, 'Acme', 'acme', 0)",
                       {bytes_of(1)}));
  ASSERT_TRUE(target_->commit());

  const auto copied = copy_all();

  EXPECT_EQ(outcome(copied), "conflict copy_target_not_empty");
  EXPECT_NE(copied.error().message.find("suppliers"), std::string::npos);
  EXPECT_TRUE(check_copy_finished(*target_)) << "it has not begun";
}

TEST_P(CopyConformance, TheCopyOfAnotherSourceIsRefused) {
  ASSERT_TRUE(copy_all());
  const Uuid other = Uuid::lowest_at(kNoon + std::chrono::hours(1));
  EXPECT_EQ(outcome(look_at_copy(*target_, tables(), other)), "conflict copy_target_not_empty");
  EXPECT_EQ(outcome(begin_copy(*target_, tables(), other)), "conflict copy_target_not_empty");
}

TEST_P(CopyConformance, ARowThatSomebodyElseWroteMeanwhileIsTold) {
  fill_source();
  ASSERT_TRUE(begin_copy(*target_, tables(), kSource));
  change_target(
      "INSERT INTO events (workspace_id, id, type, occurred_at, subject, data, matched) "
      "VALUES ($1, $2, '', 0, '', '', 0)",
      {bytes_of(7), bytes_of(3)});
  const auto copied = copy_table(*source_, *target_, table("events"), kSource, ignore_);
  EXPECT_EQ(outcome(copied), "conflict copy_target_not_empty");
  EXPECT_NE(copied.error().message.find("events"), std::string::npos);
}

TEST_P(CopyConformance, ADifferenceIsFoundInItsTable_4) {
  fill_source();
  ASSERT_TRUE(copy_all());
  const Bytes delivery(16, '0');
  change_target("UPDATE attempts SET latency_us = 1 WHERE delivery_id = $1 AND number = 3",
                {delivery});
  EXPECT_EQ(difference(), "attempts") << "one number";
  change_target("UPDATE attempts SET latency_us = 0 WHERE delivery_id = $1 AND number = 3",
                {delivery});
  EXPECT_EQ(difference(), "");
  change_target("UPDATE attempts SET status_code = 0 WHERE delivery_id = $1 AND number = 3",
                {delivery});
  EXPECT_EQ(difference(), "attempts") << "null is not zero";
  change_target("DELETE FROM attempts WHERE delivery_id = $1 AND number = 3", {delivery});
  EXPECT_EQ(difference(), "attempts") << "one row too few";
}

TEST_P(CopyConformance, ARowTooManyIsFound_4) {
  fill_source();
  ASSERT_TRUE(copy_all());
  change_target(
      "INSERT INTO events (workspace_id, id, type, occurred_at, subject, data, matched) "
      "VALUES ($1, $2, '', 0, '', '', 0)",
      {bytes_of(9), bytes_of(9)});
  EXPECT_EQ(difference(), "events");
}

TEST_P(CopyConformance, SwappedValuesAreADifference_4) {
  for (const int number : {1, 2}) add_event(number, std::to_string(number));
  ASSERT_TRUE(copy_all());
  change_target("UPDATE events SET data = '2' WHERE data = '1'");
  change_target("UPDATE events SET data = '1' WHERE id = $1", {bytes_of(2)});
  EXPECT_EQ(difference(), "events");
}

TEST_P(CopyConformance, LargeRowsComeAFewAtATime) {
  const std::string large(1024 * 1024, 'x');
  for (int number = 0; number < 20; ++number) add_event(number, large);
  ASSERT_TRUE(begin_copy(*target_, tables(), kSource));
  std::vector<std::int64_t> pages;
  const auto copied =
      copy_table(*source_, *target_, table("events"), kSource,
                 [&](const CopiedTable&, std::int64_t rows) { pages.push_back(rows); });
  EXPECT_EQ(must(copied), 20);
  // Three texts of a mebibyte in each row.
  EXPECT_EQ(pages, (std::vector<std::int64_t>{3, 6, 9, 12, 15, 18, 20}));
  EXPECT_EQ(difference(), "");
}

TEST_P(CopyConformance, ATextThatAServerDoesNotTakeIsNamed) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xFF")}) {
    ASSERT_TRUE(source_->execute("DELETE FROM events", {}));
    add_event(1, "good");
    add_event(0x1234, text);
    ASSERT_TRUE(begin_copy(*target_, tables(), kSource));
    const auto copied = copy_table(*source_, *target_, table("events"), kSource, ignore_);
    EXPECT_EQ(outcome(copied), "invalid copy_text_unsupported");
    EXPECT_NE(copied.error().message.find("column type of events"), std::string::npos)
        << copied.error().message;
    EXPECT_NE(copied.error().message.find("1234"), std::string::npos) << copied.error().message;
  }
}

}  // namespace waybill::store
