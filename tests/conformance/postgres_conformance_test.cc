// The PostgreSQL driver passes the conformance suite; and what it alone has to say.
//
// The server is the one whose URI is in the file that WAYBILL_TEST_POSTGRES_FILE names
// (tests/postgres). Each test has a schema of its own in it.

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/rng.h"
#include "conformance/copy_conformance.h"
#include "conformance/faulty_driver.h"
#include "conformance/severing_proxy.h"
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

// "/tmp/waybill-store-aB3" has the schema "waybill-store-aB3", and its sessions that name.
std::string url_of(const std::filesystem::path& folder, const std::string& server = server_url()) {
  return fmt::format("{0}?options=-csearch_path%3D%22{1}%22&application_name={1}", server,
                     folder.filename().string());
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
INSTANTIATE_TEST_SUITE_P(Drivers, CopyConformance, testing::Values(postgres()), driver_name);

// What only a server can do to its clients.
class PostgresDriverTest : public StoreConformance {
 protected:
  // Ends every other session of this test's database, as a restart of the server does. Returns how
  // many.
  std::int64_t end_sessions() {
    const auto connection = must(make_driver()->connect(Connection::Access::kWrite));
    EXPECT_TRUE(connection->begin(Connection::Access::kWrite));
    const auto ended = connection->query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND application_name = $1",
        {folder_.path().filename().string()}, [](const Row&) {});
    EXPECT_TRUE(connection->commit());
    return must(ended);
  }
  static Unit add(std::string name) {
    return [name = std::move(name)](Connection& connection) { return add_note(connection, name); };
  }
};
INSTANTIATE_TEST_SUITE_P(Drivers, PostgresDriverTest, testing::Values(postgres()), driver_name);

TEST_P(PostgresDriverTest, AServerThatIsNotThereIsNamedWithoutThePassword) {
  PostgresDriver driver(
      must(PostgresAddress::parse("postgres://waybill:geheim@127.0.0.1:1/orders")));
  const auto connection = driver.connect(Connection::Access::kWrite);
  EXPECT_EQ(outcome(connection), "unavailable database_unavailable");
  EXPECT_NE(connection.error().message.find("postgres://waybill@127.0.0.1:1/orders"),
            std::string::npos);
  EXPECT_EQ(connection.error().message.find("geheim"), std::string::npos);
  EXPECT_EQ(connection.error().message.find_first_of("\n\t"), std::string::npos);
}

// Nobody notices: what was under way is run again in a new session.
TEST_P(PostgresDriverTest, SessionsThatTheServerEndsAreMadeAnew) {
  ASSERT_TRUE(write(add("before")));
  for (int round = 0; round < 3; ++round) {
    EXPECT_GT(end_sessions(), 0);
    EXPECT_EQ(outcome(write(add("after " + std::to_string(round)))), "value");
    EXPECT_EQ(count_notes(), round + 2);
  }
}

TEST_P(PostgresDriverTest, ASessionLostInTheMiddleOfAUnitHarmsNobody) {
  bool ended = false;
  const auto answers = write_together({
      add("first"),
      [&](Connection& connection) -> Answer {
        WAYBILL_TRY(add_note(connection, "half"));
        if (!std::exchange(ended, true)) end_sessions();
        return add_note(connection, "whole");
      },
      add("last"),
  });
  for (const Answer& answer : answers) EXPECT_EQ(outcome(answer), "value");
  EXPECT_EQ(count_notes(), 4);
}

TEST_P(PostgresDriverTest, AStatementThatTakesTooLongIsUnavailableAndNothingIsLeftOfIt) {
  close();
  open({}, store::make_driver(folder_, {.writers = 1, .statement_timeout = 1s}));
  const auto locked = must(make_driver()->connect(Connection::Access::kWrite));
  ASSERT_TRUE(locked->begin(Connection::Access::kWrite));
  ASSERT_TRUE(locked->run_script("LOCK TABLE notes"));
  EXPECT_EQ(outcome(write(add("late"))), "unavailable database_unavailable");
  locked->rollback();
  EXPECT_TRUE(write(add("later")));
  EXPECT_EQ(count_notes(), 1);
}

// A table was locked, and each unit of a transaction waited for it in turn, as long as a statement
// may: a hundred units held their senders up for fifty minutes.
TEST_P(PostgresDriverTest, UnitsThatWaitTooLongDoNotWaitOneAfterTheOther) {
  constexpr auto kTimeout = 1200ms;
  close();
  open({}, store::make_driver(folder_, {.writers = 1, .statement_timeout = kTimeout}));
  const auto locked = must(make_driver()->connect(Connection::Access::kWrite));
  ASSERT_TRUE(locked->begin(Connection::Access::kWrite));
  ASSERT_TRUE(locked->run_script("LOCK TABLE notes"));
  const Stopwatch waited;
  const auto answers = write_together({add("a"), add("b"), add("c"), add("d"), add("e")});
  for (const Answer& answer : answers) {
    EXPECT_EQ(outcome(answer), "unavailable database_unavailable");
  }
  EXPECT_LT(waited.elapsed(), 3 * kTimeout);
  EXPECT_TRUE(database_->write_failure());
  locked->rollback();
  EXPECT_TRUE(write(add("later")));
  EXPECT_EQ(count_notes(), 1);
}

// A driver of which one connection that writes is lost while the other is not.
class HalfLostDriver final : public Driver {
 public:
  HalfLostDriver(std::filesystem::path folder, std::shared_ptr<Faults> faults)
      : lost_(store::make_driver(folder), std::move(faults)), whole_(store::make_driver(folder)) {}
  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override {
    if (access == Connection::Access::kWrite && ++writers_made_ == 1) return lost_.connect(access);
    return whole_->connect(access);
  }
  int writers() const override { return 2; }

 private:
  FaultyDriver lost_;
  const std::unique_ptr<Driver> whole_;
  int writers_made_ = 0;
};

TEST_P(PostgresDriverTest, ALostConnectionLeavesTheWorkToTheOthers) {
  const auto faults = std::make_shared<Faults>();
  close();
  open({.units_per_commit_max = 1}, std::make_unique<HalfLostDriver>(folder_, faults));
  faults->arm(1, Faults::Lasting::kFromThenOn, Faults::Call::kBegin);
  std::vector<std::optional<Answer>> answers(50);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    start(database_->run(add(std::to_string(i))), answers[i]);
  }
  context_.restart();
  context_.run();
  for (const auto& answer : answers) EXPECT_EQ(outcome(*answer), "value");
  EXPECT_TRUE(faults->fired());
  EXPECT_EQ(database_->write_failure(), std::nullopt);
}

// --- A commit whose answer is lost
// ------------------------------------------------------------------

class LostCommitTest : public PostgresDriverTest {
 protected:
  // Opens the database through a proxy, and adds a note in a transaction whose commit is cut.
  Answer add_with(SeveringProxy::Cut cut) {
    const std::string server = server_url();
    const std::size_t colon = server.rfind(':');
    const std::size_t slash = server.find('/', colon);
    const int port = std::stoi(server.substr(colon + 1, slash - colon - 1));
    proxy_ = std::make_unique<SeveringProxy>(static_cast<std::uint16_t>(port));
    const std::string through =
        fmt::format("{}:{}{}", server.substr(0, colon), proxy_->port(), server.substr(slash));
    close();
    open({},
         std::make_unique<PostgresDriver>(must(PostgresAddress::parse(url_of(folder_, through))),
                                          PostgresOptions{.writers = 1}));
    // Whatever is said once at the first commit.
    EXPECT_TRUE(write(add("early")));
    EXPECT_TRUE(write([](Connection& c) { return c.execute("DELETE FROM notes", {}); }));
    const int sessions = proxy_->accepted();
    const Answer answer = write([&](Connection& connection) -> Answer {
      WAYBILL_TRY(add_note(connection, "once"));
      // All that is said from now on is the commit.
      proxy_->cut_next(cut);
      return 0;
    });
    EXPECT_GT(proxy_->accepted(), sessions) << "it was cut";
    return answer;
  }
  void TearDown() override { close(); }

  std::unique_ptr<SeveringProxy> proxy_;
};
INSTANTIATE_TEST_SUITE_P(Drivers, LostCommitTest, testing::Values(postgres()), driver_name);

TEST_P(LostCommitTest, OneThatWasDoneIsAValue) {
  EXPECT_EQ(outcome(add_with(SeveringProxy::Cut::kAfter)), "value");
  EXPECT_EQ(count_notes(), 1);
}

TEST_P(LostCommitTest, OneThatWasNotDoneIsAnErrorAndLeavesNothing) {
  EXPECT_EQ(outcome(add_with(SeveringProxy::Cut::kBefore)), "unavailable database_unavailable");
  EXPECT_EQ(count_notes(), 0);
  EXPECT_TRUE(write(add("later")));
  EXPECT_EQ(count_notes(), 1);
}

// On its way for long, it comes when its outcome has been asked for and told: nobody may guess.
TEST_P(LostCommitTest, OneThatComesTooLateIsNotDoneAnyMore) {
  EXPECT_EQ(outcome(add_with(SeveringProxy::Cut::kLate)), "unavailable database_unavailable");
  proxy_->deliver_late();
  EXPECT_EQ(count_notes(), 0);
  EXPECT_TRUE(write(add("later")));
  EXPECT_EQ(count_notes(), 1);
}

// --- Transactions that meet
// -------------------------------------------------------------------------

// Each takes two rows in another order, and the server has to end one of them.
TEST_P(PostgresDriverTest, UnitsThatWouldWaitForEachOtherForEverAreAllDone) {
  close();
  open({.units_per_commit_max = 1});  // Each has a writer of its own.
  ASSERT_TRUE(write(add("a")));
  ASSERT_TRUE(write(add("b")));
  std::mutex mutex;
  std::condition_variable met;
  int holding = 0;
  const auto add_to = [&](std::string first, std::string second) -> Unit {
    return [&, first, second](Connection& connection) -> Answer {
      const std::string_view sql = "UPDATE notes SET amount = amount + 1 WHERE name = $1";
      WAYBILL_TRY(connection.execute(sql, {first}));
      {
        std::unique_lock lock(mutex);
        ++holding;
        met.notify_all();
        met.wait(lock, [&] { return holding >= 2; });
      }
      WAYBILL_TRY(connection.execute(sql, {second}));
      return 0;
    };
  };
  std::optional<Answer> one, other;
  start(database_->run(add_to("a", "b")), one);
  start(database_->run(add_to("b", "a")), other);
  context_.restart();
  context_.run();
  EXPECT_EQ(outcome(*one), "value");
  EXPECT_EQ(outcome(*other), "value");
  EXPECT_EQ(note("a"), 2);
  EXPECT_EQ(note("b"), 2);
}

// Batches of several writers that lock the same few rows, each in the order of its units.
TEST_P(PostgresDriverTest, UnitsThatSayWhatTheyLockNeverMeetInAnotherOrder) {
  close();
  open({.units_per_commit_max = 16});
  const std::vector<std::string> names = {"a", "b", "c", "d", "e", "f"};
  for (const std::string& name : names) ASSERT_TRUE(write(add(name)));
  const std::uint64_t before = database_->counters().batches_run_again;
  Rng rng(7);
  std::vector<std::optional<Answer>> answers(600);
  for (auto& answer : answers) {
    const auto which = static_cast<std::size_t>(rng.between(0, 5));
    start(database_->run(
              [&names, which](Connection& connection) -> Answer {
                WAYBILL_TRY(connection.execute(
                    "UPDATE notes SET amount = amount + 1 WHERE name = $1", {names[which]}));
                return 0;
              },
              Priority::kNew, which + 1),
          answer);
  }
  context_.restart();
  context_.run();
  int sum = 0;
  for (const std::string& name : names) sum += *note(name);
  EXPECT_EQ(sum, 600);
  EXPECT_EQ(database_->counters().batches_run_again, before) << "none was ended by the server";
}

// --- What nodes tell each other
// ---------------------------------------------------------------------

// What a listener has heard, for the test's thread.
class Heard {
 public:
  Hearing hearing() {
    return {.on_message = [this](std::string_view text) { add(std::string(text)); },
            .on_change = [this](bool hears) { add(hears ? "hears" : "deaf"); }};
  }
  // The next thing; what has been waited for too long is "nothing".
  std::string next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, 20s, [this] { return !texts_.empty(); })) return "nothing";
    std::string text = std::move(texts_.front());
    texts_.pop_front();
    return text;
  }

 private:
  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
    came_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> texts_;
};

TEST_P(PostgresDriverTest, WhatIsSaidIsHeardOnceItIsCommittedAndOnlyThen) {
  Heard heard;
  const auto listener = make_driver()->listen(heard.hearing());
  ASSERT_EQ(heard.next(), "hears");
  const auto say = [&](std::string text, bool fails) {
    return write([&, text, fails](Connection& connection) -> Answer {
      WAYBILL_TRY(connection.notify(text));
      if (fails) return fail(Code::kConflict, "of_its_own", "As the test asked.");
      return 0;
    });
  };
  EXPECT_TRUE(say("one", false));
  EXPECT_FALSE(say("nobody hears this", true));
  EXPECT_TRUE(say("two 'quoted' ü", false));
  EXPECT_EQ(heard.next(), "one");
  EXPECT_EQ(heard.next(), "two 'quoted' ü");
}

TEST_P(PostgresDriverTest, AListenerThatWasCutOffSaysSoAndHearsAgain) {
  Heard heard;
  const auto listener = make_driver()->listen(heard.hearing());
  ASSERT_EQ(heard.next(), "hears");
  end_sessions();
  EXPECT_EQ(heard.next(), "deaf");
  EXPECT_EQ(heard.next(), "hears");
  ASSERT_TRUE(write([](Connection& connection) -> Answer {
    WAYBILL_TRY(connection.notify("again"));
    return 0;
  }));
  EXPECT_EQ(heard.next(), "again");
}

TEST_P(PostgresDriverTest, AnotherSchemaIsAnotherHub) {
  Heard heard;
  const std::filesystem::path other = folder_.path().string() + "-other";
  administer(other, fmt::format("CREATE SCHEMA \"{}\"", other.filename().string()));
  const auto listener = store::make_driver(other)->listen(heard.hearing());
  ASSERT_EQ(heard.next(), "hears");
  ASSERT_TRUE(write([](Connection& connection) -> Answer {
    WAYBILL_TRY(connection.notify("not for them"));
    return 0;
  }));
  const auto there = must(store::make_driver(other)->connect(Connection::Access::kWrite));
  ASSERT_TRUE(there->begin(Connection::Access::kWrite));
  ASSERT_TRUE(there->notify("for them"));
  ASSERT_TRUE(there->commit());
  EXPECT_EQ(heard.next(), "for them");
}

}  // namespace
}  // namespace waybill::store
