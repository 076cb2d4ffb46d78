// Order by key: promise 7 of dispatcher.h.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/handler_fixture.h"

namespace waybill::delivery {
namespace {

using model::Outcome;
using Bodies = std::vector<std::string>;

class DispatcherKeysTest : public HandlerTest {
 protected:
  static std::string body(std::string_view key, int n) {
    return fmt::format(R"({{"id":"{}","n":{}}})", key, n);
  }
  static std::string key_of(const std::string& body) { return body.substr(0, body.find(',')); }
  model::Endpoint add_keyed(model::EndpointOverrides overrides = {}) {
    return add_handler("{body.id}", std::move(overrides));
  }
  // Those of one key, as their attempts began.
  Bodies of(std::string_view key) const {
    Bodies found;
    for (const Made& one : made) {
      if (key_of(one.body) == key_of(body(key, 0))) found.push_back(one.body);
    }
    return found;
  }
  // Counts how many of one key are in flight at one time, and fails the first `times` attempts at
  // each message.
  void watch(int times = 0) {
    script = [this, times](const Made& one, const model::Event&) {
      if (one.number <= times) return ended(Outcome::kRefused);
      succeeded[key_of(one.body)].push_back(one.body);
      return ended(Outcome::kSucceeded);
    };
  }

  std::map<std::string, Bodies> succeeded;
};

TEST_F(DispatcherKeysTest, KeysAreMadeSideBySideAndEachOneAtATime) {
  add_keyed();
  Node& node = add_node();
  holds = true;
  for (int n = 0; n < 3; ++n) {
    for (const char* key : {"a", "b", "c"}) receive_message(node, body(key, n));
  }
  clock.run_for(5s);
  EXPECT_EQ(bodies(), (Bodies{body("a", 0), body("b", 0), body("c", 0)}));
  release();
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_EQ(of(key), (Bodies{body(key, 0), body(key, 1), body(key, 2)})) << key;
  }
}

TEST_F(DispatcherKeysTest, TheNextOfAKeyIsMadeWithoutTheClockMoving) {
  const model::Endpoint handler = add_keyed();
  Node& node = add_node();
  holds = true;
  for (int n = 0; n < 40; ++n) receive_message(node, body("a", n));
  const std::uint64_t units = database->counters().units;
  release();
  EXPECT_EQ(made.size(), 40u);
  EXPECT_EQ(deliveries(handler, DeliveryState::kSucceeded).size(), 40u);
  // What was made passes its lease on: no claim for each.
  EXPECT_LE(database->counters().units - units, 45u);
}

TEST_F(DispatcherKeysTest, AFailingKeyHoldsBackItsOwnAlone) {
  add_keyed(retrying({1min, 10min}));
  script = [](const Made& one, const model::Event&) {
    return ended(one.body.contains(R"("bad")") ? Outcome::kRefused : Outcome::kSucceeded);
  };
  Node& node = add_node();
  for (int n = 0; n < 3; ++n) {
    receive_message(node, body("bad", n));
    receive_message(node, body("good", n));
  }
  clock.run_for(50s);
  EXPECT_EQ(of("good"), (Bodies{body("good", 0), body("good", 1), body("good", 2)}));
  EXPECT_EQ(of("bad"), (Bodies{body("bad", 0)}));
  clock.run_for(15min);
  // Its tries have run out: it makes way.
  const auto bad = of("bad");
  ASSERT_GE(bad.size(), 4u);
  EXPECT_EQ(bad[2], body("bad", 0));
  EXPECT_EQ(bad[3], body("bad", 1));
}

TEST_F(DispatcherKeysTest, LaterHoldsBackItsKeyToo) {
  add_keyed();
  script = [this](const Made&, const model::Event&) {
    return made.size() == 1 ? ended(Outcome::kLater, 1h) : ended(Outcome::kSucceeded);
  };
  Node& node = add_node();
  receive_message(node, body("a", 0));
  receive_message(node, body("a", 1));
  clock.run_for(59min);
  EXPECT_EQ(bodies(), (Bodies{body("a", 0)}));
  clock.run_for(2min);
  EXPECT_EQ(bodies(), (Bodies{body("a", 0), body("a", 0), body("a", 1)}));
}

// What lacks what the template names is in order with all others that do.
TEST_F(DispatcherKeysTest, MessagesWithoutAKeyShareOne) {
  add_keyed();
  Node& node = add_node();
  holds = true;
  receive_message(node, "no JSON");
  receive_message(node, R"({"other":1})");
  receive_message(node, body("a", 0));
  EXPECT_EQ(bodies(), (Bodies{"no JSON", body("a", 0)}));
  release();
  EXPECT_EQ(made.size(), 3u);
}

TEST_F(DispatcherKeysTest, ARetryOfADeadLetterWaitsForTheOneInFlight) {
  const model::Endpoint handler = add_keyed(retrying({}));
  script = [](const Made&, const model::Event&) { return ended(Outcome::kRefused); };
  Node& node = add_node();
  receive_message(node, body("a", 0));
  script = {};
  holds = true;
  receive_message(node, body("a", 1));
  receive_message(node, body("a", 2));
  const auto dropped = deliveries(handler, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);
  in_store([&](store::Connection& c) {
    return store::deliveries::retry(c, workspace, dropped[0].id, clock.now());
  });
  node.dispatcher.wake(workspace, handler.id, clock.now());
  settle();
  EXPECT_EQ(waiting.size(), 1u);
  release();
  clock.run_for(1min);
  EXPECT_EQ(bodies(), (Bodies{body("a", 0), body("a", 1), body("a", 0), body("a", 2)}));
}

TEST_F(DispatcherKeysTest, ARestartKeepsTheOrder) {
  add_keyed(retrying({1min, 10min}));
  watch(/*times=*/2);
  DispatcherOptions same = options();
  Node* node = &add_node(same);
  std::map<std::string, Bodies> sent;
  int n = 0;
  for (int life = 0; life < 6; ++life) {
    for (const char* key : {"a", "b", "c"}) {
      sent[key_of(body(key, 0))].push_back(body(key, n));
      receive_message(*node, body(key, n++));
    }
    clock.run_for(7min);
    begin_stop(*node);
    settle();
    ASSERT_TRUE(*node->stopped);
    node = &add_node(same);
  }
  clock.run_for(24h);
  EXPECT_EQ(succeeded, sent);
}

TEST_F(DispatcherKeysTest, SeveralNodesKeepItTogether) {
  add_keyed(retrying({1min, 10min}));
  watch(/*times=*/1);
  add_node();
  add_node();
  set_nodes(2);
  std::map<std::string, Bodies> sent;
  for (int n = 0; n < 40; ++n) {
    const std::string key = fmt::format("k{}", n * 7 % 5);
    sent[key_of(body(key, 0))].push_back(body(key, n));
    receive_message(*nodes[static_cast<std::size_t>(n) % 2], body(key, n));
    if (n % 3 == 0) clock.run_for(20s);
  }
  clock.run_for(24h);
  EXPECT_EQ(succeeded, sent);
  EXPECT_EQ(made.size(), 80u);
}

TEST_F(DispatcherKeysTest, ANodeTakesOverWhatAnotherHeldWhenItsLeaseIsOver) {
  add_keyed();
  Node& first = add_node();
  add_node();
  set_nodes(2);
  holds = true;
  receive_message(first, body("a", 0));
  receive_message(first, body("a", 1));
  ASSERT_EQ(made.size(), 1u);
  holds = false;
  clock.run_for(10min);
  EXPECT_EQ(bodies(), (Bodies{body("a", 0), body("a", 0), body("a", 1)}));
}

// Of more keys than there is room for in memory, none waits until others have run dry.
TEST_F(DispatcherKeysTest, EachKeyHasItsTurnWhenManyWait) {
  const model::Endpoint handler = add_keyed();
  Node& node = add_node();
  set_state(node, handler, EndpointState::kPaused);
  constexpr int kKeys = static_cast<int>(Dispatcher::kReadyMax) + 60;
  for (int n = 0; n < 3; ++n) {
    for (int key = 0; key < kKeys; ++key) {
      receive_message(node, body(fmt::format("k{}", key), n));
    }
  }
  holds = true;
  set_state(node, handler, EndpointState::kActive);
  for (int round = 0; round < 3 * kKeys && !waiting.empty(); ++round) {
    step();
    clock.run_for(10ms);  // All keys are not looked at again and again.
  }
  ASSERT_EQ(made.size(), static_cast<std::size_t>(3 * kKeys));
  std::map<std::string, int> seen;
  std::size_t last_first = 0;
  std::size_t first_third = made.size();
  for (std::size_t i = 0; i < made.size(); ++i) {
    const int times = ++seen[key_of(made[i].body)];
    EXPECT_EQ(made[i].body,
              body(key_of(made[i].body).substr(7, key_of(made[i].body).size() - 8), times - 1));
    if (times == 1) last_first = i;
    if (times == 3) first_third = std::min(first_third, i);
  }
  EXPECT_LT(last_first, first_third);
}

TEST_F(DispatcherKeysTest, DeletionCancelsWhatWaitsForItsTurn) {
  const model::Endpoint handler = add_keyed(retrying({1h}));
  script = [](const Made&, const model::Event&) { return ended(Outcome::kRefused); };
  Node& node = add_node();
  for (int n = 0; n < 3; ++n) receive_message(node, body("a", n));
  set_state(node, handler, EndpointState::kDeleted);
  clock.run_for(2h);
  EXPECT_EQ(made.size(), 1u);
  EXPECT_EQ(deliveries(handler, DeliveryState::kCancelled).size(), 3u);
}

// Thousands wait behind one: nobody asks the store for them over and over.
TEST_F(DispatcherKeysTest, WhatWaitsBehindARetryCostsNothing) {
  add_keyed(retrying({24h}));
  script = [](const Made&, const model::Event&) { return ended(Outcome::kRefused); };
  Node& node = add_node();
  for (int n = 0; n < 30; ++n) receive_message(node, body("a", n));
  const std::uint64_t units = database->counters().units;
  clock.run_for(1h);
  EXPECT_LE(database->counters().units - units, 125u);
  EXPECT_EQ(made.size(), 1u);
}

}  // namespace
}  // namespace waybill::delivery
