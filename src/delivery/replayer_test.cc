// Replays from end to end on virtual time: what is sent, how fast, and what passes it meanwhile.

#include "delivery/replayer.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/dispatcher_fixture.h"

namespace waybill::delivery {
namespace {

using intake::Recovery;
using model::Replay;
using model::ReplayOnly;
using model::ReplaySelection;
using model::ReplayState;

class ReplayerTest : public DispatcherTest {
 protected:
  ~ReplayerTest() override {
    for (auto& replayer : replayers) stop(*replayer);
  }

  Replayer& add_replayer(Node& node) {
    replayers.push_back(
        std::make_unique<Replayer>(context, clock, log, *database, node.dispatcher, recovery));
    replayers.back()->start();
    return *replayers.back();
  }
  void stop(Replayer& replayer) {
    asio::co_spawn(context, replayer.stop(), [](std::exception_ptr) {});
    settle();
  }

  // Events that were accepted while nobody wanted them. Returns their ids, as they are sent.
  std::vector<std::string> add_events(int count, std::string type = "stock.low") {
    std::vector<std::string> added;
    in_store([&](store::Connection& c) -> Result<void> {
      added.clear();
      for (int i = 0; i < count; ++i) {
        model::Event event = new_event(workspace);
        event.type = type;
        WAYBILL_TRY(store::events::insert(c, {event, 0, std::nullopt}));
        added.push_back(event.id.text());
      }
      return {};
    });
    return added;
  }
  Replay begin(const model::Endpoint& endpoint, ReplaySelection selection) {
    const Replay replay = recovery.begin(workspace, endpoint.id, selection, "admin", clock.now());
    in_store([&](store::Connection& c) { return store::replays::insert(c, replay); });
    for (auto& replayer : replayers) replayer->wake();
    return replay;
  }
  Replay begin(const model::Endpoint& endpoint, ReplayOnly only) {
    return begin(endpoint, ReplaySelection{.only = only});
  }
  Replay now(const Replay& replay) {
    return in_store(
        [&](store::Connection& c) { return store::replays::find(c, workspace, replay.id); });
  }
  // "done 200 made, 0 skipped of 200"
  std::string told(const Replay& replay) {
    const Replay found = now(replay);
    return fmt::format("{} {} made, {} skipped of {}", model::replay_state_name(found.state),
                       found.made, found.skipped, found.looked_at);
  }
  void cancel(const Replay& replay) {
    in_store([&](store::Connection& c) -> Result<void> {
      auto found = store::replays::find_to_change(c, workspace, replay.id);
      if (!found) return fail(found.error());
      found->state = ReplayState::kCancelled;
      return store::replays::update(c, *found);
    });
  }
  // Each event that arrived at `host`, and how often.
  std::map<std::string, int> times_at(const std::string& host) {
    std::map<std::string, int> times;
    for (const std::string& event : events_at(host)) ++times[event];
    return times;
  }
  static std::map<std::string, int> once_each(const std::vector<std::string>& events) {
    std::map<std::string, int> times;
    for (const std::string& event : events) times[event] = 1;
    return times;
  }
  // The most arrivals at `host` within a second.
  int most_in_a_second(const std::string& host) {
    const auto all = arrivals_at(host);
    std::size_t most = 0, from = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      while (all[i].at - all[from].at >= 1s) ++from;
      most = std::max(most, i - from + 1);
    }
    return static_cast<int>(most);
  }

  Recovery recovery{built_in_dialects(), ids};
  std::vector<std::unique_ptr<Replayer>> replayers;
};

TEST_F(ReplayerTest, SendsAnEndpointThatWasAddedLaterWhatItNeverGot) {
  const auto events = add_events(250);
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_replayer(add_node());
  const Replay first = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(10s);
  EXPECT_EQ(told(first), "done 250 made, 0 skipped of 250");
  EXPECT_TRUE(now(first).finished_at.has_value());
  EXPECT_EQ(times_at("a.example"), once_each(events));
  EXPECT_EQ(deliveries(endpoint)[0].kind, model::DeliveryKind::kReplay);

  const Replay second = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(10s);
  EXPECT_EQ(told(second), "done 0 made, 250 skipped of 250");
  EXPECT_EQ(arrivals.size(), 250u);
}

TEST_F(ReplayerTest, LooksAtNothingThatCameAfterItAndEnds) {
  add_events(10);
  const model::Endpoint endpoint = add_endpoint("a.example");
  const Replay replay = begin(endpoint, ReplayOnly::kAll);
  add_events(10);
  add_replayer(add_node());
  clock.run_for(10s);
  EXPECT_EQ(told(replay), "done 10 made, 0 skipped of 10");
}

TEST_F(ReplayerTest, KeepsToTheRateAndLetsNewEventsPass) {
  const auto events = add_events(1000);
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  Node& node = add_node();
  add_replayer(node);
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  for (int i = 0; i < 5; ++i) {
    clock.run_for(7s);
    ASSERT_EQ(now(replay).state, ReplayState::kRunning);
    const Timestamp published = clock.now();
    const std::string live = publish(node)[0];
    clock.run_for(1s);
    const auto all = arrivals_at("a.example");
    const auto arrived = std::ranges::find(all, live, &Arrival::event);
    ASSERT_NE(arrived, all.end()) << "live event " << i;
    EXPECT_LE(arrived->at - published, 200ms);
  }
  clock.run_for(80s);
  EXPECT_EQ(told(replay), "done 1000 made, 0 skipped of 1000");
  EXPECT_EQ(arrivals.size(), 1005u);
  EXPECT_EQ(most_in_a_second("a.example"), 10);
  // Nor is it slower than it may be: 1,005 at ten a second.
  EXPECT_LE(arrivals.back().at - arrivals.front().at, 103s);
}

// What was leased in memory stood in one line with what was claimed, and waited behind it.
TEST_F(ReplayerTest, LetsABurstOfNewEventsPassAsOne) {
  add_events(500);
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  Node& node = add_node();
  add_replayer(node);
  begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(5s);
  const std::size_t before = arrivals.size();
  const auto live = publish(node, 20);
  clock.run_for(2500ms);
  const auto all = events_at("a.example");
  EXPECT_EQ(std::vector(all.begin() + static_cast<std::ptrdiff_t>(before),
                        all.begin() + static_cast<std::ptrdiff_t>(before) + 20),
            live);
}

TEST_F(ReplayerTest, WaitsWhileTheEndpointIsPausedAndSaysSo) {
  const auto events = add_events(300);
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  set_state(node, endpoint, EndpointState::kPaused);
  add_replayer(node);
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(1h);
  EXPECT_EQ(told(replay), "running 0 made, 0 skipped of 0");
  EXPECT_EQ(now(replay).reason, "It waits: the endpoint is paused.");
  EXPECT_TRUE(deliveries(endpoint).empty());

  set_state(node, endpoint, EndpointState::kActive);
  clock.run_for(10s);
  EXPECT_EQ(told(replay), "done 300 made, 0 skipped of 300");
  EXPECT_EQ(now(replay).reason, "");
  EXPECT_EQ(times_at("a.example"), once_each(events));
}

TEST_F(ReplayerTest, MakesNothingMoreOnceItIsCancelled) {
  add_events(1000);
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(10s);
  cancel(replay);
  const auto made = now(replay).made;
  EXPECT_GE(made, 90);
  clock.run_for(1h);
  EXPECT_EQ(now(replay).made, made);
  EXPECT_EQ(std::ssize(arrivals), made) << "what was made is still sent";
}

TEST_F(ReplayerTest, GoesOnWhereItWasAfterARestart) {
  const auto events = add_events(1000);
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 50));
  Node& node = add_node();
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  for (int lives = 0; lives < 4; ++lives) {
    add_replayer(node);
    clock.run_for(3s);
    stop(*replayers.back());
    ASSERT_EQ(now(replay).state, ReplayState::kRunning);
  }
  add_replayer(node);
  clock.run_for(20s);
  EXPECT_EQ(told(replay), "done 1000 made, 0 skipped of 1000");
  EXPECT_EQ(times_at("a.example"), once_each(events));
}

TEST_F(ReplayerTest, TwoNodesAtOnceMakeNothingTwice) {
  const auto events = add_events(1000);
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_replayer(add_node());
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(30s);
  EXPECT_EQ(told(replay), "done 1000 made, 0 skipped of 1000");
  EXPECT_EQ(times_at("a.example"), once_each(events));
}

TEST_F(ReplayerTest, LeavesItToAnotherNodeAsLongAsThatDoesIt) {
  add_events(3);
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  bool is_ours = false;
  replayers.push_back(std::make_unique<Replayer>(context, clock, log, *database, node.dispatcher,
                                                 recovery, [&] { return is_ours; }));
  replayers.back()->start();
  begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(1min);
  EXPECT_EQ(arrivals.size(), 0u);
  is_ours = true;
  clock.run_for(5s);
  EXPECT_EQ(arrivals.size(), 3u);
}

TEST_F(ReplayerTest, RevivesWhatFailedUnderItsOwnId) {
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({}));
  Node& node = add_node();
  const auto good = publish(node, 2);
  answers["a.example"] = [] { return status(500); };
  const auto bad = publish(node, 3);
  answers.clear();
  std::set<model::DeliveryId> dropped;
  for (const auto& one : deliveries(endpoint, DeliveryState::kDropped)) dropped.insert(one.id);
  ASSERT_EQ(dropped.size(), 3u);

  add_replayer(node);
  const Replay replay = begin(endpoint, ReplayOnly::kFailed);
  clock.run_for(5s);
  // The alerts of what was given up are events too, and not for this endpoint.
  EXPECT_EQ(told(replay), "done 3 made, 5 skipped of 8");
  EXPECT_EQ(deliveries(endpoint).size(), 5u) << "none is new";
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 5u);
  auto again = times_at("a.example");
  for (const auto& event : good) EXPECT_EQ(again[event], 1);
  for (const auto& event : bad) EXPECT_EQ(again[event], 2);

  const Replay everything = begin(endpoint, ReplayOnly::kAll);
  clock.run_for(5s);
  EXPECT_EQ(told(everything), "done 5 made, 3 skipped of 8");
  EXPECT_EQ(deliveries(endpoint).size(), 10u);
}

TEST_F(ReplayerTest, SendsOnlyWhatTheEndpointWouldBeSentToday) {
  add_events(2, "stock.low");
  add_events(3, "stock.out");
  model::Endpoint endpoint = add_endpoint("a.example");
  endpoint.event_types = {"stock.out"};
  in_store([&](store::Connection& c) { return store::endpoints::update(c, endpoint); });
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 3 made, 2 skipped of 5");
  EXPECT_EQ(arrivals.size(), 3u);
}

TEST_F(ReplayerTest, SendsOnlyWhatBothFiltersLetPass) {
  for (int i = 0; i < 6; ++i) {
    in_store([&](store::Connection& c) {
      model::Event event = new_event(workspace);
      event.type = "stock.low";
      event.data = fmt::format(R"({{"n":{},"even":{}}})", i, i % 2 == 0);
      return store::events::insert(c, {event, 0, std::nullopt});
    });
  }
  model::Endpoint endpoint = add_endpoint("a.example");
  endpoint.filter = R"({"even":true})";
  in_store([&](store::Connection& c) { return store::endpoints::update(c, endpoint); });
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplaySelection{.filter = R"({"n":{"$gte":2}})"});
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 2 made, 4 skipped of 6");
}

// What was sent within a window stands for the others: they are not missing. Who else was not sent
// them misses them.
TEST_F(ReplayerTest, DoesNotMissWhatWasCoalesced) {
  const model::Endpoint told_another = add_endpoint("a.example"), other = add_endpoint("b.example");
  in_store([&](store::Connection& c) {
    model::Event event = new_event(workspace);
    event.type = "stock.low";
    return store::events::insert(
        c, {event, 0, "Coalesced.",
            fmt::format(R"([{{"reason":"coalesced","dialect":"precoro","endpoints":1,)"
                        R"("endpoint_ids":["{}"]}}])",
                        told_another.id.text())});
  });
  add_replayer(add_node());
  const Replay nothing = begin(told_another, ReplayOnly::kMissing);
  const Replay one = begin(other, ReplayOnly::kMissing);
  clock.run_for(5s);
  EXPECT_EQ(told(nothing), "done 0 made, 1 skipped of 1");
  EXPECT_EQ(told(one), "done 1 made, 0 skipped of 1");
}

// What waits for the end of its window is pending, and was taken for something under way.
TEST_F(ReplayerTest, IsNotHeldUpByWhatWaitsForTheEndOfAWindow) {
  add_events(10);
  const model::Endpoint endpoint = add_endpoint("a.example");
  Node& node = add_node();
  in_store([&](store::Connection& c) -> Result<void> {
    model::Event event = new_event(workspace);
    WAYBILL_TRY(store::events::insert(c, {event, 150, std::nullopt}));
    for (int i = 0; i < 150; ++i) {
      model::Delivery delivery;
      delivery.id = ids.next_id<model::DeliveryId>();
      delivery.workspace_id = workspace;
      delivery.event_id = event.id;
      delivery.endpoint_id = endpoint.id;
      delivery.event_type = event.type;
      delivery.created_at = clock.now();
      delivery.due_at = clock.now() + 1h;
      WAYBILL_TRY(store::deliveries::insert(c, delivery, std::nullopt));
    }
    return {};
  });
  add_replayer(node);
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(10s);
  EXPECT_EQ(told(replay), "done 10 made, 1 skipped of 11");
}

// An event that was made to test one endpoint is nobody else's.
TEST_F(ReplayerTest, SendsNobodyTheTestsOfAnother) {
  const model::Endpoint tested = add_endpoint("a.example");
  Node& node = add_node();
  in_store([&](store::Connection& c) {
    model::Event event = new_event(workspace);
    event.type = "stock.low";
    return acceptance.accept_for(c, event, tested.id, node.dispatcher.lease_terms(), clock.now());
  });
  add_events(1, std::string(model::kTestEvent));
  const model::Endpoint other = add_endpoint("b.example");
  add_replayer(node);
  const Replay replay = begin(other, ReplayOnly::kMissing);
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 0 made, 1 skipped of 2");
  EXPECT_EQ(arrivals_at("b.example").size(), 0u);
}

TEST_F(ReplayerTest, TakesEventsByTypeSubjectAndTime) {
  add_events(4);
  clock.run_for(1h);
  const Timestamp since = clock.now();
  add_events(2, "stock.out");
  const auto wanted = add_events(3);
  clock.run_for(1h);
  const Timestamp until = clock.now();
  add_events(5);
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_replayer(add_node());
  const Replay replay = begin(
      endpoint, ReplaySelection{.event_types = {"stock.low"}, .since = since, .until = until});
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 3 made, 0 skipped of 5");
  EXPECT_EQ(times_at("a.example"), once_each(wanted));
}

TEST_F(ReplayerTest, FailsWhenItsEndpointIsDeleted) {
  add_events(500);
  const model::Endpoint endpoint =
      add_endpoint("a.example", with(&model::EndpointOverrides::rate_per_second, 10));
  Node& node = add_node();
  add_replayer(node);
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(5s);
  set_state(node, endpoint, EndpointState::kDeleted);
  clock.run_for(5s);
  EXPECT_EQ(now(replay).state, ReplayState::kFailed);
  EXPECT_EQ(now(replay).reason, "The endpoint was deleted.");
  EXPECT_TRUE(deliveries(endpoint, DeliveryState::kPending).empty());
}

// A dead receiver must not collect a whole history as retries.
TEST_F(ReplayerTest, WaitsWhereNothingGetsThrough) {
  add_events(2000);
  const model::Endpoint endpoint = add_endpoint("a.example", retrying({1h, 1h}));
  answers["a.example"] = [] { return status(503); };
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(30min);
  const auto made = now(replay).made;
  EXPECT_GE(made, 100);
  EXPECT_LE(made, Recovery::kOwedMax);
  EXPECT_NE(now(replay).reason.find("wait for a later try"), std::string::npos);

  answers.clear();
  clock.run_for(2h);
  EXPECT_EQ(told(replay), "done 2000 made, 0 skipped of 2000");
  EXPECT_EQ(deliveries(endpoint, DeliveryState::kSucceeded).size(), 200u) << "a page of them";
}

// Of an event whose deliveries are deleted by now nobody can say that it was not sent; but what is
// older than the endpoint was not.
TEST_F(ReplayerTest, SendsNothingAgainBecauseItsDeliveriesAreDeleted) {
  const auto before = add_events(2);
  const model::Endpoint endpoint = add_endpoint("a.example");
  clock.run_for(1h);
  add_events(3);  // Sent once, let us say, and their deliveries deleted.
  clock.run_for(24h * 31);
  const auto young = add_events(4);
  Recovery forgetful(built_in_dialects(), ids, {.deliveries_kept = 24h * 30});
  Node& node = add_node();
  replayers.push_back(
      std::make_unique<Replayer>(context, clock, log, *database, node.dispatcher, forgetful));
  replayers.back()->start();
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 6 made, 3 skipped of 9");
  std::vector<std::string> wanted = before;
  wanted.insert(wanted.end(), young.begin(), young.end());
  EXPECT_EQ(times_at("a.example"), once_each(wanted));
}

// An event has its id before it is stored: one that is stored later than a younger one was passed
// by for ever.
TEST_F(ReplayerTest, WaitsForEventsThatAreOnTheirWayIntoTheStore) {
  add_events(1);
  model::Event late = new_event(workspace);
  late.type = "stock.low";
  add_events(1);
  const model::Endpoint endpoint = add_endpoint("a.example");
  add_replayer(add_node());
  const Replay replay = begin(endpoint, ReplayOnly::kMissing);
  clock.run_for(500ms);
  in_store([&](store::Connection& c) { return store::events::insert(c, {late, 0, std::nullopt}); });
  clock.run_for(5s);
  EXPECT_EQ(told(replay), "done 3 made, 0 skipped of 3");
}

TEST_F(ReplayerTest, ForeseesWhatItWouldDoAndDoesNothing) {
  add_events(250);
  const model::Endpoint endpoint = add_endpoint("a.example");
  Replay replay = recovery.begin(workspace, endpoint.id, {}, "admin", clock.now());
  bool more = true;
  int steps = 0;
  while (more) {
    more = in_store([&](store::Connection& c) {
      Replay copy = replay;
      auto seen = recovery.foresee(c, copy, clock.now());
      if (seen) replay = copy;
      return seen;
    });
    ++steps;
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(replay.made, 250);
  EXPECT_TRUE(deliveries(endpoint).empty());
}

}  // namespace
}  // namespace waybill::delivery
