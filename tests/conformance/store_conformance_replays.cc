// Replays, and the events they go through: store/replays.h.

#include "conformance/store_conformance.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/replays.h"
#include "store/retention.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;
using model::DeliveryState;
using model::Replay;
using model::ReplayState;

auto fields(const Replay& replay) {
  const auto& selection = replay.selection;
  return std::tuple(std::tuple(replay.id, replay.workspace_id, replay.endpoint_id, selection.only,
                               selection.event_types, selection.filter, selection.subject,
                               selection.since, selection.until),
                    std::tuple(replay.state, replay.reason, replay.position, replay.until,
                               replay.looked_at, replay.made, replay.skipped, replay.made_by,
                               replay.created_at, replay.updated_at, replay.finished_at));
}

}  // namespace

Replay ReplayConformance::add_replay(const model::EndpointId& endpoint) {
  Replay replay;
  replay.id = ids_.next_id<model::ReplayId>();
  replay.workspace_id = workspace_;
  replay.endpoint_id = endpoint;
  replay.until = replay.id.uuid();
  replay.made_by = "admin";
  replay.created_at = replay.updated_at = clock_.now();
  insert(replay);
  return replay;
}

void ReplayConformance::insert(const Replay& replay) {
  EXPECT_TRUE(write([&](Connection& c) { return replays::insert(c, replay); }));
}

void ReplayConformance::update(const Replay& replay) {
  EXPECT_TRUE(write([&](Connection& c) { return replays::update(c, replay); }));
}

Replay ReplayConformance::find(const model::ReplayId& id) {
  return must(read([&](Connection& c) { return replays::find(c, workspace_, id); }));
}

std::vector<model::ReplayId> ReplayConformance::running(int limit) {
  std::vector<model::ReplayId> ids;
  for (const auto& row : must(read([&](Connection& c) { return replays::running(c, limit); }))) {
    ids.push_back(row.id);
  }
  return ids;
}

model::EventId ReplayConformance::add_event(const std::string& type, const std::string& subject) {
  model::Event event;
  event.id = ids_.next_id<model::EventId>();
  event.workspace_id = workspace_;
  event.type = type;
  event.subject = subject;
  event.occurred_at = clock_.now();
  event.data = "{}";
  EXPECT_TRUE(write([&](Connection& c) { return events::insert(c, {event, 0, std::nullopt}); }));
  return event.id;
}

TEST_P(ReplayConformance, AReplayIsReadAsItWasWritten) {
  const auto endpoint = add_endpoint();
  Replay replay = add_replay(endpoint.id);
  EXPECT_EQ(fields(find(replay.id)), fields(replay));

  Replay full = replay;
  full.id = ids_.next_id<model::ReplayId>();
  full.selection = {
      model::ReplayOnly::kFailed, {"a.b", "c"}, R"({"n":1})", "sübject \"1\"", kNoon - 1h, kNoon};
  full.position = ids_.next();
  full.reason = "It waits.";
  insert(full);
  EXPECT_EQ(fields(find(full.id)), fields(full));

  full.state = ReplayState::kDone;
  full.position = ids_.next();
  full.looked_at = 7'000'000'000;
  full.made = 6;
  full.skipped = 5;
  full.reason = "";
  full.updated_at = kNoon + 1s;
  full.finished_at = kNoon + 2s;
  update(full);
  EXPECT_EQ(fields(find(full.id)), fields(full));
  EXPECT_EQ(
      outcome(read([&](Connection& c) { return replays::find(c, other_workspace_, full.id); })),
      "not_found replay_not_found");
}

TEST_P(ReplayConformance, RunningReplaysAreFoundInAllWorkspaces) {
  const auto endpoint = add_endpoint();
  const Replay first = add_replay(endpoint.id);
  Replay over = add_replay(endpoint.id);
  const Replay last = add_replay(endpoint.id);
  over.state = ReplayState::kCancelled;
  update(over);
  EXPECT_EQ(running(), (std::vector{first.id, last.id}));
  EXPECT_EQ(running(1), std::vector{first.id});
  const auto count = [&](const model::WorkspaceId& workspace) {
    return must(read([&](Connection& c) { return replays::count_running(c, workspace); }));
  };
  EXPECT_EQ(count(workspace_), 2);
  EXPECT_EQ(count(other_workspace_), 0);
  const auto list = [&](const replays::Filter& filter) {
    return must(read([&](Connection& c) {
             return replays::list(c, workspace_, filter, {10, std::nullopt});
           }))
        .rows.size();
  };
  EXPECT_EQ(list({}), 3u);
  EXPECT_EQ(list(by(&replays::Filter::state, ReplayState::kCancelled)), 1u);
  EXPECT_EQ(list(by(&replays::Filter::endpoint, endpoint.id)), 3u);
  EXPECT_EQ(list(by(&replays::Filter::endpoint, add_endpoint().id)), 0u);
}

TEST_P(ReplayConformance, EventsComeInTheOrderOfTheirIdsBetweenTwo) {
  std::vector<model::EventId> events;
  for (int i = 0; i < 5; ++i) events.push_back(add_event("a", std::to_string(i)));
  const auto next = [&](const Uuid& after, const Uuid& until, int limit) {
    std::vector<std::string> subjects;
    for (const auto& event : must(read([&](Connection& c) {
           return replays::next_events(c, workspace_, after, until, limit);
         }))) {
      subjects.push_back(event.subject);
    }
    return subjects;
  };
  using Subjects = std::vector<std::string>;
  const Uuid end = ids_.next();
  EXPECT_EQ(next(Uuid(), end, 10), (Subjects{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(next(events[1].uuid(), events[4].uuid(), 10), (Subjects{"2", "3"}));
  EXPECT_EQ(next(events[1].uuid(), end, 2), (Subjects{"2", "3"}));
  EXPECT_EQ(next(end, end, 2), Subjects{});
}

TEST_P(ReplayConformance, WhatAnEndpointHasOfAnEvent) {
  const auto endpoint = add_endpoint(), other = add_endpoint();
  const auto event = add_event("a");
  const auto deliver = [&](const model::Endpoint& to, model::DeliveryKind kind) {
    model::Delivery delivery;
    delivery.id = ids_.next_id<model::DeliveryId>();
    delivery.workspace_id = workspace_;
    delivery.event_id = event;
    delivery.endpoint_id = to.id;
    delivery.event_type = "a";
    delivery.kind = kind;
    delivery.due_at = delivery.created_at = kNoon;
    EXPECT_TRUE(
        write([&](Connection& c) { return deliveries::insert(c, delivery, std::nullopt); }));
    return delivery.id;
  };
  const auto past = [&] {
    return must(
        read([&](Connection& c) { return replays::past_of(c, workspace_, event, endpoint.id); }));
  };
  EXPECT_TRUE(past().deliveries.empty());
  deliver(other, model::DeliveryKind::kEvent);
  EXPECT_TRUE(past().deliveries.empty());
  const auto first = deliver(endpoint, model::DeliveryKind::kEvent);
  const auto second = deliver(endpoint, model::DeliveryKind::kReplay);
  ASSERT_EQ(past().deliveries.size(), 2u);
  EXPECT_EQ(past().deliveries[0].id, first);
  EXPECT_EQ(past().deliveries[1].id, second);
  EXPECT_EQ(past().deliveries[1].state, DeliveryState::kPending);
  EXPECT_FALSE(past().is_test);
  deliver(other, model::DeliveryKind::kTest);
  EXPECT_TRUE(past().is_test);
  EXPECT_EQ(past().deliveries.size(), 2u);
}

TEST_P(ReplayConformance, WhatAnEndpointIsOwedIsCountedUpToALimit) {
  const auto endpoint = add_endpoint();
  for (const auto state :
       {DeliveryState::kPending, DeliveryState::kDelivering, DeliveryState::kRetrying,
        DeliveryState::kDropped, DeliveryState::kSucceeded}) {
    make(endpoint, state);
  }
  const auto owed = [&](int limit) {
    const auto found = must(read(
        [&](Connection& c) { return replays::owed(c, workspace_, endpoint.id, kNoon, limit); }));
    return std::pair(found.all, found.now);
  };
  EXPECT_EQ(owed(100), std::pair(3, 2));
  EXPECT_EQ(owed(2), std::pair(2, 2));
}

// Two nodes that work on one replay: what each has read is still so when it writes.
TEST_P(ReplayConformance, TwoThatMoveAReplayOnDoSoOneAfterTheOther) {
  const Replay replay = add_replay(add_endpoint().id);
  std::vector<Unit> units;
  for (int i = 0; i < 20; ++i) {
    units.emplace_back([&](Connection& c) -> Result<int> {
      auto found = replays::find_to_change(c, workspace_, replay.id);
      if (!found) return fail(found.error());
      ++found->looked_at;
      WAYBILL_TRY(replays::update(c, *found));
      return static_cast<int>(found->looked_at);
    });
  }
  std::vector<std::optional<Answer>> answers(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    start(database_->run(units[i], Priority::kOwn, lock_order(replay.id.bytes())), answers[i]);
  }
  context_.restart();
  context_.run();
  int good = 0;
  for (const auto& answer : answers) good += answer && answer->has_value() ? 1 : 0;
  EXPECT_EQ(good, 20);
  EXPECT_EQ(find(replay.id).looked_at, 20);
}

TEST_P(ReplayConformance, ReplaysThatAreOverGoOnceTheyAreOld) {
  const auto endpoint = add_endpoint();
  Replay over = add_replay(endpoint.id), late = add_replay(endpoint.id);
  const Replay runs = add_replay(endpoint.id);
  over.state = late.state = ReplayState::kDone;
  over.finished_at = kNoon + 1s;
  late.finished_at = kNoon + 2h;
  update(over);
  update(late);
  const auto found = must(read([&](Connection& c) {
    return retention::find_replays(c, workspace_, kNoon + 1h, Uuid(), 10);
  }));
  EXPECT_EQ(found.expired, std::vector{over.id.uuid()});
  EXPECT_EQ(found.last, runs.id.uuid());
  EXPECT_EQ(must(write([&](Connection& c) {
              return retention::delete_replays(c, workspace_, found.expired);
            })),
            1);
  EXPECT_EQ(outcome(read([&](Connection& c) { return replays::find(c, workspace_, over.id); })),
            "not_found replay_not_found");
}

}  // namespace waybill::store
