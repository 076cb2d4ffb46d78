// What is made in order: store/deliveries.h, claim_next_in_order().

#include "conformance/store_conformance.h"
#include "store/endpoints.h"

namespace waybill::store {

using namespace std::chrono_literals;
using model::DeliveryState;

model::Endpoint OrderConformance::add_ordered(model::EndpointState state) {
  model::Endpoint endpoint = add_endpoint(state);
  endpoint.id = ids_.next_id<model::EndpointId>();
  endpoint.in_order = true;
  EXPECT_EQ(outcome(write([&](Connection& c) { return endpoints::insert(c, endpoint); })), "value");
  return endpoint;
}

std::optional<model::DeliveryId> OrderConformance::claim_next(const model::Endpoint& endpoint,
                                                              Timestamp now, const Lease& lease) {
  const auto claimed = must(write([&](Connection& c) {
    return deliveries::claim_next_in_order(c, endpoint.workspace_id, endpoint.id, now, lease);
  }));
  if (!claimed) return std::nullopt;
  EXPECT_EQ(claimed->state, DeliveryState::kDelivering);
  EXPECT_EQ(claimed->due_at, lease.until);
  EXPECT_TRUE(claimed->in_order);
  return claimed->id;
}

std::optional<Timestamp> OrderConformance::next_in_order(const model::Endpoint& endpoint,
                                                         Timestamp now) {
  return must(read([&](Connection& c) {
    return deliveries::next_due_in_order(c, endpoint.workspace_id, endpoint.id, now);
  }));
}

TEST_P(OrderConformance, OfWhatIsDueTheOldestIsGivenAlone) {
  const auto endpoint = add_ordered(model::EndpointState::kPaused);
  const auto first = add_delivery(endpoint, kNoon + 5s);
  const auto second = add_delivery(endpoint, kNoon);
  const auto due = [&](Timestamp now) {
    std::vector<model::DeliveryId> ids;
    for (const auto& delivery : must(read([&](Connection& c) {
           return deliveries::due(c, workspace_, endpoint.id, now, 10);
         }))) {
      ids.push_back(delivery.id);
    }
    return ids;
  };
  using Ids = std::vector<model::DeliveryId>;
  EXPECT_EQ(due(kNoon + 4s), Ids()) << "the second waits for the first";
  EXPECT_EQ(due(kNoon + 5s), Ids{first.id});
  ASSERT_EQ(outcome(write([&](Connection& c) -> Result<void> {
              auto found = deliveries::find_to_attempt(c, workspace_, first.id, 1, kNoon);
              if (!found) return fail(found.error());
              found->attempts_made = 1;
              model::Attempt attempt;
              attempt.number = 1;
              return deliveries::record_attempt(c, *found, attempt,
                                                {DeliveryState::kSucceeded, std::nullopt}, kNoon);
            })),
            "value");
  EXPECT_EQ(due(kNoon + 5s), Ids{second.id});
}

TEST_P(OrderConformance, TheOldestIsClaimedAlone) {
  const auto endpoint = add_ordered();
  // Due times say nothing about the order.
  const auto first = add_delivery(endpoint, kNoon - 1s);
  const auto second = add_delivery(endpoint, kNoon - 5s);
  const auto third = add_delivery(endpoint, kNoon - 9s);
  const Lease lease = lease_until(kNoon + 30s);
  for (const auto& expected : {first, second, third}) {
    EXPECT_EQ(claim_next(endpoint, kNoon, lease), expected.id);
    EXPECT_EQ(claim_next(endpoint, kNoon, lease), std::nullopt) << "one at a time";
    EXPECT_EQ(next_in_order(endpoint, kNoon), lease.until);
    EXPECT_EQ(outcome(finish(expected, lease, {DeliveryState::kSucceeded, std::nullopt})), "value");
  }
  EXPECT_EQ(claim_next(endpoint, kNoon, lease), std::nullopt);
  EXPECT_EQ(next_in_order(endpoint, kNoon), std::nullopt);
}

TEST_P(OrderConformance, NoneIsClaimedWhileTheOldestWaitsForItsNextTry) {
  const auto endpoint = add_ordered();
  const auto first = add_delivery(endpoint, kNoon);
  const auto second = add_delivery(endpoint, kNoon);
  const Lease lease = lease_until(kNoon + 30s);
  ASSERT_EQ(claim_next(endpoint, kNoon, lease), first.id);
  ASSERT_EQ(outcome(finish(first, lease, {DeliveryState::kRetrying, kNoon + 1min})), "value");

  const Lease later = lease_until(kNoon + 5min);
  EXPECT_EQ(claim_next(endpoint, kNoon + 1min - 1ms, later), std::nullopt);
  EXPECT_EQ(next_in_order(endpoint, kNoon + 1min - 1ms), kNoon + 1min);
  model::Delivery again = first;
  again.attempts_made = 1;
  EXPECT_EQ(claim_next(endpoint, kNoon + 1min, later), first.id);
  ASSERT_EQ(outcome(finish(again, later, {DeliveryState::kDropped, std::nullopt})), "value");
  EXPECT_EQ(claim_next(endpoint, kNoon + 1min, later), second.id);
}

TEST_P(OrderConformance, ALeaseThatRanOutIsClaimedBeforeWhatIsNewer) {
  const auto endpoint = add_ordered();
  const auto first = add_delivery(endpoint, kNoon);
  add_delivery(endpoint, kNoon);
  ASSERT_EQ(claim_next(endpoint, kNoon, lease_until(kNoon + 30s)), first.id);
  const Lease other{other_node_, kNoon + 60s};
  EXPECT_EQ(claim_next(endpoint, kNoon + 30s - 1ms, other), std::nullopt);
  EXPECT_EQ(claim_next(endpoint, kNoon + 30s, other), first.id);
}

TEST_P(OrderConformance, ARetriedDeadLetterIsTheOldestAgainButWaitsForTheOneInHand) {
  const auto endpoint = add_ordered();
  const Lease lease = lease_until(kNoon + 30s);
  const auto first = add_delivery(endpoint, kNoon);
  const auto second = add_delivery(endpoint, kNoon);
  const auto third = add_delivery(endpoint, kNoon);
  ASSERT_EQ(claim_next(endpoint, kNoon, lease), first.id);
  ASSERT_EQ(outcome(finish(first, lease, {DeliveryState::kDropped, std::nullopt})), "value");
  ASSERT_EQ(claim_next(endpoint, kNoon, lease), second.id);
  ASSERT_EQ(outcome(retry(first, kNoon)), "value");
  EXPECT_EQ(claim_next(endpoint, kNoon, lease), std::nullopt);
  ASSERT_EQ(outcome(finish(second, lease, {DeliveryState::kSucceeded, std::nullopt})), "value");
  EXPECT_EQ(claim_next(endpoint, kNoon, lease), first.id);
  EXPECT_NE(claim_next(endpoint, kNoon, lease), third.id);
}

TEST_P(OrderConformance, NothingIsClaimedForAnEndpointThatIsNotActive) {
  using enum model::EndpointState;
  for (const auto state : {kPaused, kDeactivated, kDeleted}) {
    const auto endpoint = add_ordered(state);
    add_delivery(endpoint, kNoon);
    EXPECT_EQ(claim_next(endpoint, kNoon, lease_until(kNoon + 30s)), std::nullopt);
    EXPECT_EQ(next_in_order(endpoint, kNoon), kNoon);
  }
}

TEST_P(OrderConformance, EachEndpointAndWorkspaceHasAnOrderOfItsOwn) {
  const auto a = add_ordered();
  const auto b = add_ordered();
  add_delivery(a, kNoon + 1h);
  const auto of_b = add_delivery(b, kNoon);
  const auto of_any = add_delivery(add_endpoint(), kNoon);
  const Lease lease = lease_until(kNoon + 30s);
  EXPECT_EQ(claim_next(a, kNoon, lease), std::nullopt);
  EXPECT_EQ(claim_next(b, kNoon, lease), of_b.id);
  EXPECT_FALSE(find_delivery(of_any).in_order);
  model::Endpoint elsewhere = a;
  elsewhere.workspace_id = other_workspace_;
  EXPECT_EQ(claim_next(elsewhere, kNoon + 1h, lease), std::nullopt);
  EXPECT_EQ(next_in_order(elsewhere, kNoon), std::nullopt);
}

// As many writers as the driver has, at one time: one gets it, and nobody gets the one behind it.
TEST_P(OrderConformance, OneOfManyThatClaimAtOneTimeGetsIt) {
  const auto endpoint = add_ordered();
  const auto first = add_delivery(endpoint, kNoon);
  for (int i = 0; i < 5; ++i) add_delivery(endpoint, kNoon);
  std::vector<Unit> units;
  for (int i = 0; i < 20; ++i) {
    units.push_back([&](Connection& c) -> Result<int> {
      WAYBILL_TRY(endpoints::find_to_change(c, endpoint.workspace_id, endpoint.id));
      const auto claimed = deliveries::claim_next_in_order(c, endpoint.workspace_id, endpoint.id,
                                                           kNoon, lease_until(kNoon + 30s));
      if (!claimed) return fail(claimed.error());
      return *claimed ? 1 : 0;
    });
  }
  int claims = 0;
  for (const Answer& answer : write_together(units)) claims += must(answer);
  EXPECT_EQ(claims, 1);
  EXPECT_EQ(find_delivery(first).state, DeliveryState::kDelivering);
}

}  // namespace waybill::store
