#include "conformance/store_conformance.h"

#include <algorithm>
#include <cstdlib>
#include <future>

#include "conformance/faulty_driver.h"
#include "store/endpoints.h"
#include "store/migrations.h"
#include "store/workspaces.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;

// A unit's error of the test's own making.
std::unexpected<Error> own_error() {
  return fail(Code::kConflict, "of_its_own", "As the test asked.");
}

}  // namespace

StoreConformance::StoreConformance() : workspace_(ids_.next()), other_workspace_(ids_.next()) {}

StoreConformance::~StoreConformance() { database_.reset(); }

void StoreConformance::open(DatabaseOptions options, std::unique_ptr<Driver> driver) {
  database_.reset();
  if (!driver) driver = make_driver();
  writers_ = driver->writers();
  database_ = must(Database::open(context_, log_, std::move(driver), clock_.now(), options));
  const auto connection = must(make_driver()->connect(Connection::Access::kWrite));
  ASSERT_TRUE(connection->begin(Connection::Access::kWrite));
  ASSERT_TRUE(
      connection->run_script("CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, amount " +
                             std::string(connection->migration_word("bigint")) + " NOT NULL)"));
  ASSERT_TRUE(connection->commit());
}

std::vector<StoreConformance::Answer> StoreConformance::write_together(
    const std::vector<Unit>& units, const std::function<void()>& before_release) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::optional<Answer>> gates(static_cast<std::size_t>(writers_));
  for (auto& gate : gates) {
    std::promise<void> entered;
    start(database_->run([&](Connection&) -> Answer {
      entered.set_value();
      released.wait();
      return 0;
    }),
          gate);
    context_.restart();
    context_.poll();
    entered.get_future().wait();
  }
  std::vector<std::optional<Answer>> answers(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) start(database_->run(units[i]), answers[i]);
  context_.restart();
  context_.poll();
  before_release();
  release.set_value();
  context_.restart();
  context_.run();

  std::vector<Answer> all;
  for (auto& answer : answers) all.push_back(std::move(answer).value());
  return all;
}

Result<int> StoreConformance::add_note(Connection& connection, std::string_view name, int amount) {
  WAYBILL_TRY(
      connection.execute("INSERT INTO notes (name, amount) VALUES ($1, $2)", {name, amount}));
  return amount;
}

std::optional<int> StoreConformance::note(std::string_view name) {
  return must(read([&](Connection& connection) -> Result<std::optional<int>> {
    std::optional<int> amount;
    WAYBILL_TRY(
        connection.query("SELECT amount FROM notes WHERE name = $1", {name},
                         [&](const Row& row) { amount = static_cast<int>(row.integer(0)); }));
    return amount;
  }));
}

std::int64_t StoreConformance::count_notes() {
  return must(read([&](Connection& connection) -> Result<std::int64_t> {
    std::int64_t count = 0;
    WAYBILL_TRY(connection.query("SELECT count(*) FROM notes", {},
                                 [&](const Row& row) { count = row.integer(0); }));
    return count;
  }));
}

std::vector<std::string> StoreConformance::awkward_texts(std::size_t longest) {
  return {"",
          "plain",
          "O'Reilly \"quoted\" \\ $1 {bytes} % _ --",
          "Grüße, Καλημέρα, Привет, 你好, 🧾\u200d",
          "two\nlines\r\n\ttab",
          "  spaces around  ",
          std::string(longest, 'x')};
}

std::vector<Bytes> StoreConformance::awkward_bytes() {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  return {{}, {0}, all, Bytes(1024 * 1024, 0xff)};
}

// --- Values
// ---------------------------------------------------------------------------------------

TEST_P(StoreConformance, ATextComesBackAsItWentIn) {
  for (const std::string& text : awkward_texts(kIndexedBytesMax)) {
    ASSERT_EQ(outcome(write([&](Connection& connection) { return add_note(connection, text, 7); })),
              "value");
    EXPECT_EQ(note(text), 7) << text.substr(0, 40);
  }
}

TEST_P(StoreConformance, AnIntegerComesBackAsItWentIn) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40,
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    const auto stored = must(write([&](Connection& connection) -> Result<std::int64_t> {
      WAYBILL_TRY(connection.execute("DELETE FROM notes", {}));
      WAYBILL_TRY(
          connection.execute("INSERT INTO notes (name, amount) VALUES ($1, $2)", {"n", number}));
      std::int64_t read_back = 0;
      WAYBILL_TRY(connection.query("SELECT amount FROM notes", {},
                                   [&](const Row& row) { read_back = row.integer(0); }));
      return read_back;
    }));
    EXPECT_EQ(stored, number);
  }
}

TEST_P(StoreConformance, AStatementTellsHowManyRowsItChangedOrReturned) {
  struct Counts {
    std::int64_t inserted, conflicting, updated, none, returned;
  };
  const Counts counts = must(write([](Connection& connection) -> Result<Counts> {
    const std::string_view insert =
        "INSERT INTO notes (name, amount) VALUES ($1, 1), ($2, 1) "
        "ON CONFLICT DO NOTHING";
    const auto inserted = connection.execute(insert, {"a", "b"});
    const auto conflicting = connection.execute(insert, {"b", "c"});
    const auto updated = connection.execute("UPDATE notes SET amount = $1", {5});
    const auto none = connection.execute("DELETE FROM notes WHERE name = $1", {"nobody"});
    const auto returned =
        connection.query("UPDATE notes SET amount = $1 RETURNING name", {6}, [](const Row&) {});
    return Counts{*inserted, *conflicting, *updated, *none, *returned};
  }));
  EXPECT_EQ(counts.inserted, 2);
  EXPECT_EQ(counts.conflicting, 1);
  EXPECT_EQ(counts.updated, 3);
  EXPECT_EQ(counts.none, 0);
  EXPECT_EQ(counts.returned, 3);
}

TEST_P(StoreConformance, AParameterMayBeUsedTwiceAndInAnyOrder) {
  const auto text = must(read([](Connection& connection) -> Result<std::string> {
    std::string text;
    WAYBILL_TRY(connection.query("SELECT CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT)",
                                 {"one", "two"}, [&](const Row& row) { text = row.string(0); }));
    return text;
  }));
  EXPECT_EQ(text, "twoonetwo");
}

// --- Promise 1: a value means durable and visible
// ---------------------------------------------------

TEST_P(StoreConformance, Promise1WhatRunReturnedAValueForIsThereAfterReopening) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "kept", 3); }));
  close();
  open();
  EXPECT_EQ(note("kept"), 3);
}

TEST_P(StoreConformance, Promise1EveryLaterUnitSeesIt) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "seen", 3); }));
  EXPECT_EQ(note("seen"), 3);
  const auto in_writer = must(write([](Connection& connection) -> Result<std::int64_t> {
    return connection.query("SELECT 1 FROM notes WHERE name = $1", {"seen"}, [](const Row&) {});
  }));
  EXPECT_EQ(in_writer, 1);
}

TEST_P(StoreConformance, Promise1UnitsThatWaitTogetherShareACommit) {
  const DatabaseCounters before = database_->counters();
  std::vector<Unit> units;
  for (int i = 0; i < 100; ++i) {
    units.push_back(
        [i](Connection& connection) { return add_note(connection, "n" + std::to_string(i), i); });
  }
  const auto answers = write_together(units);

  for (int i = 0; i < 100; ++i) EXPECT_EQ(must(answers[static_cast<std::size_t>(i)]), i);
  EXPECT_EQ(count_notes(), 100);
  const DatabaseCounters after = database_->counters();
  const auto writers = static_cast<std::uint64_t>(make_driver()->writers());
  EXPECT_LE(after.commits - before.commits, 2 * writers)
      << "the gates' own, and one for each writer";
  EXPECT_EQ(after.units - before.units, 100 + writers);
  EXPECT_EQ(after.batches_run_again, before.batches_run_again);
}

TEST_P(StoreConformance, Promise1ACommitIsSharedByNoMoreThanTheLimit) {
  DatabaseOptions options;
  options.units_per_commit_max = 10;
  open(options);
  std::vector<Unit> units;
  for (int i = 0; i < 95; ++i) {
    units.push_back(
        [i](Connection& connection) { return add_note(connection, "n" + std::to_string(i), i); });
  }
  const std::uint64_t before = database_->counters().commits;
  for (const Answer& answer : write_together(units)) EXPECT_TRUE(answer);
  EXPECT_GE(database_->counters().commits - before, 10u);
  EXPECT_EQ(count_notes(), 95);
}

// The io_context of a hub that stops may still hold answers when its database has ended.
TEST_P(StoreConformance, Promise1UnitsHandedInBeforeTheEndAreRunAndAnswered) {
  std::optional<Answer> first, second;
  start(database_->run([](Connection& connection) { return add_note(connection, "first", 1); }),
        first);
  start(database_->run([](Connection& connection) { return add_note(connection, "second", 2); }),
        second);
  context_.restart();
  context_.poll();
  close();
  context_.restart();
  context_.run();

  EXPECT_EQ(must(first.value()), 1);
  EXPECT_EQ(must(second.value()), 2);
  open();
  EXPECT_EQ(note("first"), 1);
  EXPECT_EQ(note("second"), 2);
}

// --- Promise 2: an error means nothing is there, and nobody else is harmed
// --------------------------

TEST_P(StoreConformance, Promise2AUnitThatFailsLeavesNothing) {
  const auto answer = write([](Connection& connection) -> Answer {
    WAYBILL_TRY(add_note(connection, "half"));
    return own_error();
  });
  EXPECT_EQ(outcome(answer), "conflict of_its_own");
  EXPECT_EQ(note("half"), std::nullopt);
}

TEST_P(StoreConformance, Promise2AUnitThatFailsBeforeWritingCostsTheOthersNothing) {
  const auto answers = write_together({
      [](Connection& connection) { return add_note(connection, "a", 1); },
      [](Connection&) -> Answer { return own_error(); },
      [](Connection& connection) { return add_note(connection, "b", 2); },
  });
  EXPECT_EQ(outcome(answers[0]), "value");
  EXPECT_EQ(outcome(answers[1]), "conflict of_its_own");
  EXPECT_EQ(outcome(answers[2]), "value");
  EXPECT_EQ(count_notes(), 2);
  EXPECT_EQ(database_->counters().batches_run_again, 0u);
}

TEST_P(StoreConformance, Promise2AUnitThatFailsAfterWritingHarmsNoOtherOfItsTransaction) {
  int runs_of_a = 0;
  const auto answers = write_together({
      [&](Connection& connection) {
        ++runs_of_a;
        return add_note(connection, "a", 1);
      },
      [](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "half"));
        return own_error();
      },
      [](Connection& connection) { return add_note(connection, "b", 2); },
      // Fails by its own statement, and says so.
      [](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "half too"));
        return add_note(connection, "a");
      },
      [](Connection& connection) { return add_note(connection, "c", 3); },
  });
  EXPECT_EQ(must(answers[0]), 1);
  EXPECT_EQ(outcome(answers[1]), "conflict of_its_own");
  EXPECT_EQ(must(answers[2]), 2);
  EXPECT_EQ(outcome(answers[3]), "conflict unique_violation");
  EXPECT_EQ(must(answers[4]), 3);
  EXPECT_EQ(note("half"), std::nullopt);
  EXPECT_EQ(note("half too"), std::nullopt);
  EXPECT_EQ(count_notes(), 3);
  if (make_driver()->writers() == 1) {
    EXPECT_EQ(database_->counters().batches_run_again, 1u);
    EXPECT_EQ(runs_of_a, 2) << "a unit may be called again";
  }
}

TEST_P(StoreConformance, Promise2AKeyThatExistsIsAConflict) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "a", 1); }));
  EXPECT_EQ(outcome(write([](Connection& connection) { return add_note(connection, "a", 2); })),
            "conflict unique_violation");
  EXPECT_EQ(note("a"), 1);
}

TEST_P(StoreConformance, Promise2AStatementThatIsWrongIsAnInternalError) {
  EXPECT_EQ(outcome(write([](Connection& connection) {
              return connection.execute("UPDATE no_such_table SET a = 1", {});
            })),
            "internal database_error");
  EXPECT_EQ(outcome(write([](Connection& connection) {
              return connection.execute("INSERT INTO notes (name, amount) VALUES ($1, $2)",
                                        {"a", std::nullopt});
            })),
            "internal database_error");
  EXPECT_TRUE(write([](Connection& connection) { return add_note(connection, "after"); }));
}

// SQLite goes on after a failed statement, PostgreSQL does not: a unit that did not look would
// write half of what it meant to on the one, and nothing on the other.
TEST_P(StoreConformance, Promise2AUnitThatIgnoresAFailedStatementCannotCommitHalf) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "taken"); }));
  std::string after_failure;
  const auto answers = write_together({
      [](Connection& connection) { return add_note(connection, "a"); },
      [&](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "first half"));
        (void)add_note(connection, "taken");
        after_failure = outcome(add_note(connection, "second half"));
        return 0;
      },
      [](Connection& connection) { return add_note(connection, "b"); },
  });
  EXPECT_EQ(outcome(answers[0]), "value");
  EXPECT_EQ(outcome(answers[1]), "internal unit_ignored_failure");
  EXPECT_EQ(outcome(answers[2]), "value");
  EXPECT_EQ(after_failure, "internal transaction_failed");
  EXPECT_EQ(note("first half"), std::nullopt);
  EXPECT_EQ(note("second half"), std::nullopt);
  EXPECT_EQ(count_notes(), 3);
}

TEST_P(StoreConformance, Promise2AUnitThatThrowsIsAnsweredAndHarmsNoOther) {
  const auto answers = write_together({
      [](Connection& connection) { return add_note(connection, "a", 1); },
      [](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "half"));
        throw std::runtime_error("a bug in a unit");
      },
      [](Connection& connection) { return add_note(connection, "b", 2); },
      [](Connection&) -> Answer { throw std::runtime_error("a bug before anything is written"); },
      [](Connection& connection) { return add_note(connection, "c", 3); },
  });
  EXPECT_EQ(outcome(answers[0]), "value");
  EXPECT_EQ(outcome(answers[1]), "internal unit_failed");
  EXPECT_EQ(outcome(answers[2]), "value");
  EXPECT_EQ(outcome(answers[3]), "internal unit_failed");
  EXPECT_EQ(outcome(answers[4]), "value");
  EXPECT_EQ(note("half"), std::nullopt);
  EXPECT_EQ(count_notes(), 3);
}

TEST_P(StoreConformance, Promise2AStatementWhoseVisitorThrewCanBeUsedAgain) {
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(write([&](Connection& connection) { return add_note(connection, name); }));
  }
  const auto visit = [&](bool throwing) {
    return [throwing](Connection& connection) -> Result<std::int64_t> {
      return connection.query("SELECT name FROM notes WHERE amount = $1", {0}, [&](const Row&) {
        if (throwing) throw std::runtime_error("a bug in a visitor");
      });
    };
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(outcome(write(visit(true))), "internal unit_failed");
    EXPECT_EQ(must(write(visit(false))), 2) << "all of its rows, from the first";
    EXPECT_EQ(outcome(read(visit(true))), "internal unit_failed");
    EXPECT_EQ(must(read(visit(false))), 2) << "all of its rows, from the first";
  }
}

// --- Promise 3: no halves, no lost changes
// -----------------------------------------------------------------

TEST_P(StoreConformance, Promise3UnitsThatReadAndThenWriteLoseNoUpdate) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "sum", 0); }));
  const Unit add_one = [](Connection& connection) -> Answer {
    int amount = 0;
    const std::string read =
        "SELECT amount FROM notes WHERE name = $1 " + std::string(connection.row_lock());
    WAYBILL_TRY(connection.query(
        read, {"sum"}, [&](const Row& row) { amount = static_cast<int>(row.integer(0)); }));
    WAYBILL_TRY(
        connection.execute("UPDATE notes SET amount = $1 WHERE name = $2", {amount + 1, "sum"}));
    return amount + 1;
  };
  std::vector<std::optional<Answer>> answers(300);
  for (auto& answer : answers) start(database_->run(add_one), answer);
  context_.restart();
  context_.run();

  std::vector<int> amounts;
  for (const auto& answer : answers) amounts.push_back(answer->value());
  std::ranges::sort(amounts);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(amounts[static_cast<std::size_t>(i)], i + 1);
  EXPECT_EQ(note("sum"), 300);
}

TEST_P(StoreConformance, Promise3NobodySeesHalfOfAUnit) {
  std::vector<std::optional<Answer>> writes(100);
  std::vector<std::optional<Answer>> reads(200);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    start(database_->run([i](Connection& connection) -> Answer {
      WAYBILL_TRY(add_note(connection, "left " + std::to_string(i)));
      return add_note(connection, "right " + std::to_string(i));
    }),
          writes[i]);
    for (std::size_t k = 0; k < 2; ++k) {
      start(database_->read([](Connection& connection) -> Answer {
        int count = 0;
        WAYBILL_TRY(connection.query("SELECT count(*) FROM notes", {}, [&](const Row& row) {
          count = static_cast<int>(row.integer(0));
        }));
        return count;
      }),
            reads[2 * i + k]);
    }
  }
  context_.restart();
  context_.run();

  for (const auto& answer : writes) EXPECT_TRUE(answer->has_value());
  for (const auto& answer : reads) EXPECT_EQ(answer->value() % 2, 0);
  EXPECT_EQ(count_notes(), 200);
}

// --- Promise 4: reads
// -------------------------------------------------------------------------------

TEST_P(StoreConformance, Promise4AReadSeesOneStateWhateverIsCommittedMeanwhile) {
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "before"); }));
  std::promise<void> looked, written;
  std::optional<Result<std::pair<std::int64_t, std::int64_t>>> counts;
  start(
      database_->read([&](Connection& connection) -> Result<std::pair<std::int64_t, std::int64_t>> {
        const auto count = [&] {
          return connection.query("SELECT name FROM notes", {}, [](const Row&) {}).value_or(-1);
        };
        const std::int64_t first = count();
        looked.set_value();
        written.get_future().wait();
        return std::pair(first, count());
      }),
      counts);
  context_.restart();
  context_.poll();
  looked.get_future().wait();
  ASSERT_TRUE(write([](Connection& connection) { return add_note(connection, "meanwhile"); }));
  written.set_value();
  context_.restart();
  context_.run();

  EXPECT_EQ(must(*counts), std::pair(std::int64_t{1}, std::int64_t{1}));
  EXPECT_EQ(count_notes(), 2) << "a read that begins now sees it";
}

TEST_P(StoreConformance, Promise4AReadCannotWrite) {
  for (const Unit& unit :
       std::vector<Unit>{[](Connection& connection) { return add_note(connection, "sneaked in"); },
                         [](Connection& connection) -> Answer {
                           (void)add_note(connection, "sneaked in");
                           return 0;
                         }}) {
    EXPECT_FALSE(read(unit).has_value());
    EXPECT_EQ(count_notes(), 0);
  }
}

TEST_P(StoreConformance, Promise4ReadsGoOnWhileWritesWait) {
  std::int64_t count = -1;
  (void)write_together({[](Connection& connection) { return add_note(connection, "waiting"); }},
                       [&] { count = count_notes(); });
  EXPECT_EQ(count, 0);
  EXPECT_EQ(count_notes(), 1);
}

// --- Promise 5: a full queue
// ------------------------------------------------------------------------

TEST_P(StoreConformance, Promise5AFullQueueRefusesAndDoesNothing) {
  DatabaseOptions options;
  options.waiting_units_max = 3;
  open(options);
  const Unit add = [](Connection& connection) -> Answer {
    WAYBILL_TRY(
        connection.execute("INSERT INTO notes (name, amount) VALUES ($1, 1) "
                           "ON CONFLICT (name) DO UPDATE SET amount = notes.amount + 1",
                           {"runs"}));
    return 0;
  };
  std::size_t unanswered = 0;
  const auto answers =
      write_together({add, add, add, add, add}, [&] { unanswered = database_->unanswered(); });

  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outcome(answers[i]), "value") << i;
  for (std::size_t i = 3; i < 5; ++i) {
    EXPECT_EQ(outcome(answers[i]), "unavailable database_busy") << i;
  }
  EXPECT_EQ(note("runs"), 3);
  const auto writers = static_cast<std::size_t>(make_driver()->writers());
  EXPECT_EQ(unanswered, 3 + writers) << "what was refused has been answered at once";
  EXPECT_EQ(database_->unanswered(), 0u);
  EXPECT_TRUE(write(add)) << "there is room again";
}

// An outcome that is refused because of new orders would be made again, and add to the load.
TEST_P(StoreConformance, Promise5TheHubsOwnUnitsHaveRoomWhereNewOnesAreRefused) {
  DatabaseOptions options;
  options.waiting_units_max = 2;
  options.own_units_max = 1;
  open(options);
  const Unit nothing = [](Connection&) -> Answer { return 0; };
  std::optional<Answer> own, one_too_many;
  const auto answers = write_together({nothing, nothing, nothing}, [&] {
    start(database_->run(nothing, Priority::kOwn), own);
    start(database_->run(nothing, Priority::kOwn), one_too_many);
    context_.restart();
    context_.poll();
    EXPECT_EQ(database_->writes_waiting(), 3u);
  });
  EXPECT_EQ(outcome(answers[1]), "value");
  EXPECT_EQ(outcome(answers[2]), "unavailable database_busy");
  EXPECT_EQ(outcome(*own), "value");
  EXPECT_EQ(outcome(*one_too_many), "unavailable database_busy");
  EXPECT_EQ(database_->counters().refused, 2u);
}

TEST_P(StoreConformance, Promise5AFullQueueOfReadsRefusesToo) {
  DatabaseOptions options;
  options.waiting_units_max = 2;
  options.readers = 1;
  open(options);
  std::promise<void> entered, release;
  std::vector<std::optional<Answer>> answers(5);
  start(database_->read([&](Connection&) -> Answer {
    entered.set_value();
    release.get_future().wait();
    return 0;
  }),
        answers[0]);
  context_.restart();
  context_.poll();
  entered.get_future().wait();
  for (std::size_t i = 1; i < answers.size(); ++i) {
    start(database_->read([](Connection&) -> Answer { return 0; }), answers[i]);
  }
  context_.restart();
  context_.poll();
  release.set_value();
  context_.restart();
  context_.run();

  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outcome(*answers[i]), "value") << i;
  for (std::size_t i = 3; i < 5; ++i) {
    EXPECT_EQ(outcome(*answers[i]), "unavailable database_busy") << i;
  }
}

// --- Promise 6, and 2 at every point of failure
// -----------------------------------------------------

TEST_P(StoreConformance, Promise6ACommitThatFailsIsAnErrorForItsUnitsAndLaterOnesWork) {
  const auto faults = std::make_shared<Faults>();
  open({}, std::make_unique<FaultyDriver>(make_driver(), faults));
  const auto answers =
      write_together({
                         [](Connection& connection) { return add_note(connection, "a"); },
                         [](Connection& connection) { return add_note(connection, "b"); },
                     },
                     // The gate commits first.
                     [&] { faults->arm(2, Faults::Lasting::kFromThenOn, Faults::Call::kCommit); });
  faults->disarm();

  EXPECT_TRUE(faults->fired());
  for (const Answer& answer : answers)
    EXPECT_EQ(outcome(answer), "unavailable database_unavailable");
  EXPECT_EQ(count_notes(), 0);
  EXPECT_TRUE(write([](Connection& connection) { return add_note(connection, "later"); }));
  EXPECT_EQ(count_notes(), 1);
}

TEST_P(StoreConformance, Promise6ATransactionThatCannotBeginIsAnErrorAndLaterOnesWork) {
  const auto faults = std::make_shared<Faults>();
  open({}, std::make_unique<FaultyDriver>(make_driver(), faults));
  faults->arm(1, Faults::Lasting::kFromThenOn, Faults::Call::kBegin);
  EXPECT_EQ(outcome(write([](Connection& connection) { return add_note(connection, "a"); })),
            "unavailable database_unavailable");
  EXPECT_EQ(outcome(read([](Connection&) -> Answer { return 0; })),
            "unavailable database_unavailable");
  faults->disarm();
  EXPECT_TRUE(write([](Connection& connection) { return add_note(connection, "a"); }));
  EXPECT_EQ(count_notes(), 1);
}

// Beginning may take seconds to fail, and a queue of thousands must not wait for that again and
// again.
TEST_P(StoreConformance, Promise6WhoeverWaitsBehindATransactionThatCannotBeginIsTold) {
  const auto faults = std::make_shared<Faults>();
  DatabaseOptions options;
  options.units_per_commit_max = 1;
  open(options, std::make_unique<FaultyDriver>(make_driver(), faults));
  const Unit add = [](Connection& connection) { return add_note(connection, "a"); };
  // The first fails; those after it would succeed if they were tried.
  const auto answers = write_together(
      {add, add, add}, [&] { faults->arm(1, Faults::Lasting::kOnce, Faults::Call::kBegin); });
  for (const Answer& answer : answers) {
    EXPECT_EQ(outcome(answer), "unavailable database_unavailable");
  }
  EXPECT_EQ(count_notes(), 0);
}

TEST_P(StoreConformance, Promise6WhatIsWrongIsToldUntilSomethingIsWritten) {
  const auto faults = std::make_shared<Faults>();
  open({}, std::make_unique<FaultyDriver>(make_driver(), faults));
  const auto add = [](Connection& connection) { return add_note(connection, "a"); };
  EXPECT_EQ(database_->write_failure(), std::nullopt);
  for (const auto call : {Faults::Call::kBegin, Faults::Call::kExecute, Faults::Call::kCommit}) {
    faults->arm(1, Faults::Lasting::kFromThenOn, call);
    EXPECT_EQ(outcome(write(add)), "unavailable database_unavailable");
    ASSERT_TRUE(database_->write_failure()) << static_cast<int>(call);
    EXPECT_EQ(database_->write_failure()->reason, "database_unavailable");
    faults->disarm();
    EXPECT_TRUE(write([](Connection&) -> Answer { return 0; }));
    EXPECT_FALSE(database_->write_failure()) << static_cast<int>(call);
  }
  EXPECT_EQ(database_->counters().failed, 2u) << "a statement's failure is its unit's alone";
}

// Whichever call fails, and whether it fails once or all do from then on: a unit that was answered
// with a value is wholly there, any other not at all.
TEST_P(StoreConformance, Promise2And6HoldAtEveryPointOfFailure) {
  for (const auto lasting : {Faults::Lasting::kOnce, Faults::Lasting::kFromThenOn}) {
    int nth = 0;
    for (bool fired = true; fired; ++nth) {
      const auto faults = std::make_shared<Faults>();
      open({}, std::make_unique<FaultyDriver>(make_driver(), faults));
      const std::string round = (lasting == Faults::Lasting::kOnce ? "once " : "from then on ") +
                                std::to_string(nth) + " ";
      const auto both = [&](const std::string& name) {
        return [name = round + name](Connection& connection) -> Answer {
          WAYBILL_TRY(add_note(connection, name + " left"));
          WAYBILL_TRY(connection.query("SELECT amount FROM notes WHERE name = $1", {name + " left"},
                                       [](const Row&) {}));
          return add_note(connection, name + " right");
        };
      };
      const auto answers = write_together({
                                              both("a"),
                                              [&](Connection& connection) -> Answer {
                                                WAYBILL_TRY(both("b")(connection));
                                                return own_error();
                                              },
                                              both("c"),
                                              [](Connection&) -> Answer { return own_error(); },
                                              both("d"),
                                          },
                                          [&] { faults->arm(nth + 1, lasting); });
      fired = faults->fired();
      faults->disarm();

      const char* names[] = {"a", "b", "c", "", "d"};
      for (std::size_t i = 0; i < answers.size(); ++i) {
        const bool there = answers[i].has_value();
        EXPECT_EQ(note(round + names[i] + " left").has_value(), there) << round << names[i];
        EXPECT_EQ(note(round + names[i] + " right").has_value(), there) << round << names[i];
      }
      EXPECT_FALSE(answers[1]) << round;
      EXPECT_FALSE(answers[3]) << round;
      if (!fired) {
        EXPECT_TRUE(answers[0] && answers[2] && answers[4]) << round;
      }
      EXPECT_TRUE(write([&](Connection& connection) { return add_note(connection, round); }))
          << round << "and later units work";
      ASSERT_LT(nth, 200) << "the faults come to an end";
    }
    EXPECT_GT(nth, 20) << "the units make more calls than these";
  }
}

// --- Migrations and the catalogue
// -------------------------------------------------------------------

void MigrationConformance::change(std::string_view sql, std::initializer_list<Param> params) {
  ASSERT_TRUE(connection_->begin(Connection::Access::kWrite));
  ASSERT_EQ(outcome(connection_->execute(sql, params)), "value");
  ASSERT_TRUE(connection_->commit());
}

std::vector<std::string> MigrationConformance::applied() {
  std::vector<std::string> all;
  EXPECT_TRUE(connection_->begin(Connection::Access::kRead));
  EXPECT_TRUE(connection_->query(
      "SELECT name, digest, applied_at FROM schema_migrations ORDER BY name", {},
      [&](const Row& row) {
        all.push_back(row.string(0) + " " + row.string(1) + " " + iso_time(row.time(2)));
      }));
  EXPECT_TRUE(connection_->commit());
  return all;
}

TEST_P(MigrationConformance, AreAppliedOnce) {
  ASSERT_EQ(outcome(migrate(*connection_, kNoon)), "value");
  const auto first = applied();
  ASSERT_FALSE(first.empty());
  EXPECT_TRUE(first[0].starts_with("0001_spine.sql "));
  EXPECT_TRUE(first[0].ends_with(" 2026-01-01T12:00:00.000Z"));

  ASSERT_EQ(outcome(migrate(*connection_, kNoon + 1h)), "value");
  EXPECT_EQ(applied(), first) << "the second time there is nothing to do";
}

TEST_P(MigrationConformance, OneThatWasAppliedWithAnotherTextIsRefused) {
  ASSERT_TRUE(migrate(*connection_, kNoon));
  change("UPDATE schema_migrations SET digest = $1", {"of another text"});
  const auto refused = migrate(*connection_, kNoon);
  EXPECT_EQ(outcome(refused), "internal migration_changed");
  EXPECT_NE(refused.error().message.find("0001_spine.sql"), std::string::npos);
}

TEST_P(MigrationConformance, ADatabaseOfALaterWaybillIsRefusedAndNotTouched) {
  ASSERT_TRUE(migrate(*connection_, kNoon));
  change("INSERT INTO schema_migrations (name, digest, applied_at) VALUES ($1, $2, $3)",
         {"9999_from_the_future.sql", "digest", 0});
  const auto before = applied();
  const auto refused = migrate(*connection_, kNoon);
  EXPECT_EQ(outcome(refused), "invalid database_newer");
  EXPECT_NE(refused.error().message.find("9999_from_the_future.sql"), std::string::npos);
  EXPECT_EQ(applied(), before);

  const auto opened = Database::open(context_, log_, make_driver(), kNoon);
  EXPECT_EQ(outcome(opened), "invalid database_newer");
}

// Where the last call fails, everything before has been done: none of it may stay.
TEST_P(MigrationConformance, OneThatFailsHalfWayLeavesNothing) {
  for (int nth = 0;; ++nth) {
    const auto faults = std::make_shared<Faults>();
    FaultyDriver driver(make_driver(), faults);
    const auto connection = must(driver.connect(Connection::Access::kWrite));
    faults->arm(nth + 1, Faults::Lasting::kOnce);
    const auto migrated = migrate(*connection, kNoon);
    if (!faults->fired()) {
      EXPECT_EQ(outcome(migrated), "value");
      EXPECT_GE(nth, 4);
      return;
    }
    EXPECT_EQ(outcome(migrated), "unavailable database_unavailable") << nth;
    ASSERT_TRUE(connection_->begin(Connection::Access::kRead));
    EXPECT_FALSE(connection_->query("SELECT name FROM schema_migrations", {}, [](const Row&) {}))
        << nth;
    connection_->rollback();
    ASSERT_LT(nth, 100);
  }
}

TEST_P(MigrationConformance, EveryUniqueKeyStartsWithTheWorkspace) {
  ASSERT_TRUE(migrate(*connection_, kNoon));
  std::vector<std::string> tables;
  ASSERT_TRUE(connection_->begin(Connection::Access::kRead));
  const auto keys = connection_->query(GetParam().unique_keys_sql, {}, [&](const Row& row) {
    if (row.text(0) == "schema_migrations") return;
    tables.push_back(row.string(0));
    EXPECT_EQ(row.text(2), "workspace_id") << row.text(0) << ", " << row.text(1);
  });
  ASSERT_EQ(outcome(keys), "value");
  // That the query sees primary keys and unique indexes, of either kind of table.
  for (const char* table : {"workspaces", "suppliers", "deliveries", "attempts"}) {
    EXPECT_NE(std::ranges::find(tables, table), tables.end()) << table;
  }
  EXPECT_EQ(std::ranges::count(tables, "suppliers"), 2) << "its primary key and its unique name";
}

}  // namespace waybill::store
