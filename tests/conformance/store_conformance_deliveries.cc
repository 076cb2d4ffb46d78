// What is owed, who is working on it, and what came of it: store/deliveries.h.

#include <algorithm>
#include <tuple>

#include "conformance/store_conformance.h"
#include "store/endpoints.h"

namespace waybill::store {

using namespace std::chrono_literals;
using model::DeliveryState;
using model::EndpointState;
using model::Outcome;

model::Delivery DeliveryConformance::add_delivery(const model::Endpoint& endpoint, Timestamp due,
                                                  const std::optional<Lease>& lease) {
  model::Delivery delivery;
  delivery.id = ids_.next_id<model::DeliveryId>();
  delivery.workspace_id = endpoint.workspace_id;
  delivery.event_id = model::EventId(other_node_);
  delivery.endpoint_id = endpoint.id;
  delivery.event_type = "order.created";
  delivery.due_at = due;
  delivery.in_order = endpoint.in_order;
  delivery.created_at = clock_.now();
  if (lease) {
    delivery.state = DeliveryState::kDelivering;
    delivery.due_at = lease->until;
  }
  EXPECT_EQ(outcome(write([&](Connection& c) { return deliveries::insert(c, delivery, lease); })),
            "value");
  return delivery;
}

model::Delivery DeliveryConformance::make(const model::Endpoint& endpoint, DeliveryState state) {
  const Lease lease = lease_until(kNoon + 30s);
  switch (state) {
    case DeliveryState::kPending: return add_delivery(endpoint, kNoon);
    case DeliveryState::kDelivering: return add_delivery(endpoint, kNoon, lease);
    case DeliveryState::kCancelled: {
      const auto alone = add_endpoint();
      const auto delivery = add_delivery(alone, kNoon);
      EXPECT_EQ(cancel_waiting(alone, kNoon), 1);
      return find_delivery(delivery);
    }
    default: break;
  }
  const auto delivery = add_delivery(endpoint, kNoon, lease);
  model::NextState next{state, std::nullopt};
  if (state == DeliveryState::kRetrying) next.due_at = kNoon + 1min;
  EXPECT_EQ(outcome(finish(delivery, lease, next)), "value");
  return find_delivery(delivery);
}

Result<void> DeliveryConformance::finish(model::Delivery delivery, const Lease& lease,
                                         const model::NextState& next, Timestamp now) {
  model::Attempt attempt;
  attempt.number = ++delivery.attempts_made;
  attempt.outcome =
      next.state == DeliveryState::kSucceeded ? Outcome::kSucceeded : Outcome::kTimeout;
  return write([&](Connection& c) {
    return deliveries::finish_attempt(c, delivery, lease, attempt, next, now);
  });
}

model::Delivery DeliveryConformance::find_delivery(const model::Delivery& delivery) {
  return must(
      read([&](Connection& c) { return deliveries::find(c, delivery.workspace_id, delivery.id); }));
}

std::vector<model::Attempt> DeliveryConformance::attempts(const model::Delivery& delivery) {
  return must(read(
      [&](Connection& c) { return deliveries::attempts(c, delivery.workspace_id, delivery.id); }));
}

std::optional<Timestamp> DeliveryConformance::next_due(const model::Endpoint& endpoint) {
  return must(read(
      [&](Connection& c) { return deliveries::next_due(c, endpoint.workspace_id, endpoint.id); }));
}

std::vector<model::Delivery> DeliveryConformance::claim(const model::Endpoint& endpoint,
                                                        Timestamp now, const Lease& lease,
                                                        int limit) {
  return must(write([&](Connection& c) {
    return deliveries::claim_due(c, endpoint.workspace_id, endpoint.id, now, lease, limit);
  }));
}

Result<void> DeliveryConformance::release(const model::Delivery& delivery, const Lease& lease,
                                          Timestamp now) {
  return write([&](Connection& c) { return deliveries::release(c, delivery, lease, now); });
}

std::int64_t DeliveryConformance::release_all_of(const Uuid& node, Timestamp now) {
  return must(write([&](Connection& c) { return deliveries::release_all_of(c, node, now); }));
}

std::int64_t DeliveryConformance::cancel_waiting(const model::Endpoint& endpoint, Timestamp now) {
  return must(write([&](Connection& c) {
    return deliveries::cancel_waiting(c, endpoint.workspace_id, endpoint.id, now);
  }));
}

Result<model::Delivery> DeliveryConformance::retry(const model::Delivery& delivery, Timestamp now) {
  return write(
      [&](Connection& c) { return deliveries::retry(c, delivery.workspace_id, delivery.id, now); });
}

namespace {

auto fields(const model::Delivery& d) {
  return std::tuple(d.id, d.workspace_id, d.event_id, d.endpoint_id, d.event_type, d.kind, d.state,
                    d.attempts_made, d.attempts_before_retry, d.due_at.transform(unix_millis),
                    unix_millis(d.created_at), d.finished_at.transform(unix_millis));
}
auto fields(const model::Attempt& a) {
  return std::tuple(a.number, unix_millis(a.started_at), a.latency.count(), a.outcome,
                    a.status_code, a.error, a.response_body, a.node);
}
std::vector<model::DeliveryId> ids_of(const std::vector<model::Delivery>& records) {
  std::vector<model::DeliveryId> ids;
  for (const model::Delivery& delivery : records) ids.push_back(delivery.id);
  return ids;
}
std::vector<model::DeliveryId> ids_of(const std::vector<model::Delivery>& records,
                                      const std::vector<std::size_t>& which) {
  std::vector<model::DeliveryId> ids;
  for (const std::size_t i : which) ids.push_back(records[i].id);
  return ids;
}

constexpr DeliveryState kAllStates[] = {DeliveryState::kPending,   DeliveryState::kDelivering,
                                        DeliveryState::kSucceeded, DeliveryState::kRetrying,
                                        DeliveryState::kDropped,   DeliveryState::kCancelled};

}  // namespace

// --- Keeping
// ----------------------------------------------------------------------------------------

TEST_P(DeliveryConformance, ComesBackWithAllItsFields) {
  const model::Endpoint endpoint = add_endpoint();
  for (const std::string& text : awkward_texts()) {
    for (const auto state : kAllStates) {
      model::Delivery delivery;
      delivery.id = ids_.next_id<model::DeliveryId>();
      delivery.workspace_id = workspace_;
      delivery.event_id = ids_.next_id<model::EventId>();
      delivery.endpoint_id = endpoint.id;
      delivery.event_type = text;
      delivery.kind = model::DeliveryKind::kReplay;
      delivery.state = state;
      delivery.attempts_made = 12;
      delivery.attempts_before_retry = 5;
      delivery.created_at = kNoon - 77ms;
      if (state == DeliveryState::kSucceeded) {
        delivery.finished_at = kNoon + 1ms;
      } else {
        delivery.due_at = kNoon - 1ms;
      }
      ASSERT_TRUE(
          write([&](Connection& c) { return deliveries::insert(c, delivery, std::nullopt); }));
      EXPECT_EQ(fields(find_delivery(delivery)), fields(delivery));
      EXPECT_EQ(outcome(write(
                    [&](Connection& c) { return deliveries::insert(c, delivery, std::nullopt); })),
                "conflict unique_violation");
    }
  }
}

TEST_P(DeliveryConformance, AttemptsComeBackWithAllTheirFields) {
  const model::Endpoint endpoint = add_endpoint();
  model::Delivery delivery = add_delivery(endpoint, kNoon);
  std::vector<model::Attempt> made;
  for (const std::string& text : awkward_texts()) {
    for (const Bytes& body : awkward_bytes()) {
      const Lease lease = lease_until(kNoon + 30s);
      ASSERT_EQ(claim(endpoint, kNoon, lease).size(), 1u);
      model::Attempt attempt;
      attempt.number = ++delivery.attempts_made;
      attempt.started_at = kNoon + std::chrono::milliseconds(attempt.number);
      attempt.latency = std::chrono::microseconds(1'234'567);
      attempt.outcome = Outcome::kRefused;
      if (attempt.number % 2 == 0) attempt.status_code = 503;
      attempt.error = text;
      attempt.response_body = as_text(body);
      if (attempt.number % 2 == 1) attempt.node = text;
      ASSERT_EQ(outcome(write([&](Connection& c) {
                  return deliveries::finish_attempt(c, delivery, lease, attempt,
                                                    {DeliveryState::kRetrying, kNoon}, kNoon);
                })),
                "value");
      made.push_back(attempt);
    }
  }
  const auto found = attempts(delivery);
  ASSERT_EQ(found.size(), made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_TRUE(fields(found[i]) == fields(made[i])) << "attempt " << made[i].number;
  }
  model::Delivery elsewhere = delivery;
  elsewhere.workspace_id = other_workspace_;
  EXPECT_TRUE(attempts(elsewhere).empty());
}

TEST_P(DeliveryConformance, OfAnotherWorkspaceIsNotFound) {
  const model::Delivery delivery = add_delivery(add_endpoint(), kNoon);
  model::Delivery elsewhere = delivery, missing = delivery;
  elsewhere.workspace_id = other_workspace_;
  missing.id = ids_.next_id<model::DeliveryId>();
  for (const model::Delivery& wrong : {elsewhere, missing}) {
    EXPECT_EQ(outcome(read([&](Connection& c) {
                return deliveries::find(c, wrong.workspace_id, wrong.id);
              })),
              "not_found delivery_not_found");
    EXPECT_EQ(outcome(retry(wrong, kNoon)), "not_found delivery_not_found");
  }
  EXPECT_TRUE(must(read([&](Connection& c) {
                return deliveries::of_event(c, other_workspace_, delivery.event_id);
              })).empty());
}

TEST_P(DeliveryConformance, OfAnEventAreGivenOldestFirst) {
  const model::Endpoint endpoint = add_endpoint();
  std::vector<model::Delivery> made;
  for (int i = 0; i < 5; ++i) made.push_back(add_delivery(endpoint, kNoon - i * 1s));
  const auto found = must(
      read([&](Connection& c) { return deliveries::of_event(c, workspace_, made[0].event_id); }));
  EXPECT_EQ(ids_of(found), ids_of(made));
  EXPECT_TRUE(must(read([&](Connection& c) {
                return deliveries::of_event(c, workspace_, ids_.next_id<model::EventId>());
              })).empty());
}

TEST_P(DeliveryConformance, AreListedByFilter) {
  const model::Endpoint a = add_endpoint();
  const model::Endpoint b = add_endpoint();
  const model::Endpoint elsewhere = add_endpoint(EndpointState::kActive, other_workspace_);
  std::vector<model::Delivery> made;
  for (const auto& [endpoint, state] :
       {std::pair(a, DeliveryState::kDropped), std::pair(b, DeliveryState::kPending),
        std::pair(b, DeliveryState::kDropped), std::pair(a, DeliveryState::kSucceeded)}) {
    clock_.step(1h);
    made.push_back(make(endpoint, state));
    (void)make(elsewhere, state);
  }
  model::Delivery other_type = add_delivery(a, kNoon);
  ASSERT_TRUE(write([&](Connection& c) {
    other_type.id = ids_.next_id<model::DeliveryId>();
    other_type.event_type = "webhook.test";
    return deliveries::insert(c, other_type, std::nullopt);
  }));
  made.push_back(
      must(read([&](Connection& c) { return deliveries::list(c, workspace_, {}, {}); })).rows[1]);
  made.push_back(other_type);

  struct Case {
    const char* what;
    deliveries::Filter filter;
    std::vector<std::size_t> found;
  };
  for (const Case& c : {
           Case{"all", {}, {5, 4, 3, 2, 1, 0}},
           Case{"endpoint", by(&deliveries::Filter::endpoint, b.id), {2, 1}},
           Case{"dead letters", by(&deliveries::Filter::state, DeliveryState::kDropped), {2, 0}},
           Case{"succeeded", by(&deliveries::Filter::state, DeliveryState::kSucceeded), {3}},
           Case{"cancelled", by(&deliveries::Filter::state, DeliveryState::kCancelled), {}},
           Case{"type", by(&deliveries::Filter::event_type, "webhook.test"), {5}},
           Case{"since", by(&deliveries::Filter::since, kNoon + 3h), {5, 4, 3, 2}},
           Case{"until", by(&deliveries::Filter::until, kNoon + 3h), {1, 0}},
           Case{
               "another workspace's endpoint", by(&deliveries::Filter::endpoint, elsewhere.id), {}},
           Case{"all at once",
                {b.id, DeliveryState::kDropped, "order.created", kNoon + 3h, kNoon + 4h},
                {2}},
       }) {
    const auto page =
        must(read([&](Connection& x) { return deliveries::list(x, workspace_, c.filter, {}); }));
    EXPECT_EQ(ids_of(page.rows), ids_of(made, c.found)) << c.what;
  }
}

TEST_P(DeliveryConformance, ArePagedNewestFirstWhileRowsAreAdded) {
  const model::Endpoint endpoint = add_endpoint();
  for (const auto& filter :
       {deliveries::Filter{}, by(&deliveries::Filter::state, DeliveryState::kDropped)}) {
    workspace_ = model::WorkspaceId(ids_.next());
    const model::Endpoint mine = add_endpoint();
    std::vector<model::Delivery> made;
    for (int i = 0; i < 7; ++i) made.push_back(make(mine, DeliveryState::kDropped));
    std::vector<model::DeliveryId> shown;
    PageRequest request{3, std::nullopt};
    do {
      const auto page = must(
          read([&](Connection& c) { return deliveries::list(c, workspace_, filter, request); }));
      for (const auto& row : page.rows) shown.push_back(row.id);
      request.after = page.next;
      (void)make(mine, DeliveryState::kDropped);
    } while (request.after && shown.size() < 50);
    EXPECT_EQ(shown, ids_of(made, {6, 5, 4, 3, 2, 1, 0}));
  }
}

TEST_P(DeliveryConformance, AreCountedAndPassedOverByNumber) {
  const model::Endpoint endpoint = add_endpoint();
  const deliveries::Filter mine = by(&deliveries::Filter::endpoint, endpoint.id);
  std::vector<model::Delivery> made;
  for (int i = 0; i < 5; ++i) made.push_back(add_delivery(endpoint, kNoon));
  (void)add_delivery(add_endpoint(), kNoon);
  const auto page = [&](int limit, std::int64_t offset) {
    return ids_of(must(read([&](Connection& c) {
                    return deliveries::list(c, workspace_, mine, {limit, std::nullopt, offset});
                  })).rows);
  };
  EXPECT_EQ(page(2, 0), ids_of(made, {4, 3}));
  EXPECT_EQ(page(2, 2), ids_of(made, {2, 1}));
  EXPECT_EQ(page(2, 4), ids_of(made, {0}));
  EXPECT_TRUE(page(2, 5).empty());
  for (const auto& [filter, count] :
       {std::pair(mine, 5), std::pair(deliveries::Filter{}, 6),
        std::pair(by(&deliveries::Filter::state, DeliveryState::kPending), 6),
        std::pair(by(&deliveries::Filter::state, DeliveryState::kDropped), 0)}) {
    EXPECT_EQ(must(read([&](Connection& c) { return deliveries::count(c, workspace_, filter); })),
              count);
  }
}

TEST_P(DeliveryConformance, TriesAtAnEndpointAreListedNewestFirst) {
  const model::Endpoint endpoint = add_endpoint();
  const auto tried_twice = make(endpoint, DeliveryState::kRetrying);
  ASSERT_EQ(claim(endpoint, kNoon + 1h, lease_until(kNoon + 2h)).size(), 1u);
  ASSERT_EQ(outcome(finish(tried_twice, lease_until(kNoon + 2h), {})), "value");
  (void)add_delivery(endpoint, kNoon + 9h);  // Not tried yet.
  const auto tried_once = make(endpoint, DeliveryState::kDropped);
  (void)make(add_endpoint(), DeliveryState::kSucceeded);

  const auto tries = [&](int limit, std::int64_t offset) {
    return must(read([&](Connection& c) {
      return deliveries::tries_at(c, workspace_, endpoint.id, limit, offset);
    }));
  };
  const auto all = tries(10, 0);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].delivery_id, tried_once.id);
  EXPECT_EQ(all[0].event_id, tried_once.event_id);
  EXPECT_EQ(all[0].event_type, tried_once.event_type);
  EXPECT_EQ(fields(all[0].attempt), fields(attempts(tried_once)[0]));
  EXPECT_EQ(all[1].delivery_id, tried_twice.id);
  EXPECT_EQ(all[1].attempt.number, 2);
  EXPECT_EQ(all[1].attempt.outcome, Outcome::kSucceeded);
  EXPECT_EQ(all[2].attempt.number, 1);
  EXPECT_EQ(all[2].attempt.outcome, Outcome::kTimeout);
  ASSERT_EQ(tries(1, 1).size(), 1u);
  EXPECT_EQ(tries(1, 1)[0].attempt.number, 2);
  const auto count = [&](const model::WorkspaceId& workspace, const model::EndpointId& id) {
    return must(read([&](Connection& c) { return deliveries::count_tries_at(c, workspace, id); }));
  };
  EXPECT_EQ(count(workspace_, endpoint.id), 3);
  EXPECT_EQ(count(workspace_, add_endpoint().id), 0);
  EXPECT_EQ(count(other_workspace_, endpoint.id), 0);
}

// --- Leases
// -----------------------------------------------------------------------------------------

TEST_P(DeliveryConformance, IsClaimedWhenItIsDue) {
  const model::Endpoint endpoint = add_endpoint();
  const auto delivery = add_delivery(endpoint, kNoon);
  EXPECT_TRUE(claim(endpoint, kNoon - 1ms, lease_until(kNoon + 30s)).empty());

  const auto claimed = claim(endpoint, kNoon, lease_until(kNoon + 30s));
  ASSERT_EQ(claimed.size(), 1u);
  model::Delivery expected = delivery;
  expected.state = DeliveryState::kDelivering;
  expected.due_at = kNoon + 30s;
  EXPECT_EQ(fields(claimed[0]), fields(expected));
  EXPECT_EQ(fields(find_delivery(delivery)), fields(expected));
}

TEST_P(DeliveryConformance, ALeasedOneGoesToNobodyElseUntilTheLeaseEnds) {
  const model::Endpoint endpoint = add_endpoint();
  const auto claimed_first = add_delivery(endpoint, kNoon);
  ASSERT_EQ(claim(endpoint, kNoon, lease_until(kNoon + 30s)).size(), 1u);
  const auto leased_at_birth = add_delivery(endpoint, kNoon, lease_until(kNoon + 30s));

  const Lease other{other_node_, kNoon + 60s};
  EXPECT_TRUE(claim(endpoint, kNoon + 30s - 1ms, other).empty());
  EXPECT_TRUE(claim(endpoint, kNoon + 30s - 1ms, lease_until(kNoon + 60s)).empty());
  EXPECT_EQ(claim(endpoint, kNoon + 30s, other).size(), 2u);
}

TEST_P(DeliveryConformance, OfManyClaimsAtOnceEachDeliveryGoesToOne) {
  const model::Endpoint endpoint = add_endpoint();
  for (int i = 0; i < 20; ++i) add_delivery(endpoint, kNoon);
  std::vector<model::DeliveryId> claimed;
  std::mutex mutex;
  std::vector<Unit> units;
  for (int i = 0; i < 10; ++i) {
    units.push_back([&](Connection& connection) -> Answer {
      const auto mine = deliveries::claim_due(connection, workspace_, endpoint.id, kNoon,
                                              lease_until(kNoon + 30s), 3);
      if (!mine) return fail(mine.error());
      const std::lock_guard lock(mutex);
      for (const auto& delivery : *mine) claimed.push_back(delivery.id);
      return static_cast<int>(mine->size());
    });
  }
  for (const auto& answer : write_together(units)) EXPECT_TRUE(answer);
  EXPECT_EQ(claimed.size(), 20u);
  std::ranges::sort(claimed);
  EXPECT_EQ(std::ranges::adjacent_find(claimed), claimed.end());
}

TEST_P(DeliveryConformance, TheLongestDueAreClaimedFirstUpToTheLimit) {
  const model::Endpoint endpoint = add_endpoint();
  std::vector<model::Delivery> made;
  for (const auto due : {-1s, -4s, -2s, -3s, -5s})
    made.push_back(add_delivery(endpoint, kNoon + due));

  const auto first = claim(endpoint, kNoon, lease_until(kNoon + 30s), 2);
  EXPECT_EQ(ids_of(first), ids_of(made, {1, 4})) << "in the order of their ids";
  EXPECT_EQ(ids_of(claim(endpoint, kNoon, lease_until(kNoon + 30s), 2)), ids_of(made, {2, 3}));
  EXPECT_EQ(ids_of(claim(endpoint, kNoon, lease_until(kNoon + 30s), 2)), ids_of(made, {0}));
  EXPECT_TRUE(claim(endpoint, kNoon, lease_until(kNoon + 30s), 2).empty());
}

TEST_P(DeliveryConformance, IsClaimedForItsOwnEndpointAloneAndOnlyIfThatIsActive) {
  const model::Endpoint endpoint = add_endpoint();
  const model::Endpoint other = add_endpoint();
  model::Endpoint elsewhere = endpoint;
  elsewhere.workspace_id = other_workspace_;
  add_delivery(endpoint, kNoon);
  EXPECT_TRUE(claim(other, kNoon, lease_until(kNoon + 30s)).empty());
  EXPECT_TRUE(claim(elsewhere, kNoon, lease_until(kNoon + 30s)).empty());

  for (const auto state :
       {EndpointState::kPaused, EndpointState::kDeactivated, EndpointState::kDeleted}) {
    const model::Endpoint inactive = add_endpoint(state);
    add_delivery(inactive, kNoon);
    EXPECT_TRUE(claim(inactive, kNoon, lease_until(kNoon + 30s)).empty())
        << model::endpoint_state_name(state);
  }
  EXPECT_EQ(claim(endpoint, kNoon, lease_until(kNoon + 30s)).size(), 1u);
}

TEST_P(DeliveryConformance, ThatIsOverIsNeverClaimed) {
  const model::Endpoint endpoint = add_endpoint();
  for (const auto state :
       {DeliveryState::kSucceeded, DeliveryState::kDropped, DeliveryState::kCancelled}) {
    (void)make(endpoint, state);
  }
  EXPECT_TRUE(claim(endpoint, kNoon + 24h, lease_until(kNoon + 25h)).empty());
  EXPECT_EQ(next_due(endpoint), std::nullopt);
}

TEST_P(DeliveryConformance, AnAttemptAndWhatItLeadsToAreWrittenTogether) {
  struct Case {
    model::NextState next;
    std::optional<Timestamp> finished_at;
  };
  for (const Case& c : {Case{{DeliveryState::kSucceeded, std::nullopt}, kNoon + 1s},
                        Case{{DeliveryState::kDropped, std::nullopt}, kNoon + 1s},
                        Case{{DeliveryState::kRetrying, kNoon + 1min}, std::nullopt}}) {
    const model::Endpoint endpoint = add_endpoint();
    const auto delivery = add_delivery(endpoint, kNoon);
    const Lease lease = lease_until(kNoon + 30s);
    const auto claimed = claim(endpoint, kNoon, lease);
    ASSERT_EQ(outcome(finish(claimed.at(0), lease, c.next, kNoon + 1s)), "value");

    const auto found = find_delivery(delivery);
    EXPECT_EQ(found.state, c.next.state);
    EXPECT_EQ(found.due_at, c.next.due_at);
    EXPECT_EQ(found.finished_at, c.finished_at);
    EXPECT_EQ(found.attempts_made, 1);
    EXPECT_EQ(attempts(delivery).size(), 1u);
    EXPECT_EQ(next_due(endpoint), c.next.due_at);
    EXPECT_EQ(outcome(finish(claimed[0], lease, c.next)), "conflict lease_over")
        << "a lease serves once";
  }
}

TEST_P(DeliveryConformance, FinishingAfterTheLeaseEndedAndWasGivenAnewWritesNothing) {
  const Lease slow = lease_until(kNoon + 30s);
  for (const Lease& next_holder : {Lease{other_node_, kNoon + 60s}, lease_until(kNoon + 60s),
                                   Lease{other_node_, slow.until}}) {
    const model::Endpoint endpoint = add_endpoint();
    add_delivery(endpoint, kNoon);
    const auto held = claim(endpoint, kNoon, slow).at(0);
    const auto mine = claim(endpoint, kNoon + 30s, next_holder).at(0);

    const model::NextState success{DeliveryState::kSucceeded, std::nullopt};
    EXPECT_EQ(outcome(finish(held, slow, success)), "conflict lease_over");
    EXPECT_EQ(fields(find_delivery(held)), fields(mine));
    EXPECT_TRUE(attempts(held).empty());
    EXPECT_EQ(outcome(finish(mine, next_holder, success)), "value");
    EXPECT_EQ(attempts(held).size(), 1u);
  }
}

TEST_P(DeliveryConformance, FinishingAfterTheLeaseEndedCountsWhileNobodyElseHasIt) {
  const model::Endpoint endpoint = add_endpoint();
  const Lease lease = lease_until(kNoon + 30s);
  add_delivery(endpoint, kNoon);
  const auto held = claim(endpoint, kNoon, lease).at(0);
  EXPECT_EQ(outcome(finish(held, lease, {DeliveryState::kSucceeded, std::nullopt}, kNoon + 1h)),
            "value");
  EXPECT_EQ(find_delivery(held).state, DeliveryState::kSucceeded);
}

TEST_P(DeliveryConformance, WhatIsDueIsGivenOldestFirstWithoutBeingClaimed) {
  const model::Endpoint endpoint = add_endpoint();
  add_delivery(add_endpoint(), kNoon);
  const auto late = add_delivery(endpoint, kNoon + 2s);
  const auto early = add_delivery(endpoint, kNoon + 1s);
  const auto also_early = add_delivery(endpoint, kNoon + 1s);
  const auto leased = add_delivery(endpoint, kNoon, lease_until(kNoon + 3s));
  make(endpoint, DeliveryState::kSucceeded);
  const auto due = [&](Timestamp now, int limit) {
    return ids_of(must(read(
        [&](Connection& c) { return deliveries::due(c, workspace_, endpoint.id, now, limit); })));
  };
  using Ids = std::vector<model::DeliveryId>;
  EXPECT_EQ(due(kNoon, 10), Ids());
  EXPECT_EQ(due(kNoon + 2s, 10), (Ids{early.id, also_early.id, late.id}));
  EXPECT_EQ(due(kNoon + 2s, 2), (Ids{early.id, also_early.id}));
  EXPECT_EQ(due(kNoon + 3s, 10), (Ids{early.id, also_early.id, late.id, leased.id}))
      << "a lease that ran out";
  EXPECT_EQ(fields(find_delivery(early)), fields(early));
}

TEST_P(DeliveryConformance, AnAttemptOfNobodysIsRecordedOnlyWhereNoNodeMakesOneAndInItsTurn) {
  const model::Endpoint endpoint = add_endpoint();
  const auto find = [&](const model::Delivery& delivery, int number, Timestamp now) {
    return write([&](Connection& c) {
      return deliveries::find_to_attempt(c, workspace_, delivery.id, number, now);
    });
  };
  for (const auto state :
       {DeliveryState::kSucceeded, DeliveryState::kDropped, DeliveryState::kCancelled}) {
    EXPECT_EQ(outcome(find(make(endpoint, state), 2, kNoon)), "conflict delivery_finished");
  }
  const auto held = make(endpoint, DeliveryState::kDelivering);
  EXPECT_EQ(outcome(find(held, 1, kNoon)), "conflict delivery_in_flight");
  EXPECT_EQ(outcome(find(held, 1, *held.due_at)), "value");
  const auto retrying = make(endpoint, DeliveryState::kRetrying);
  EXPECT_EQ(outcome(find(retrying, 1, kNoon)), "conflict attempt_number_taken");
  EXPECT_EQ(outcome(find(retrying, 3, kNoon)), "conflict attempt_number_taken");
  EXPECT_EQ(outcome(find(retrying, 2, kNoon)), "value");
  model::Delivery missing = retrying;
  missing.id = ids_.next_id<model::DeliveryId>();
  EXPECT_EQ(outcome(find(missing, 1, kNoon)), "not_found delivery_not_found");
}

TEST_P(DeliveryConformance, AnAttemptOfNobodysAndWhatItLeadsToAreWrittenTogether) {
  const model::NextState cases[] = {{DeliveryState::kSucceeded, std::nullopt},
                                    {DeliveryState::kRetrying, kNoon + 1min},
                                    {DeliveryState::kDropped, std::nullopt}};
  for (const model::NextState& next : cases) {
    // Also where a node's lease ran out: what that node tells later counts no more.
    for (const auto& lease : {std::optional<Lease>(), std::optional(lease_until(kNoon))}) {
      const model::Endpoint endpoint = add_endpoint();
      const auto delivery = add_delivery(endpoint, kNoon, lease);
      model::Attempt attempt;
      attempt.number = 1;
      attempt.started_at = kNoon - 5ms;
      attempt.latency = 5ms;
      attempt.outcome = Outcome::kRefused;
      attempt.status_code = 418;
      attempt.response_body = "tea";
      EXPECT_EQ(outcome(write([&](Connection& c) -> Result<void> {
                  auto found = deliveries::find_to_attempt(c, workspace_, delivery.id, 1, kNoon);
                  if (!found) return fail(found.error());
                  found->attempts_made = 1;
                  return deliveries::record_attempt(c, *found, attempt, next, kNoon);
                })),
                "value");
      const auto now = find_delivery(delivery);
      EXPECT_EQ(now.state, next.state);
      EXPECT_EQ(now.attempts_made, 1);
      EXPECT_EQ(now.due_at, next.due_at);
      EXPECT_EQ(now.finished_at, next.due_at ? std::nullopt : std::optional(kNoon));
      ASSERT_EQ(attempts(delivery).size(), 1u);
      EXPECT_EQ(fields(attempts(delivery).at(0)), fields(attempt));
      if (lease) {
        EXPECT_EQ(outcome(finish(delivery, *lease, {DeliveryState::kSucceeded, std::nullopt})),
                  "conflict lease_over");
      }
    }
  }
}

TEST_P(DeliveryConformance, ReleasedIsDueAtOnceInTheStateItWaitedIn) {
  const model::Endpoint endpoint = add_endpoint();
  const Lease lease = lease_until(kNoon + 30s);
  for (const auto state : {DeliveryState::kPending, DeliveryState::kRetrying}) {
    const auto delivery = make(endpoint, state);
    const auto held = claim(endpoint, kNoon + 1min, lease).at(0);
    ASSERT_TRUE(release(held, lease, kNoon + 1s));
    const auto found = find_delivery(delivery);
    EXPECT_EQ(found.state, state);
    EXPECT_EQ(found.due_at, kNoon + 1s);
    EXPECT_EQ(found.attempts_made, delivery.attempts_made);
    EXPECT_EQ(outcome(finish(held, lease, {DeliveryState::kDropped, std::nullopt})),
              "conflict lease_over");
    // Away with it, so that the next is alone.
    const auto again = claim(endpoint, kNoon + 1s, lease).at(0);
    EXPECT_EQ(again.id, delivery.id);
    ASSERT_TRUE(finish(again, lease, {DeliveryState::kSucceeded, std::nullopt}));
  }
}

TEST_P(DeliveryConformance, ReleasingALeaseThatIsOverDoesNothing) {
  const model::Endpoint endpoint = add_endpoint();
  add_delivery(endpoint, kNoon);
  const Lease slow = lease_until(kNoon + 30s);
  const auto held = claim(endpoint, kNoon, slow).at(0);
  const Lease other{other_node_, kNoon + 60s};
  const auto mine = claim(endpoint, kNoon + 30s, other).at(0);
  EXPECT_EQ(outcome(release(held, slow, kNoon + 31s)), "value");
  EXPECT_EQ(fields(find_delivery(held)), fields(mine));
}

TEST_P(DeliveryConformance, ReleaseAllOfTakesWhatOneNodeHeldInAllWorkspaces) {
  const model::Endpoint a = add_endpoint();
  const model::Endpoint b = add_endpoint(EndpointState::kPaused);
  const model::Endpoint c = add_endpoint(EndpointState::kActive, other_workspace_);
  const Lease mine = lease_until(kNoon + 30s);
  const Lease others{other_node_, kNoon + 30s};
  std::vector<model::Delivery> held;
  for (const auto& endpoint : {a, b, c}) held.push_back(add_delivery(endpoint, kNoon, mine));
  const auto of_other = add_delivery(a, kNoon, others);
  const auto waiting = add_delivery(a, kNoon + 5s);
  const auto over = make(a, DeliveryState::kSucceeded);

  EXPECT_EQ(release_all_of(node_, kNoon + 1s), 3);
  for (const auto& delivery : held) {
    const auto found = find_delivery(delivery);
    EXPECT_EQ(found.state, DeliveryState::kPending);
    EXPECT_EQ(found.due_at, kNoon + 1s);
  }
  for (const auto& untouched : {of_other, waiting, over}) {
    EXPECT_EQ(fields(find_delivery(untouched)), fields(untouched));
  }
  EXPECT_EQ(release_all_of(node_, kNoon + 1s), 0);
}

// What was on its way when its endpoint was deleted, and its node died.
TEST_P(DeliveryConformance, ReleaseAllOfCancelsWhatIsForADeletedEndpoint) {
  const model::Endpoint deleted = add_endpoint(EndpointState::kDeleted);
  const auto mine = add_delivery(deleted, kNoon, lease_until(kNoon + 30s));
  const auto of_other = add_delivery(deleted, kNoon, Lease{other_node_, kNoon + 30s});
  release_all_of(node_, kNoon + 1s);
  EXPECT_EQ(find_delivery(mine).state, DeliveryState::kCancelled);
  EXPECT_EQ(find_delivery(mine).finished_at, kNoon + 1s);
  EXPECT_EQ(fields(find_delivery(of_other)), fields(of_other));
}

// --- Cancelling
// -------------------------------------------------------------------------------------

TEST_P(DeliveryConformance, CancellingTakesWhatWaitsAndLeavesWhatIsOnItsWay) {
  const model::Endpoint endpoint = add_endpoint();
  const Lease lease = lease_until(kNoon + 30s);
  const auto on_its_way = add_delivery(endpoint, kNoon, lease);
  const auto abandoned = add_delivery(endpoint, kNoon, lease_until(kNoon + 1s));
  const auto pending = add_delivery(endpoint, kNoon);
  const auto later = add_delivery(endpoint, kNoon + 1h);
  const auto retrying = make(endpoint, DeliveryState::kRetrying);
  std::vector<model::Delivery> untouched = {on_its_way, make(endpoint, DeliveryState::kSucceeded),
                                            make(endpoint, DeliveryState::kDropped),
                                            add_delivery(add_endpoint(), kNoon)};

  EXPECT_EQ(cancel_waiting(endpoint, kNoon + 2s), 4);
  for (const auto& delivery : {abandoned, pending, later, retrying}) {
    const auto found = find_delivery(delivery);
    EXPECT_EQ(found.state, DeliveryState::kCancelled);
    EXPECT_EQ(found.due_at, std::nullopt);
    EXPECT_EQ(found.finished_at, kNoon + 2s);
  }
  for (const auto& delivery : untouched) {
    EXPECT_EQ(fields(find_delivery(delivery)), fields(delivery));
  }
  EXPECT_TRUE(finish(on_its_way, lease, {DeliveryState::kSucceeded, std::nullopt}));
  EXPECT_EQ(outcome(finish(abandoned, lease_until(kNoon + 1s),
                           {DeliveryState::kSucceeded, std::nullopt})),
            "conflict lease_over");

  model::Endpoint elsewhere = endpoint;
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(cancel_waiting(elsewhere, kNoon), 0);
}

// --- What is owed
// -----------------------------------------------------------------------------------

TEST_P(DeliveryConformance, NextDueIsTheEarliestLeasesIncluded) {
  const model::Endpoint endpoint = add_endpoint();
  EXPECT_EQ(next_due(endpoint), std::nullopt);
  add_delivery(endpoint, kNoon + 10s);
  EXPECT_EQ(next_due(endpoint), kNoon + 10s);
  add_delivery(endpoint, kNoon, lease_until(kNoon + 5s));
  EXPECT_EQ(next_due(endpoint), kNoon + 5s);
  add_delivery(add_endpoint(), kNoon);
  EXPECT_EQ(next_due(endpoint), kNoon + 5s) << "another endpoint's is no concern of ours";
}

TEST_P(DeliveryConformance, OwedNamesEveryActiveEndpointWithSomethingToCome) {
  const model::Endpoint a = add_endpoint();
  const model::Endpoint leased = add_endpoint(EndpointState::kActive, other_workspace_);
  const model::Endpoint nothing = add_endpoint();
  const model::Endpoint paused = add_endpoint(EndpointState::kPaused);
  add_delivery(a, kNoon + 2s);
  add_delivery(a, kNoon + 1s);
  add_delivery(leased, kNoon, lease_until(kNoon + 30s));
  (void)make(nothing, DeliveryState::kSucceeded);
  add_delivery(paused, kNoon);
  // Somebody has to cancel it once its lease is over.
  const model::Endpoint deleted = add_endpoint(EndpointState::kDeleted);
  add_delivery(deleted, kNoon, lease_until(kNoon + 5s));

  auto owed = must(read([](Connection& c) { return deliveries::owed(c); }));
  std::ranges::sort(owed, {}, &deliveries::Owed::endpoint_id);
  ASSERT_EQ(owed.size(), 3u);
  EXPECT_EQ(owed[0].workspace_id, workspace_);
  EXPECT_EQ(owed[0].endpoint_id, a.id);
  EXPECT_EQ(owed[0].due_at, kNoon + 1s);
  EXPECT_EQ(owed[1].workspace_id, other_workspace_);
  EXPECT_EQ(owed[1].endpoint_id, leased.id);
  EXPECT_EQ(owed[1].due_at, kNoon + 30s);
  EXPECT_EQ(owed[2].endpoint_id, deleted.id);
  EXPECT_EQ(owed[2].due_at, kNoon + 5s);
}

// --- Manual retries
// ---------------------------------------------------------------------------------

TEST_P(DeliveryConformance, ARetryIsDueAtOnceWithTheWholeScheduleAheadOrSaysWhyNot) {
  struct Case {
    DeliveryState state;
    std::string answer;
  };
  const model::Endpoint endpoint = add_endpoint();
  for (const Case& c :
       {Case{DeliveryState::kPending, "value"},
        Case{DeliveryState::kDelivering, "conflict delivery_in_flight"},
        Case{DeliveryState::kSucceeded, "conflict delivery_succeeded"},
        Case{DeliveryState::kRetrying, "value"}, Case{DeliveryState::kDropped, "value"},
        Case{DeliveryState::kCancelled, "conflict delivery_cancelled"}}) {
    SCOPED_TRACE(model::delivery_state_name(c.state));
    const auto delivery = make(endpoint, c.state);
    ASSERT_EQ(delivery.state, c.state);
    const auto retried = retry(delivery, kNoon + 10s);
    ASSERT_EQ(outcome(retried), c.answer);
    model::Delivery expected = delivery;
    if (retried) {
      expected.state = DeliveryState::kPending;
      expected.due_at = kNoon + 10s;
      expected.finished_at.reset();
      expected.attempts_before_retry = expected.attempts_made;
      EXPECT_EQ(fields(*retried), fields(expected));
    }
    EXPECT_EQ(fields(find_delivery(delivery)), fields(expected));
  }
}

TEST_P(DeliveryConformance, ARetriedOneIsReleasedAsPendingAndKeepsItsAttempts) {
  const model::Endpoint endpoint = add_endpoint();
  const auto dropped = make(endpoint, DeliveryState::kDropped);
  ASSERT_TRUE(retry(dropped, kNoon));
  const Lease lease = lease_until(kNoon + 30s);
  const auto held = claim(endpoint, kNoon, lease).at(0);
  ASSERT_TRUE(release(held, lease, kNoon));
  EXPECT_EQ(find_delivery(dropped).state, DeliveryState::kPending);
  EXPECT_EQ(attempts(dropped).size(), 1u);
  const auto again = claim(endpoint, kNoon, lease).at(0);
  ASSERT_TRUE(finish(again, lease, {DeliveryState::kSucceeded, std::nullopt}));
  EXPECT_EQ(attempts(dropped).size(), 2u);
  EXPECT_EQ(attempts(dropped)[1].number, 2);
}

TEST_P(DeliveryConformance, RetryDroppedRevivesTheNewestUpToTheLimit) {
  const model::Endpoint a = add_endpoint();
  const model::Endpoint b = add_endpoint();
  std::vector<model::Delivery> dropped;
  for (const auto& endpoint : {a, b, a, b}) {
    clock_.step(1h);
    dropped.push_back(make(endpoint, DeliveryState::kDropped));
  }
  const auto succeeded = make(a, DeliveryState::kSucceeded);
  const auto elsewhere =
      make(add_endpoint(EndpointState::kActive, other_workspace_), DeliveryState::kDropped);
  const auto retry_dropped = [&](std::optional<model::EndpointId> endpoint, Timestamp since,
                                 int limit) {
    auto ids = ids_of(must(write([&](Connection& c) {
      deliveries::Filter filter;
      filter.endpoint = endpoint;
      filter.since = since;
      return deliveries::retry_dropped(c, workspace_, filter, kNoon, limit);
    })));
    std::ranges::sort(ids);
    return ids;
  };
  const model::Endpoint deleted = add_endpoint(EndpointState::kDeleted);
  const auto of_deleted = make(deleted, DeliveryState::kDropped);

  EXPECT_EQ(retry_dropped(a.id, kNoon + 2h, 10), ids_of(dropped, {2})) << "created at or after";
  EXPECT_EQ(find_delivery(dropped[2]).state, DeliveryState::kPending);
  EXPECT_EQ(find_delivery(dropped[2]).attempts_before_retry, 1);
  EXPECT_EQ(retry_dropped(std::nullopt, kNoon, 1), ids_of(dropped, {3})) << "the newest first";
  EXPECT_EQ(retry_dropped(std::nullopt, kNoon, 10), ids_of(dropped, {0, 1}));
  EXPECT_TRUE(retry_dropped(std::nullopt, kNoon, 10).empty());
  EXPECT_TRUE(retry_dropped(deleted.id, kNoon, 10).empty());
  for (const auto& untouched : {succeeded, elsewhere, of_deleted}) {
    EXPECT_EQ(fields(find_delivery(untouched)), fields(untouched));
  }
}

}  // namespace waybill::store
