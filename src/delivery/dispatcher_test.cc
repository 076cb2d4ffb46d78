// The way of a delivery, and the promises of dispatcher.h about what is owed: 1, 2 and 5.

#include "delivery/dispatcher.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::delivery {
namespace {

// --- The way of a delivery ----------------------------------------------------------------------

TEST_F(DispatcherTest, SendsWhatIsHandedOverAtOnceAndWithoutAClaim) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  const std::uint64_t units = database->counters().units;

  const auto events = publish(node);

  EXPECT_EQ(database->counters().units - units, 2u) << "accepted, and its outcome recorded";
  EXPECT_EQ(events_at("a.example"), events);
  const auto rows = deliveries(endpoint);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  EXPECT_EQ(rows[0].attempts_made, 1);
  EXPECT_EQ(rows[0].finished_at, clock.now());
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].number, 1);
  EXPECT_EQ(tries[0].status_code, 200);
}

TEST_F(DispatcherTest, TriesAgainByTheScheduleAndThenDropsIt) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min, 5min, 30min}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();

  publish(node);
  clock.run_for(5h);

  const auto tries = arrivals_at("a.example");
  ASSERT_EQ(tries.size(), 4u);
  for (const auto& [index, listed] : {std::pair(1u, 60s), {2u, 300s}, {3u, 1800s}}) {
    const auto waited = tries[index].at - tries[index - 1].at;
    EXPECT_GE(waited, listed * 9 / 10) << "before attempt " << index + 1;
    EXPECT_LE(waited, listed * 11 / 10) << "before attempt " << index + 1;
  }
  const auto rows = deliveries(endpoint);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].state, DeliveryState::kDropped);
  EXPECT_EQ(rows[0].due_at, std::nullopt);
  EXPECT_EQ(attempts(rows[0]).size(), 4u);
  for (const Arrival& arrival : tries) EXPECT_EQ(arrival.event, tries[0].event);
}

TEST_F(DispatcherTest, SucceedsOnALaterAttempt) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min, 5min}));
  answers["a.example"] = [this] { return status(arrivals.size() < 2 ? 503 : 200); };
  Node& node = add_node();

  publish(node);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kRetrying);
  clock.run_for(2min);

  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kSucceeded);
  EXPECT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

TEST_F(DispatcherTest, RetryAfterLengthensAWaitToAtMostTwiceTheListedOne) {
  struct Case {
    const char* asked;
    std::chrono::seconds low, high;
  };
  for (const Case& c : {Case{"10", 54s, 66s}, Case{"90", 90s, 99s}, Case{"86400", 120s, 132s}}) {
    const std::string host = std::string("asks-") + c.asked + ".example";
    const auto owner = add_workspace(std::string("asks-") + c.asked);
    const model::Endpoint endpoint = add_endpoint(owner, host, retrying({1min}));
    answers[host] = [&c] { return status(503, {{"Retry-After", c.asked}}); };
    owe(endpoint, 1);
    Node& node = add_node();
    clock.run_for(10min);

    const auto tries = arrivals_at(host);
    ASSERT_EQ(tries.size(), 2u) << c.asked;
    EXPECT_GE(tries[1].at - tries[0].at, c.low) << c.asked;
    EXPECT_LE(tries[1].at - tries[0].at, c.high) << c.asked;
    begin_stop(node);
  }
}

TEST_F(DispatcherTest, MakesAManualRetryWithTheWholeScheduleAhead) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1min}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node);
  clock.run_for(10min);
  const auto dropped = deliveries(endpoint, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);

  in_store([&](store::Connection& c) {
    return store::deliveries::retry(c, workspace, dropped[0].id, clock.now());
  });
  node.dispatcher.wake(workspace, endpoint.id, clock.now());
  clock.run_for(10min);

  EXPECT_EQ(arrivals.size(), 4u);
  EXPECT_EQ(attempts(dropped[0]).back().number, 4);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kDropped);
}

TEST_F(DispatcherTest, CountsWhatItDoes) {
  add_endpoint("good.example");
  add_endpoint("bad.example");
  add_endpoint("slow.example", with(&model::EndpointOverrides::in_flight_max, 1));
  answers["bad.example"] = [] { return status(500); };
  held_hosts = {"slow.example"};
  Node& node = add_node();

  publish(node, 3);

  const DispatcherCounters counters = node.dispatcher.counters();
  EXPECT_EQ(counters.attempts, 6u);
  EXPECT_EQ(counters.succeeded, 3u);
  EXPECT_EQ(counters.failed, 3u);
  EXPECT_EQ(counters.in_flight, 1u);
  EXPECT_EQ(counters.ready, 2u);
}

// --- Promise 1: everything due is attempted
// -------------------------------------------------------

TEST_F(DispatcherTest, FindsAtItsStartWhatIsOwed) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  owe(endpoint, 20);
  add_node();
  EXPECT_EQ(arrivals.size(), 20u);
}

TEST_F(DispatcherTest, FindsSoonWhatNobodyToldItOf) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_node();
  owe(endpoint, 3);
  clock.run_for(29s);
  EXPECT_EQ(arrivals.size(), 0u);
  clock.run_for(2s);
  EXPECT_EQ(arrivals.size(), 3u);
}

TEST_F(DispatcherTest, TakesBackAtItsStartWhatItHeldInItsFormerLife) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  const DispatcherOptions same = options();
  Node& former = add_node(same);
  const auto events = publish(former);
  begin_stop(former);  // It never comes back from its send: as good as dead.
  settle();
  held_hosts.clear();

  add_node(same);

  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0]}));
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kSucceeded);
}

TEST_F(DispatcherTest, GivesBackWhatItHasNotSentWhenItStops) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node, 50);
  ASSERT_EQ(arrivals.size(), 32u);

  begin_stop(node);
  settle();
  EXPECT_FALSE(*node.stopped) << "32 are on their way";
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 18u);
  release_all();
  EXPECT_TRUE(*node.stopped);
  EXPECT_EQ(arrivals.size(), 32u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 32u);

  add_node();  // Another one has them at once.
  EXPECT_EQ(arrivals.size(), 50u);
}

// A receiver that never answers must not hold up a stop for as long as its timeout.
TEST_F(DispatcherTest, GivesBackWhatHasNotComeBackWhenTheTimeToStopIsOver) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  const auto events = publish(node, 2);
  ASSERT_EQ(arrivals.size(), 2u);

  node.stopped = std::make_shared<bool>(false);
  asio::co_spawn(context, node.dispatcher.stop(Deadline::after(0ms)),
                 [stopped = node.stopped](std::exception_ptr) { *stopped = true; });
  context.restart();
  while (!*node.stopped) context.run_one();
  EXPECT_EQ(node.dispatcher.counters().in_flight, 2u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 2u);

  held_hosts.clear();
  add_node();  // The next one has them at once.
  EXPECT_EQ(arrivals.size(), 4u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 2u);
  answers["a.example"] = [] { return status(500); };
  release_all();  // What comes back after all writes nothing.
  for (const auto& delivery : deliveries(endpoint, DeliveryState::kSucceeded)) {
    EXPECT_EQ(attempts(delivery).size(), 1u);
  }
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

TEST_F(DispatcherTest, GivesBackWhatIsHandedOverWhileItStops) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node, 1);
  begin_stop(node);
  publish(node, 1);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kPending).size(), 1u);
  release_all();
  EXPECT_TRUE(*node.stopped);
}

TEST_F(DispatcherTest, MakesAnAttemptThatMayTakeLongerThanTheUsualLease) {
  add_endpoint("a.example", with(&model::EndpointOverrides::timeout, 10min));
  Node& node = add_node();
  publish(node, 3);
  EXPECT_EQ(arrivals.size(), 3u);
}

// --- Promise 2: while a lease lasts, nobody else attempts it
// --------------------------------------

TEST_F(DispatcherTest, AnotherNodeWaitsForTheEndOfALeaseAndTheLateOutcomeWritesNothing) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& first = add_node();
  publish(first);
  begin_stop(first);
  held_hosts.clear();
  const Timestamp leased_at = clock.now();

  add_node();
  clock.run_until(leased_at + 119s);
  EXPECT_EQ(arrivals.size(), 1u);
  clock.run_until(leased_at + 121s);
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[1].at, leased_at + 120s);
  EXPECT_EQ(arrivals[0].event, arrivals[1].event);

  answers["a.example"] = [] { return status(500); };
  release_all();
  EXPECT_TRUE(*first.stopped);
  const auto rows = deliveries(endpoint);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].status_code, 200);
  EXPECT_EQ(stored(endpoint).consecutive_failures, 0);
}

TEST_F(DispatcherTest, WhatWaitsLongerThanItsLeaseIsStillSentOnce) {
  add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 1));
  Node& node = add_node();
  add_node();  // Would take what is not held.
  auto events = publish(node, 200);
  clock.run_for(10min);
  auto seen = events_at("a.example");
  std::ranges::sort(seen);
  EXPECT_EQ(seen, events);
}

// --- Promise 5: at least once
// ---------------------------------------------------------------------

TEST_F(DispatcherTest, MakesADeliveryAgainIfItsOutcomeCannotBeRecorded) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  in_store([](store::Connection& c) {
    return c.run_script(
        "CREATE TRIGGER no_attempts BEFORE INSERT ON attempts BEGIN "
        "SELECT RAISE(ABORT, 'the test wants this to fail'); END");
  });
  const auto events = publish(node);
  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kDelivering);
  in_store([](store::Connection& c) { return c.run_script("DROP TRIGGER no_attempts"); });

  clock.run_for(3min);

  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0]}));
  const auto rows = deliveries(endpoint);
  EXPECT_EQ(rows[0].state, DeliveryState::kSucceeded);
  const auto tries = attempts(rows[0]);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_EQ(tries[0].number, 1);
}

// It is not sent twice because a backup held the database for a while.
TEST_F(DispatcherTest, KeepsAnOutcomeUntilTheStoreCanBeWrittenToAgain) {
  const model::Endpoint endpoint = add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node);
  in_store([](store::Connection& c) {
    return c.query("PRAGMA busy_timeout = 1", {}, [](const store::Row&) {});
  });
  store::SqliteDriver driver(folder / "waybill.db");
  auto other = driver.connect(store::Connection::Access::kWrite);
  ASSERT_TRUE(other && (*other)->begin(store::Connection::Access::kWrite));

  release_all();
  clock.run_for(10min);  // Longer than its lease.
  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(node.dispatcher.counters().recording, 1u);

  (*other)->rollback();
  clock.run_for(2s);
  EXPECT_EQ(node.dispatcher.counters().recording, 0u);
  EXPECT_EQ(deliveries(endpoint)[0].state, DeliveryState::kSucceeded);
  clock.run_for(10min);
  EXPECT_EQ(arrivals.size(), 1u);
}

TEST_F(DispatcherTest, BeginsNothingWhileTooManyOutcomesAreNotStored) {
  add_endpoint("a.example");
  held_hosts = {"a.example"};
  DispatcherOptions few = options();
  few.unrecorded_max = 3;
  Node& node = add_node(few);
  const auto events = publish(node, 10);
  EXPECT_EQ(arrivals.size(), 3u);
  release_all();
  EXPECT_EQ(arrivals.size(), 10u);
}

TEST_F(DispatcherTest, AStopDoesNotWaitForAStoreThatCannotBeWrittenTo) {
  add_endpoint("a.example");
  held_hosts = {"a.example"};
  Node& node = add_node();
  publish(node);
  in_store([](store::Connection& c) {
    return c.query("PRAGMA busy_timeout = 1", {}, [](const store::Row&) {});
  });
  store::SqliteDriver driver(folder / "waybill.db");
  auto other = driver.connect(store::Connection::Access::kWrite);
  ASSERT_TRUE(other && (*other)->begin(store::Connection::Access::kWrite));
  release_all();
  ASSERT_EQ(node.dispatcher.counters().recording, 1u);

  begin_stop(node);
  settle();

  EXPECT_TRUE(*node.stopped);
  (*other)->rollback();
  add_node();
  clock.run_for(3min);
  EXPECT_EQ(arrivals.size(), 2u) << "at least once";
}

}  // namespace
}  // namespace waybill::delivery
