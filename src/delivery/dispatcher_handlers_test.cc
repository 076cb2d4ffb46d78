// What is different about handlers: "never", "later", and what follows from an attempt.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/handler_fixture.h"
#include "delivery/units.h"
#include "store/messages.h"

namespace waybill::delivery {
namespace {

using model::Outcome;

// R-PQ-44: 30 s, 2 m and 10 m, each a tenth longer or shorter; then the dead letter.
TEST_F(HandlerTest, AFailingHandlerIsTriedFourTimesAndStaysActive) {
  const model::Endpoint handler = add_handler();
  script = [](const Made&, const model::Event&) { return ended(Outcome::kRefused); };
  Node& node = add_node();
  receive_message(node, "{}");
  clock.run_for(1h);
  ASSERT_EQ(made.size(), 4u);
  const std::vector<std::chrono::milliseconds> waits = {30s, 2min, 10min};
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const auto waited = made[i + 1].at - made[i].at;
    EXPECT_GE(waited, waits[i] * 9 / 10) << i;
    EXPECT_LE(waited, waits[i] * 11 / 10 + 1ms) << i;
  }
  EXPECT_EQ(deliveries(handler, DeliveryState::kDropped).size(), 1u);
  for (int i = 0; i < 20; ++i) receive_message(node, "{}");
  clock.run_for(1h);
  EXPECT_EQ(deliveries(handler, DeliveryState::kDropped).size(), 21u);
  EXPECT_EQ(stored(handler).state, EndpointState::kActive);
}

// The system has no more threads for what it is about to do, say.
TEST_F(HandlerTest, AnAttemptThatThrowsIsTriedAgainAndHoldsUpNobody) {
  const model::Endpoint handler = add_handler("{body.k}");
  script = [this](const Made&, const model::Event&) -> Tried {
    if (made.size() == 1) throw std::runtime_error("no more threads");
    return ended(Outcome::kSucceeded);
  };
  Node& node = add_node();
  receive_message(node, R"({"k":1})");
  receive_message(node, R"({"k":1})");
  clock.run_for(1h);
  const auto succeeded = deliveries(handler, DeliveryState::kSucceeded);
  ASSERT_EQ(succeeded.size(), 2u);
  EXPECT_EQ(node.dispatcher.counters().in_flight, 0u);
  const auto tries =
      attempts(std::ranges::max(succeeded, {}, [](const auto& one) { return one.attempts_made; }));
  ASSERT_EQ(tries.size(), 2u);
  EXPECT_EQ(tries[0].outcome, Outcome::kUnsendable);
  EXPECT_TRUE(tries[0].error.contains("no more threads")) << tries[0].error;
  EXPECT_GE(tries[0].started_at, ManualClock::kNoon);
}

// PostgreSQL would not store it, and the same attempt would be made for ever.
TEST_F(HandlerTest, WhatAServerSaysIsStoredWhateverItsBytesAre) {
  const model::Endpoint handler = add_handler();
  script = [this](const Made&, const model::Event&) -> Tried {
    Tried tried = ended(made.size() == 1 ? Outcome::kRefused : Outcome::kSucceeded);
    if (made.size() == 1) tried.attempt.error = std::string("B\xc3 cut\0off", 10);
    return tried;
  };
  Node& node = add_node();
  receive_message(node, "{}");
  clock.run_for(1h);
  const auto succeeded = deliveries(handler, DeliveryState::kSucceeded);
  ASSERT_EQ(succeeded.size(), 1u);
  EXPECT_EQ(attempts(succeeded[0])[0].error, "B\xEF\xBF\xBD cutoff");
}

TEST_F(HandlerTest, NeverDropsTheMessageAtOnceAndIsNoFailure) {
  const model::Endpoint handler = add_handler();
  script = [](const Made&, const model::Event&) { return ended(Outcome::kNever); };
  Node& node = add_node();
  for (int i = 0; i < 30; ++i) receive_message(node, "{}");
  clock.run_for(1h);
  EXPECT_EQ(made.size(), 30u) << "one attempt each";
  EXPECT_EQ(deliveries(handler, DeliveryState::kDropped).size(), 30u);
  EXPECT_EQ(stored(handler).state, EndpointState::kActive);
  EXPECT_EQ(stored(handler).consecutive_failures, 0);
}

TEST_F(HandlerTest, LaterWaitsAsLongAsItSaysAndUsesUpNoTry) {
  const model::Endpoint handler = add_handler({}, retrying({30s, 2min}));
  // Five times later; then it fails until the tries run out: three of them.
  script = [this](const Made&, const model::Event&) {
    return made.size() <= 5 ? ended(Outcome::kLater, 10min) : ended(Outcome::kRefused);
  };
  Node& node = add_node();
  receive_message(node, "{}");
  clock.run_for(50min);
  ASSERT_EQ(made.size(), 6u);
  for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(made[i].at - made[i - 1].at, 10min) << i;
  EXPECT_EQ(stored(handler).consecutive_failures, 1) << "later is no failure";
  clock.run_for(1h);
  EXPECT_EQ(made.size(), 8u);
  const auto dropped = deliveries(handler, DeliveryState::kDropped);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].attempts_made, 8);
  EXPECT_EQ(attempts(dropped[0]).size(), 8u);
}

// Twelve hundred times: no thread was free, say.
TEST_F(HandlerTest, WhatTheHubPutsOffLeavesNoTraceAndIsNeverDropped) {
  const model::Endpoint handler = add_handler();
  script = [this](const Made&, const model::Event&) {
    if (made.size() > 1'200) return ended(Outcome::kSucceeded);
    Tried tried = ended(Outcome::kLater, 1s);
    tried.attempt.unmade = true;
    return tried;
  };
  Node& node = add_node();
  receive_message(node, "{}");
  clock.run_for(1s);
  EXPECT_EQ(made.size(), 2u) << "due when it says";
  clock.run_for(1h);
  ASSERT_EQ(made.size(), 1'201u);
  EXPECT_EQ(made.back().number, 1);
  const auto succeeded = deliveries(handler, DeliveryState::kSucceeded);
  ASSERT_EQ(succeeded.size(), 1u);
  EXPECT_EQ(succeeded[0].attempts_made, 1);
  EXPECT_EQ(attempts(succeeded[0]).size(), 1u);
  EXPECT_EQ(node.dispatcher.counters().attempts, 1u);
}

TEST_F(HandlerTest, WhatIsPutOffCallsNobodyFailing) {
  const model::Endpoint handler = add_handler();
  script = [](const Made&, const model::Event&) { return ended(Outcome::kLater, 24h); };
  Node& node = add_node();
  for (int i = 0; i < 200; ++i) receive_message(node, "{}");
  EXPECT_EQ(made.size(), 200u);
  EXPECT_FALSE(stored(handler).failing);
  EXPECT_EQ(stored(handler).consecutive_failures, 0);
}

class FollowUpTest : public HandlerTest {
 protected:
  FollowUpTest() {
    script = [this](const Made&, const model::Event& received) {
      Tried tried = ended(Outcome::kSucceeded);
      tried.follow_up = {new_event(received.workspace_id), model::MessageId(received.id.uuid())};
      return tried;
    };
  }
};

TEST_F(FollowUpTest, WhatFollowsIsSentAtOnce) {
  add_handler();
  add_endpoint("a.example");
  Node& node = add_node();
  const auto message = receive_message(node, "{}");
  ASSERT_EQ(arrivals_at("a.example").size(), 1u) << "without the clock having moved";
  const auto stored_message =
      in_store([&](store::Connection& c) { return store::messages::find(c, workspace, message); });
  ASSERT_TRUE(stored_message.published_event_id);
  EXPECT_EQ(events_at("a.example")[0], stored_message.published_event_id->text());
}

TEST_F(FollowUpTest, AFailedAttemptHasNoConsequence) {
  add_handler({}, retrying({1min}));
  add_endpoint("a.example");
  script = [this, good = script](const Made& one, const model::Event& event) {
    Tried tried = good(one, event);
    if (made.size() == 1) tried.attempt.outcome = Outcome::kRefused;
    return tried;
  };
  Node& node = add_node();
  receive_message(node, "{}");
  EXPECT_TRUE(arrivals.empty());
  clock.run_for(2min);
  EXPECT_EQ(arrivals_at("a.example").size(), 1u);
}

// The first attempt's node was too slow: by the time it reports, another has made the delivery.
TEST_F(FollowUpTest, TwoAttemptsAtOneMessageHaveOneConsequence) {
  add_handler();
  add_endpoint("a.example");
  Node& slow = add_node();
  add_node();
  set_nodes(2);
  holds = true;
  receive_message(slow, "{}");
  ASSERT_EQ(made.size(), 1u);
  holds = false;
  clock.run_for(10min);
  ASSERT_EQ(made.size(), 2u);
  release();
  clock.run_for(10min);
  EXPECT_EQ(arrivals_at("a.example").size(), 1u);
}

TEST_F(FollowUpTest, AReplayOfTheMessageDoesNotPublishItAgain) {
  const model::Endpoint handler = add_handler();
  add_endpoint("a.example");
  Node& node = add_node();
  const auto message = receive_message(node, "{}");
  auto again = in_store([&](store::Connection& c) {
    return acceptance.replay(c, workspace, model::EventId(message.uuid()), handler.id,
                             node.dispatcher.lease_terms(), clock.now());
  });
  hand_over(node, std::move(again));
  settle();
  EXPECT_EQ(made.size(), 2u);
  EXPECT_EQ(arrivals_at("a.example").size(), 1u);
  EXPECT_EQ(deliveries(handler, DeliveryState::kSucceeded).size(), 2u);
  // And says what was published then.
  std::vector<std::string> told;
  for (const auto& one : deliveries(handler)) {
    if (one.kind == model::DeliveryKind::kReplay) told.push_back(attempts(one)[0].response_body);
  }
  const auto published = in_store([&](store::Connection& c) {
                           return store::messages::find(c, workspace, message);
                         }).published_event_id;
  ASSERT_TRUE(published);
  EXPECT_EQ(told,
            std::vector<std::string>{fmt::format("Published already, as {}.", published->text())});
}

// What it has fetched takes the place of what was fetched before, and is given to the others.
TEST_F(FollowUpTest, AReplayToTheFetcherFetchesAnew) {
  const model::Endpoint fetcher = add_handler({}, {}, model::Channel::kFetch);
  const model::Endpoint other = add_handler();
  script = [&](const Made&, const model::Event& received) {
    Tried tried = ended(Outcome::kSucceeded);
    if (received.type != model::kMessageReceived) return tried;
    model::Event fetched = received;
    fetched.id = ids.next_id<model::EventId>();
    fetched.type = model::kMessageFetched;
    tried.follow_up = {fetched, model::MessageId(received.id.uuid())};
    return tried;
  };
  Node& node = add_node();
  const auto message = receive_message(node, "{}");
  const auto fetched_event = [&] {
    return in_store(
               [&](store::Connection& c) { return store::messages::find(c, workspace, message); })
        .fetched_event_id;
  };
  const auto first = fetched_event();
  ASSERT_TRUE(first);
  ASSERT_EQ(deliveries(other).size(), 1u);
  auto again = in_store([&](store::Connection& c) {
    return acceptance.replay(c, workspace, model::EventId(message.uuid()), fetcher.id,
                             node.dispatcher.lease_terms(), clock.now());
  });
  hand_over(node, std::move(again));
  settle();
  EXPECT_NE(fetched_event(), first);
  EXPECT_EQ(deliveries(other, DeliveryState::kSucceeded).size(), 2u);
}

// A transaction that came to nothing after the unit had run.
TEST_F(FollowUpTest, AUnitThatRunsAgainWritesWhatFollowsOnce) {
  const model::Endpoint handler = add_handler();
  const model::Endpoint told = add_endpoint("a.example");
  Node& node = add_node();
  begin_stop(node);
  settle();
  const auto message = receive_message(node, "{}");
  const store::deliveries::Lease lease{ids.next(), clock.now() + 1min};
  auto held = in_store([&](store::Connection& c) -> Result<Claimed> {
    WAYBILL_TRY(c.execute("UPDATE deliveries SET due_at = $1, lease = NULL", {clock.now()}));
    return claim(c, {workspace, handler.id, clock.now(), lease, 1, Order::kNone});
  });
  ASSERT_EQ(held.held.size(), 1u);
  Record decided;
  decided.delivery = held.held[0].delivery;
  decided.delivery.attempts_made = decided.attempt.number = 1;
  decided.attempt.outcome = Outcome::kSucceeded;
  decided.lease = lease;
  decided.next = {DeliveryState::kSucceeded, std::nullopt};
  decided.follow_up = {new_event(workspace), message};
  const auto lost = run(database->run([&](store::Connection& c) -> Result<Recorded> {
    WAYBILL_TRY(record(c, decided, alerts, clock.now()));
    return fail(Code::kInternal, "the disk is full");
  }));
  ASSERT_FALSE(lost);
  EXPECT_TRUE(deliveries(told).empty());
  const Recorded written =
      in_store([&](store::Connection& c) { return record(c, decided, alerts, clock.now()); });
  EXPECT_EQ(written.accepted.size(), 1u);
  EXPECT_EQ(deliveries(told).size(), 1u);
}

}  // namespace
}  // namespace waybill::delivery
