// What is deleted for its age, and by what the hub watches over itself: store/retention.h and
// store/upkeep.h. And what came with the second migration.

#include <algorithm>

#include "conformance/store_conformance.h"
#include "store/events.h"
#include "store/idempotency.h"
#include "store/retention.h"
#include "store/upkeep.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;
using model::DeliveryState;
using model::EndpointState;

// The ids that a whole sweep finds. `find` looks at what is after an id.
template <class Find>
std::vector<Uuid> sweep(Find find) {
  std::vector<Uuid> all;
  Uuid after;
  for (int steps = 0; steps < 100; ++steps) {
    const retention::Found<Uuid> found = find(after);
    if (!found.last) return all;
    EXPECT_GT(*found.last, after);
    after = *found.last;
    all.insert(all.end(), found.expired.begin(), found.expired.end());
  }
  ADD_FAILURE() << "a sweep ends";
  return all;
}

}  // namespace

std::vector<Uuid> UpkeepConformance::old_deliveries(Timestamp before) {
  return sweep([&](const Uuid& after) {
    return must(read([&](Connection& c) {
      return retention::find_deliveries(c, workspace_, before, after, 2);
    }));
  });
}

std::vector<Uuid> UpkeepConformance::old_events(Timestamp before) {
  return sweep([&](const Uuid& after) {
    return must(read(
        [&](Connection& c) { return retention::find_events(c, workspace_, before, after, 2); }));
  });
}

model::Event UpkeepConformance::add_event(model::TraceContext trace) {
  model::Event event;
  event.id = ids_.next_id<model::EventId>();
  event.workspace_id = workspace_;
  event.type = "order.created";
  event.occurred_at = clock_.now();
  event.data = "{}";
  event.trace = std::move(trace);
  EXPECT_TRUE(write([&](Connection& c) { return events::insert(c, {event, 0, "none"}); }));
  return event;
}

TEST_P(UpkeepConformance, OnlyDeliveriesThatWereOverBeforeAreFound) {
  const auto endpoint = add_endpoint();
  const auto succeeded = make(endpoint, DeliveryState::kSucceeded);
  const auto dropped = make(endpoint, DeliveryState::kDropped);
  const auto cancelled = make(endpoint, DeliveryState::kCancelled);
  for (const auto state :
       {DeliveryState::kPending, DeliveryState::kDelivering, DeliveryState::kRetrying}) {
    make(endpoint, state);
  }
  // Over since a minute later, of the same age.
  const auto late = add_delivery(endpoint, kNoon, lease_until(kNoon + 30s));
  ASSERT_TRUE(
      finish(late, lease_until(kNoon + 30s), {DeliveryState::kSucceeded, {}}, kNoon + 1min));

  EXPECT_EQ(old_deliveries(kNoon), std::vector<Uuid>());
  EXPECT_EQ(old_deliveries(kNoon + 1s),
            (std::vector{succeeded.id.uuid(), dropped.id.uuid(), cancelled.id.uuid()}));
  EXPECT_EQ(old_deliveries(kNoon + 2min).size(), 4u);
}

TEST_P(UpkeepConformance, ADeliveryGoesWithItsAttemptsUnlessItWasRetriedMeanwhile) {
  const auto endpoint = add_endpoint();
  const auto gone = make(endpoint, DeliveryState::kDropped);
  const auto kept = make(endpoint, DeliveryState::kDropped);
  const auto revived = make(endpoint, DeliveryState::kDropped);
  const auto found = old_deliveries(kNoon + 1s);
  ASSERT_EQ(found.size(), 3u);
  ASSERT_TRUE(retry(revived, kNoon));

  EXPECT_EQ(must(write([&](Connection& c) {
              return retention::delete_deliveries(c, workspace_,
                                                  {gone.id.uuid(), revived.id.uuid()});
            })),
            1);

  EXPECT_EQ(outcome(read([&](Connection& c) { return deliveries::find(c, workspace_, gone.id); })),
            "not_found delivery_not_found");
  EXPECT_EQ(attempts(gone).size(), 0u);
  EXPECT_EQ(attempts(kept).size(), 1u);
  EXPECT_EQ(attempts(revived).size(), 1u);
  EXPECT_EQ(find_delivery(revived).state, DeliveryState::kPending);
}

TEST_P(UpkeepConformance, AnEventIsKeptAsLongAsADeliveryOfItIs) {
  const auto alone = add_event();
  const auto needed = add_event();
  const auto endpoint = add_endpoint();
  auto delivery = add_delivery(endpoint, kNoon);
  ASSERT_TRUE(write([&](Connection& c) {
    return c.execute("UPDATE deliveries SET event_id = $1 WHERE id = $2", {needed.id, delivery.id});
  }));
  EXPECT_EQ(old_events(kNoon), std::vector<Uuid>());
  EXPECT_EQ(old_events(kNoon + 1s), std::vector{alone.id.uuid()});
  EXPECT_EQ(must(write([&](Connection& c) {
              return retention::delete_events(c, workspace_, {alone.id.uuid(), needed.id.uuid()});
            })),
            1)
      << "also if it was replayed after it had been found";
  EXPECT_TRUE(read([&](Connection& c) { return events::find(c, workspace_, needed.id); }));
  EXPECT_EQ(outcome(read([&](Connection& c) { return events::find(c, workspace_, alone.id); })),
            "not_found event_not_found");
}

TEST_P(UpkeepConformance, IdempotencyRowsGoOnceTheyHaveExpired) {
  for (int i = 0; i < 5; ++i) {
    const Timestamp claimed_at = i < 3 ? kNoon : kNoon + 1h;
    const auto number = static_cast<std::uint8_t>(i);
    const idempotency::Key key{workspace_, i % 2 == 0 ? "even" : "odd", {number}};
    ASSERT_TRUE(write(
        [&](Connection& c) { return idempotency::claim(c, key, {{}, 201, {}}, claimed_at); }));
  }
  const Timestamp end = kNoon + idempotency::kKept;
  const auto expired = [&](Timestamp now) {
    std::vector<retention::IdempotencyKey> all;
    retention::IdempotencyKey after;
    for (;;) {
      const auto found = must(read([&](Connection& c) {
        return retention::find_idempotency(c, workspace_, now, after, 2);
      }));
      if (!found.last) return all;
      after = *found.last;
      all.insert(all.end(), found.expired.begin(), found.expired.end());
    }
  };
  EXPECT_EQ(expired(end - 1ms).size(), 0u);
  const auto found = expired(end);
  ASSERT_EQ(found.size(), 3u);
  // One is claimed anew between the two.
  ASSERT_TRUE(write([&](Connection& c) {
    return idempotency::claim(c, {workspace_, "even", {0}}, {{}, 201, {}}, end);
  }));
  EXPECT_EQ(must(write([&](Connection& c) {
              return retention::delete_idempotency(c, workspace_, found, end);
            })),
            2);
  EXPECT_EQ(expired(end + 2h).size(), 2u);
}

TEST_P(UpkeepConformance, AnEventKeepsItsTrace) {
  const model::TraceContext trace{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                  "congo=t61rcWkgMzE"};
  const auto traced = add_event(trace);
  const auto plain = add_event();
  const auto trace_of = [&](const model::Event& event) {
    return must(read([&](Connection& c) { return events::find(c, workspace_, event.id); }))
        .event.trace;
  };
  EXPECT_EQ(trace_of(traced), trace);
  EXPECT_EQ(trace_of(plain), model::TraceContext());
}

TEST_P(UpkeepConformance, TheBacklogIsWhatWaitsAndTheOldestThatAnActiveEndpointIsOwed) {
  const auto backlog = [&] { return must(read(upkeep::backlog)); };
  EXPECT_EQ(backlog().deliveries, 0);
  EXPECT_EQ(backlog().oldest_due, std::nullopt);

  add_delivery(add_endpoint(EndpointState::kPaused), kNoon - 2h);
  const auto active = add_endpoint();
  add_delivery(active, kNoon + 1min);
  add_delivery(active, kNoon - 1h);
  add_delivery(add_endpoint(), kNoon - 1min);
  make(active, DeliveryState::kSucceeded);
  EXPECT_EQ(backlog().deliveries, 4);
  EXPECT_EQ(backlog().oldest_due, kNoon - 1h);
}

TEST_P(UpkeepConformance, AProbeWritesTheSameRowEachTime) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(write([&](Connection& c) { return upkeep::probe_write(c, node_, kNoon); }));
  }
  EXPECT_EQ(must(read([](Connection& c) {
              return c.query("SELECT at FROM write_probes", {}, [](const Row&) {});
            })),
            1);
}

}  // namespace waybill::store
