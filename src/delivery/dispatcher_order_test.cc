// Strict order: promise 6 of dispatcher.h.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"

namespace waybill::delivery {
namespace {

class DispatcherOrderTest : public DispatcherTest {
 protected:
  model::Endpoint add_ordered(const std::string& host, model::EndpointOverrides overrides = {}) {
    model::Endpoint made = add_endpoint(host, std::move(overrides));
    in_store([&](store::Connection& c) {
      return c.execute("UPDATE endpoints SET in_order = 1 WHERE id = $1", {made.id});
    });
    made.in_order = true;
    return made;
  }
  void set_nodes(int live) {
    for (auto& node : nodes) node->dispatcher.set_nodes(live);
    settle();
  }
  // The first `times` attempts at each event fail.
  void fail_first(const std::string& host, std::size_t times) {
    answers[host] = [this, host, times] {
      const auto events = events_at(host);
      const auto tries = std::ranges::count(events, events.back());
      if (static_cast<std::size_t>(tries) <= times) return status(500);
      succeeded.push_back(events.back());
      return status(200);
    };
  }

  std::vector<std::string> succeeded;  // Events, in the order in which the receiver took them.
};

TEST_F(DispatcherOrderTest, OneIsInFlightAndTheNextIsSentOnceItHasSucceeded) {
  const model::Endpoint endpoint = add_ordered("a.example");
  Node& node = add_node();
  held_hosts = {"a.example"};
  const auto events = publish(node, 3);
  clock.run_for(10s);
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0]}));
  release_all();
  EXPECT_EQ(events_at("a.example"), events);
  EXPECT_EQ(in_flight_seen["a.example"], 1);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 3u);
}

TEST_F(DispatcherOrderTest, WhileOneWaitsForItsNextTryNoneIsSent) {
  add_ordered("a.example", retrying({1min, 10min, 1h}));
  fail_first("a.example", 3);
  Node& node = add_node();
  std::vector<std::string> events = publish(node, 2);
  // New ones come at any time.
  for (int i = 0; i < 4; ++i) {
    clock.run_for(13min);
    const auto more = publish(node, 2);
    events.insert(events.end(), more.begin(), more.end());
  }
  clock.run_for(24h);
  EXPECT_EQ(succeeded, events);
  EXPECT_EQ(in_flight_seen["a.example"], 1);
  const auto sent = events_at("a.example");
  ASSERT_EQ(sent.size(), 4 * events.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i], events[i / 4]) << i;
}

TEST_F(DispatcherOrderTest, ADroppedOneMakesWay) {
  const model::Endpoint endpoint = add_ordered("a.example", retrying({1min}));
  answers["a.example"] = [this] {
    return status(events_at("a.example").back() == arrivals.front().event ? 500 : 200);
  };
  Node& node = add_node();
  const auto events = publish(node, 2);
  clock.run_for(50s);
  EXPECT_EQ(arrivals.size(), 1u);
  clock.run_for(30s);
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0], events[1]}));
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kDropped).size(), 1u);
}

TEST_F(DispatcherOrderTest, ARetryOfADroppedOneTakesItsPlaceAgain) {
  const model::Endpoint endpoint = add_ordered("a.example", retrying({1h}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  const auto events = publish(node, 3);
  clock.run_for(90min);  // The first is dropped, the second waits.
  const auto dropped = deliveries(endpoint, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);
  in_store([&](store::Connection& c) {
    return store::deliveries::retry(c, workspace, dropped[0].id, clock.now());
  });
  arrivals.clear();
  node.dispatcher.wake(workspace, endpoint.id, clock.now());
  settle();
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0]}));
  answers.clear();
  clock.run_for(3h);
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0], events[1], events[2]}));
}

TEST_F(DispatcherOrderTest, ARetryOfADroppedOneWaitsForTheOneInFlight) {
  const model::Endpoint endpoint = add_ordered("a.example", retrying({}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  auto events = publish(node);
  answers.clear();
  held_hosts = {"a.example"};
  const auto more = publish(node, 2);
  const auto dropped = deliveries(endpoint, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);
  in_store([&](store::Connection& c) {
    return store::deliveries::retry(c, workspace, dropped[0].id, clock.now());
  });
  node.dispatcher.wake(workspace, endpoint.id, clock.now());
  settle();
  EXPECT_EQ(in_flight["a.example"], 1);
  release_all();
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], more[0], events[0], more[1]}));
  EXPECT_EQ(in_flight_seen["a.example"], 1);
}

TEST_F(DispatcherOrderTest, ARestartKeepsTheOrder) {
  add_ordered("a.example", retrying({1min, 10min, 1h}));
  fail_first("a.example", 3);
  DispatcherOptions same = options();
  Node* node = &add_node(same);
  std::vector<std::string> events = publish(*node, 3);
  for (int life = 0; life < 6; ++life) {
    clock.run_for(7min);
    begin_stop(*node);
    settle();
    ASSERT_TRUE(*node->stopped);
    node = &add_node(same);
    const auto more = publish(*node, 1);
    events.insert(events.end(), more.begin(), more.end());
  }
  clock.run_for(24h);
  EXPECT_EQ(succeeded, events);
  EXPECT_EQ(in_flight_seen["a.example"], 1);
}

TEST_F(DispatcherOrderTest, WhatADeadNodeHadInFlightComesFirst) {
  add_ordered("a.example");
  DispatcherOptions same = options();
  Node& dying = add_node(same);
  held_hosts = {"a.example"};
  const auto events = publish(dying, 2);
  ASSERT_EQ(arrivals.size(), 1u);
  // Its attempt goes on, for nobody: another process has its place.
  held_hosts.clear();
  add_node(same);
  settle();
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0], events[1]}));
}

TEST_F(DispatcherOrderTest, SeveralNodesKeepItTogether) {
  add_ordered("a.example", retrying({1min, 10min, 1h}));
  fail_first("a.example", 2);
  add_node();
  add_node();
  set_nodes(2);
  std::vector<std::string> events;
  for (int i = 0; i < 12; ++i) {
    const auto more = publish(*nodes[static_cast<std::size_t>(i) % 2], 1);
    events.insert(events.end(), more.begin(), more.end());
    clock.run_for(5min);
  }
  clock.run_for(48h);
  EXPECT_EQ(succeeded, events);
  EXPECT_EQ(in_flight_seen["a.example"], 1);
}

TEST_F(DispatcherOrderTest, ANodeTakesOverWhatAnotherHeldWhenItsLeaseIsOver) {
  add_ordered("a.example");
  Node& first = add_node();
  add_node();
  set_nodes(2);
  held_hosts = {"a.example"};
  const auto events = publish(first, 3);
  ASSERT_EQ(arrivals.size(), 1u);
  held_hosts.clear();
  clock.run_for(10min);
  EXPECT_EQ(events_at("a.example"), (std::vector{events[0], events[0], events[1], events[2]}));
}

TEST_F(DispatcherOrderTest, AHeldEndpointIsSentItsOldestFirstWhenItIsResumed) {
  const model::Endpoint endpoint = add_ordered("a.example");
  Node& node = add_node();
  set_state(node, endpoint, EndpointState::kPaused);
  const auto events = publish(node, 5);
  clock.run_for(1h);
  EXPECT_TRUE(arrivals.empty());
  set_state(node, endpoint, EndpointState::kActive);
  clock.run_for(1s);
  EXPECT_EQ(events_at("a.example"), events);
}

TEST_F(DispatcherOrderTest, DeletionCancelsWhatWaitsForItsTurn) {
  const model::Endpoint endpoint = add_ordered("a.example", retrying({1h}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node, 3);
  set_state(node, endpoint, EndpointState::kDeleted);
  clock.run_for(2h);
  EXPECT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kCancelled).size(), 3u);
}

// Ten thousand wait behind one: nobody asks the store for them over and over.
TEST_F(DispatcherOrderTest, WhatWaitsBehindARetryCostsNothing) {
  const model::Endpoint endpoint = add_ordered("a.example", retrying({24h}));
  answers["a.example"] = [] { return status(500); };
  Node& node = add_node();
  publish(node, 50);
  const std::uint64_t units = database->counters().units;
  clock.run_for(1h);
  // A look every 30 seconds finds the endpoint, and that it is not its time.
  EXPECT_LE(database->counters().units - units, 125u);
  EXPECT_EQ(arrivals.size(), 1u);
  (void)endpoint;
}

}  // namespace
}  // namespace waybill::delivery
