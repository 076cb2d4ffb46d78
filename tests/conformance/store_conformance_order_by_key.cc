// What is made in order of a key: store/keyed_deliveries.h.

#include <map>
#include <set>

#include "conformance/store_conformance.h"
#include "store/endpoints.h"
#include "store/keyed_deliveries.h"

namespace waybill::store {

using namespace std::chrono_literals;
using model::DeliveryState;
using Ids = std::vector<model::DeliveryId>;

model::Endpoint KeyedConformance::add_keyed(model::EndpointState state) {
  model::Endpoint endpoint = add_endpoint(state);
  endpoint.id = ids_.next_id<model::EndpointId>();
  endpoint.order_by = "{body.id}";
  EXPECT_EQ(outcome(write([&](Connection& c) { return endpoints::insert(c, endpoint); })), "value");
  return endpoint;
}

model::Delivery KeyedConformance::add_keyed_delivery(const model::Endpoint& endpoint,
                                                     std::int64_t key, Timestamp due) {
  model::Delivery delivery;
  delivery.id = ids_.next_id<model::DeliveryId>();
  delivery.workspace_id = endpoint.workspace_id;
  delivery.event_id = model::EventId(other_node_);
  delivery.endpoint_id = endpoint.id;
  delivery.event_type = "message.received";
  delivery.due_at = due;
  delivery.order_key = key;
  delivery.created_at = clock_.now();
  EXPECT_EQ(
      outcome(write([&](Connection& c) { return deliveries::insert(c, delivery, std::nullopt); })),
      "value");
  return delivery;
}

Ids KeyedConformance::claim_heads(const model::Endpoint& endpoint, Timestamp now,
                                  const Lease& lease, int limit, std::int64_t after) {
  Ids ids;
  for (const auto& one : must(write([&](Connection& c) {
         return deliveries::claim_next_by_key(c, endpoint.workspace_id, endpoint.id, now, lease,
                                              limit, after);
       }))) {
    EXPECT_EQ(one.state, DeliveryState::kDelivering);
    EXPECT_EQ(one.due_at, lease.until);
    EXPECT_TRUE(one.order_key);
    ids.push_back(one.id);
  }
  return ids;
}

std::optional<model::DeliveryId> KeyedConformance::claim_of(const model::Endpoint& endpoint,
                                                            std::int64_t key, Timestamp now,
                                                            const Lease& lease) {
  const auto claimed = must(write([&](Connection& c) {
    return deliveries::claim_next_of_key(c, endpoint.workspace_id, endpoint.id, key, now, lease);
  }));
  return claimed ? std::optional(claimed->id) : std::nullopt;
}

deliveries::KeysDue KeyedConformance::keys_due(const model::Endpoint& endpoint, Timestamp now) {
  return must(read([&](Connection& c) {
    return deliveries::next_due_by_key(c, endpoint.workspace_id, endpoint.id, now);
  }));
}

std::optional<Timestamp> KeyedConformance::due_of(const model::Endpoint& endpoint, std::int64_t key,
                                                  Timestamp now) {
  return must(read([&](Connection& c) {
    return deliveries::next_due_of_key(c, endpoint.workspace_id, endpoint.id, key, now);
  }));
}

constexpr model::NextState kDone{DeliveryState::kSucceeded, std::nullopt};

TEST_P(KeyedConformance, TheHeadOfEachKeyIsClaimedAndNoneBehindIt) {
  const auto endpoint = add_keyed();
  // Due times say nothing about the order.
  const auto a1 = add_keyed_delivery(endpoint, 7, kNoon - 1s);
  const auto b1 = add_keyed_delivery(endpoint, 3, kNoon);
  const auto a2 = add_keyed_delivery(endpoint, 7, kNoon - 9s);
  const auto c1 = add_keyed_delivery(endpoint, 0, kNoon);
  const Lease lease = lease_until(kNoon + 30s);
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), (Ids{a1.id, b1.id, c1.id}));
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids()) << "one at a time of each";
  EXPECT_EQ(keys_due(endpoint, kNoon).due_at, lease.until);
  EXPECT_EQ(keys_due(endpoint, kNoon).keys, 3);
  ASSERT_EQ(outcome(finish(b1, lease, kDone)), "value");
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids()) << "of this key there are no more";
  EXPECT_EQ(due_of(endpoint, 3, kNoon), std::nullopt);
  ASSERT_EQ(outcome(finish(a1, lease, kDone)), "value");
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids{a2.id});
}

TEST_P(KeyedConformance, OneKeysNextTryHoldsBackItsOwnAlone) {
  const auto endpoint = add_keyed();
  const auto a1 = add_keyed_delivery(endpoint, 1, kNoon);
  const auto a2 = add_keyed_delivery(endpoint, 1, kNoon);
  const auto b1 = add_keyed_delivery(endpoint, 2, kNoon);
  const Lease lease = lease_until(kNoon + 30s);
  ASSERT_EQ(claim_heads(endpoint, kNoon, lease), (Ids{a1.id, b1.id}));
  ASSERT_EQ(outcome(finish(a1, lease, {DeliveryState::kRetrying, kNoon + 1min})), "value");
  const auto b2 = add_keyed_delivery(endpoint, 2, kNoon);
  ASSERT_EQ(outcome(finish(b1, lease, kDone)), "value");

  EXPECT_EQ(due_of(endpoint, 1, kNoon), kNoon + 1min);
  EXPECT_EQ(keys_due(endpoint, kNoon).due_at, kNoon);
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids{b2.id});
  EXPECT_EQ(claim_of(endpoint, 1, kNoon + 1min - 1ms, lease), std::nullopt);
  EXPECT_EQ(claim_of(endpoint, 1, kNoon + 1min, lease_until(kNoon + 2min)), a1.id);
  EXPECT_EQ(find_delivery(a2).state, DeliveryState::kPending);
}

TEST_P(KeyedConformance, TheLimitAndThePlaceToBeginAreKept) {
  const auto endpoint = add_keyed();
  Ids all;
  for (int key = 0; key < 6; ++key) all.push_back(add_keyed_delivery(endpoint, key, kNoon).id);
  const Lease lease = lease_until(kNoon + 30s);
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease, 2), (Ids{all[0], all[1]}));
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease, 2, /*after=*/3), (Ids{all[4], all[5]}));
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease, 9), (Ids{all[2], all[3]}));
}

TEST_P(KeyedConformance, ALeaseThatRanOutIsClaimedBeforeWhatIsNewer) {
  const auto endpoint = add_keyed();
  const auto first = add_keyed_delivery(endpoint, 1, kNoon);
  add_keyed_delivery(endpoint, 1, kNoon);
  ASSERT_EQ(claim_of(endpoint, 1, kNoon, lease_until(kNoon + 30s)), first.id);
  const Lease other{other_node_, kNoon + 60s};
  EXPECT_EQ(claim_heads(endpoint, kNoon + 30s - 1ms, other), Ids());
  EXPECT_EQ(claim_heads(endpoint, kNoon + 30s, other), Ids{first.id});
}

TEST_P(KeyedConformance, ARetriedDeadLetterIsTheHeadAgainButWaitsForTheOneInHand) {
  const auto endpoint = add_keyed();
  const Lease lease = lease_until(kNoon + 30s);
  const auto first = add_keyed_delivery(endpoint, 1, kNoon);
  const auto second = add_keyed_delivery(endpoint, 1, kNoon);
  const auto third = add_keyed_delivery(endpoint, 1, kNoon);
  ASSERT_EQ(claim_heads(endpoint, kNoon, lease), Ids{first.id});
  ASSERT_EQ(outcome(finish(first, lease, {DeliveryState::kDropped, std::nullopt})), "value");
  ASSERT_EQ(claim_heads(endpoint, kNoon, lease), Ids{second.id});
  ASSERT_EQ(outcome(retry(first, kNoon)), "value");
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids());
  EXPECT_EQ(claim_of(endpoint, 1, kNoon, lease), std::nullopt);
  EXPECT_EQ(due_of(endpoint, 1, kNoon), lease.until) << "the one in hand decides";
  EXPECT_EQ(keys_due(endpoint, kNoon).due_at, lease.until);
  ASSERT_EQ(outcome(finish(second, lease, kDone)), "value");
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids{first.id});
  EXPECT_EQ(find_delivery(third).state, DeliveryState::kPending);
}

TEST_P(KeyedConformance, WhatIsGivenBackIsTheHeadAgain) {
  const auto endpoint = add_keyed();
  const Lease lease = lease_until(kNoon + 30s);
  const auto first = add_keyed_delivery(endpoint, 1, kNoon);
  add_keyed_delivery(endpoint, 1, kNoon);
  ASSERT_EQ(claim_heads(endpoint, kNoon, lease), Ids{first.id});
  ASSERT_EQ(outcome(release(find_delivery(first), lease, kNoon)), "value");
  EXPECT_EQ(claim_heads(endpoint, kNoon, lease), Ids{first.id});
}

TEST_P(KeyedConformance, NothingIsClaimedForAHandlerThatIsNotActive) {
  using enum model::EndpointState;
  for (const auto state : {kPaused, kDeactivated, kDeleted}) {
    const auto endpoint = add_keyed(state);
    add_keyed_delivery(endpoint, 1, kNoon);
    EXPECT_EQ(claim_heads(endpoint, kNoon, lease_until(kNoon + 30s)), Ids());
    EXPECT_EQ(claim_of(endpoint, 1, kNoon, lease_until(kNoon + 30s)), std::nullopt);
    EXPECT_EQ(keys_due(endpoint, kNoon).due_at, kNoon);
  }
}

TEST_P(KeyedConformance, EachEndpointAndWorkspaceHasKeysOfItsOwn) {
  const auto a = add_keyed();
  const auto b = add_keyed();
  add_keyed_delivery(a, 1, kNoon + 1h);
  const auto of_b = add_keyed_delivery(b, 1, kNoon);
  const Lease lease = lease_until(kNoon + 30s);
  EXPECT_EQ(claim_heads(a, kNoon, lease), Ids());
  EXPECT_EQ(claim_heads(b, kNoon, lease), Ids{of_b.id});
  model::Endpoint elsewhere = a;
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(claim_heads(elsewhere, kNoon + 1h, lease), Ids());
  EXPECT_EQ(keys_due(elsewhere, kNoon).keys, 0);
}

// As many writers as the driver has, at one time: each key goes to one, and none twice.
TEST_P(KeyedConformance, ManyThatClaimAtOneTimeShareTheKeys) {
  const auto endpoint = add_keyed();
  constexpr int kKeys = 10;
  for (int i = 0; i < 30; ++i) add_keyed_delivery(endpoint, i % kKeys, kNoon);
  std::vector<Unit> units;
  for (int i = 0; i < 20; ++i) {
    units.push_back([&](Connection& c) -> Result<int> {
      WAYBILL_TRY(endpoints::find_to_change(c, endpoint.workspace_id, endpoint.id));
      const auto claimed =
          deliveries::claim_next_by_key(c, endpoint.workspace_id, endpoint.id, kNoon,
                                        lease_until(kNoon + 30s), 3, deliveries::kBeforeAllKeys);
      if (!claimed) return fail(claimed.error());
      return static_cast<int>(claimed->size());
    });
  }
  int claims = 0;
  for (const Answer& answer : write_together(units)) claims += must(answer);
  EXPECT_EQ(claims, kKeys);
  deliveries::Filter held;
  held.endpoint = endpoint.id;
  held.state = DeliveryState::kDelivering;
  std::set<std::int64_t> keys;
  for (const auto& one : must(read([&](Connection& c) {
                           return deliveries::list(c, workspace_, held, {100, std::nullopt});
                         })).rows) {
    EXPECT_TRUE(keys.insert(*one.order_key).second) << "two of one key at a time";
  }
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kKeys));
}

}  // namespace waybill::store
