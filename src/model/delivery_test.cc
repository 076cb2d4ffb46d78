#include "model/delivery.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/manual_clock.h"
#include "model/event.h"

namespace waybill::model {
namespace {

using namespace std::chrono_literals;
constexpr Timestamp kNoon = ManualClock::kNoon;

constexpr Outcome kFailures[] = {Outcome::kRefused, Outcome::kTimeout, Outcome::kConnectionError,
                                 Outcome::kBlocked, Outcome::kUnsendable};

RetrySchedule exactly(std::vector<RetrySchedule::Delay> delays) {
  return RetrySchedule::create(std::move(delays), /*jitter_percent=*/0).value();
}

Delivery after(int attempts, int before_retry = 0) {
  Delivery delivery;
  delivery.attempts_made = attempts;
  delivery.attempts_before_retry = before_retry;
  return delivery;
}

Attempt ended(Outcome outcome) {
  Attempt attempt;
  attempt.outcome = outcome;
  return attempt;
}

NextState next(const Delivery& delivery, const Attempt& attempt,
               std::vector<RetrySchedule::Delay> delays) {
  Rng rng(1);
  return next_state(delivery, attempt, exactly(std::move(delays)), kNoon, rng);
}

TEST(Delivery, SucceedsOnceAnAttemptDoes) {
  const NextState state = next(after(1), ended(Outcome::kSucceeded), {5s});
  EXPECT_EQ(state.state, DeliveryState::kSucceeded);
  EXPECT_EQ(state.due_at, std::nullopt);
}

TEST(Delivery, IsTriedAgainAfterAnyFailure) {
  for (const Outcome outcome : kFailures) {
    const NextState state = next(after(2), ended(outcome), {5s, 1min});
    EXPECT_EQ(state.state, DeliveryState::kRetrying) << outcome_name(outcome);
    EXPECT_EQ(state.due_at, kNoon + 1min) << outcome_name(outcome);
  }
}

TEST(Delivery, IsDroppedWhenItsTriesRunOut) {
  for (const Outcome outcome : kFailures) {
    const NextState state = next(after(3), ended(outcome), {5s, 1min});
    EXPECT_EQ(state.state, DeliveryState::kDropped) << outcome_name(outcome);
    EXPECT_EQ(state.due_at, std::nullopt);
  }
}

TEST(Delivery, IsDroppedAtOnceWhenTheReceiverWantsNoMore) {
  EXPECT_EQ(next(after(1), ended(Outcome::kGone), {5s, 1min}).state, DeliveryState::kDropped);
}

TEST(Delivery, AManualRetryBeginsTheScheduleAnew) {
  EXPECT_EQ(next(after(4, 3), ended(Outcome::kRefused), {5s, 1min}).due_at, kNoon + 5s);
  EXPECT_EQ(next(after(5, 3), ended(Outcome::kRefused), {5s, 1min}).due_at, kNoon + 1min);
  EXPECT_EQ(next(after(6, 3), ended(Outcome::kRefused), {5s, 1min}).state, DeliveryState::kDropped);
}

TEST(Delivery, WaitsLongerIfTheReceiverAsksForIt) {
  Attempt attempt = ended(Outcome::kRefused);
  attempt.retry_after = 90s;
  EXPECT_EQ(next(after(1), attempt, {60s}).due_at, kNoon + 90s);
}

TEST(Delivery, IsDroppedAtOnceWhenItsHandlerWantsItNever) {
  const NextState state = next(after(1), ended(Outcome::kNever), {5s, 1min});
  EXPECT_EQ(state.state, DeliveryState::kDropped);
  EXPECT_EQ(state.due_at, std::nullopt);
}

TEST(Delivery, IsPutOffUntilItsHandlerWantsIt) {
  Attempt later = ended(Outcome::kLater);
  later.retry_after = 3h;
  // However many tries there were, and whatever the schedule says.
  for (const int attempts : {1, 2, 3, 7}) {
    const NextState state = next(after(attempts), later, {5s, 1min});
    EXPECT_EQ(state.state, DeliveryState::kRetrying) << attempts;
    EXPECT_EQ(state.due_at, kNoon + 3h) << attempts;
  }
  EXPECT_EQ(next(after(1), ended(Outcome::kLater), {5s}).due_at, kNoon + kLaterDefault);
}

// Whoever records it counts it as one before the schedule's first.
TEST(Delivery, WhatWasPutOffHasItsWholeScheduleAhead) {
  EXPECT_EQ(next(after(41, 40), ended(Outcome::kRefused), {5s, 1min}).due_at, kNoon + 5s);
  EXPECT_EQ(next(after(43, 40), ended(Outcome::kRefused), {5s, 1min}).state,
            DeliveryState::kDropped);
}

// A date of the year 9999, or of last year.
TEST(Delivery, NothingIsPutOffForLongerThanThirtyDays) {
  Attempt later = ended(Outcome::kLater);
  later.retry_after = std::chrono::days(3'000'000);
  EXPECT_EQ(next(after(1), later, {5s}).due_at, kNoon + std::chrono::days(30));
  later.retry_after = -1h;
  EXPECT_EQ(next(after(1), later, {5s}).due_at, kNoon + kLaterMin);
}

// "Retry-After: 0" would have it a thousand times in a moment.
TEST(Delivery, WhoIsAskedIsNotAskedAgainAtOnce) {
  Attempt later = ended(Outcome::kLater);
  later.retry_after = 0s;
  EXPECT_EQ(next(after(1), later, {5s}).due_at, kNoon + kLaterMin);
  later.unmade = true;
  EXPECT_EQ(next(after(1), later, {5s}).due_at, kNoon) << "nobody was asked";
}

TEST(Delivery, WhatTheHubItselfPutsOffIsNeverDropped) {
  Attempt unmade = ended(Outcome::kLater);
  unmade.unmade = true;
  unmade.retry_after = 1s;
  const NextState state = next(after(kAttemptsMax, kAttemptsMax), unmade, {5s});
  EXPECT_EQ(state.state, DeliveryState::kRetrying);
  EXPECT_EQ(state.due_at, kNoon + 1s);
}

TEST(Delivery, WhatIsPutOffAgainAndAgainIsDroppedInTheEnd) {
  EXPECT_EQ(next(after(kAttemptsMax - 1, kAttemptsMax - 1), ended(Outcome::kLater), {5s}).state,
            DeliveryState::kRetrying);
  const NextState last = next(after(kAttemptsMax, kAttemptsMax), ended(Outcome::kLater), {5s});
  EXPECT_EQ(last.state, DeliveryState::kDropped);
  EXPECT_EQ(last.due_at, std::nullopt);
  // Replayed from the dead letter, it may be put off as often again.
  EXPECT_EQ(next(after(kAttemptsMax + 1, kAttemptsMax + 1), ended(Outcome::kLater), {5s}).state,
            DeliveryState::kRetrying);
  EXPECT_EQ(next(after(2 * kAttemptsMax, 2 * kAttemptsMax), ended(Outcome::kLater), {5s}).state,
            DeliveryState::kDropped);
}

// What follows for an endpoint if the delivery is to be tried again.
EndpointHealth health_after(const EndpointHealth& health, const Attempt& attempt,
                            const Deactivation& deactivation) {
  const NextState again{DeliveryState::kRetrying, kNoon + 60s};
  return next_health(health, attempt, again, deactivation);
}

TEST(EndpointHealth, AFailureCountsAndASuccessResets) {
  const EndpointHealth two{2, EndpointState::kActive, {}};
  for (const Outcome outcome : kFailures) {
    if (outcome == Outcome::kUnsendable) continue;
    EXPECT_EQ(health_after(two, ended(outcome), {.after = 0}),
              (EndpointHealth{3, EndpointState::kActive, {}}))
        << outcome_name(outcome);
  }
  EXPECT_EQ(health_after(two, ended(Outcome::kSucceeded), {.after = 3}),
            (EndpointHealth{0, EndpointState::kActive, {}}));
}

// Orders without the member that a dialect's template requires switched an endpoint off before one
// request was made.
TEST(EndpointHealth, WhatCouldNotBeSentIsNoFaultOfTheReceiver) {
  const EndpointHealth two{2, EndpointState::kActive, {}};
  EXPECT_EQ(health_after(two, ended(Outcome::kUnsendable), {.after = 3}), two);
}

TEST(EndpointHealth, NeitherNeverNorLaterIsAFailure) {
  const EndpointHealth two{2, EndpointState::kActive, {}};
  for (const Outcome outcome : {Outcome::kNever, Outcome::kLater}) {
    const NextState dropped{DeliveryState::kDropped, std::nullopt};
    EXPECT_EQ(next_health(two, ended(outcome), dropped, {.after = 3, .exhausted = true}), two)
        << outcome_name(outcome);
  }
}

TEST(EndpointHealth, SwitchesOffAtTheLimitAndNotBefore) {
  EndpointHealth health;
  for (int failures = 1; failures <= 2; ++failures) {
    health = health_after(health, ended(Outcome::kTimeout), {.after = 3});
    EXPECT_EQ(health.state, EndpointState::kActive) << failures;
  }
  health = health_after(health, ended(Outcome::kTimeout), {.after = 3});
  EXPECT_EQ(health.state, EndpointState::kDeactivated);
  EXPECT_EQ(health.consecutive_failures, 3);
  EXPECT_FALSE(health.reason.empty());
}

TEST(EndpointHealth, ASuccessBetweenFailuresBeginsTheCountAnew) {
  EndpointHealth health;
  for (const Outcome outcome : {Outcome::kRefused, Outcome::kRefused, Outcome::kSucceeded,
                                Outcome::kRefused, Outcome::kRefused}) {
    health = health_after(health, ended(outcome), {.after = 3});
    EXPECT_EQ(health.state, EndpointState::kActive);
  }
  EXPECT_EQ(health.consecutive_failures, 2);
}

TEST(EndpointHealth, ADialectWithoutALimitNeverSwitchesOff) {
  EndpointHealth health;
  for (int i = 0; i < 1000; ++i)
    health = health_after(health, ended(Outcome::kRefused), {.after = 0});
  EXPECT_EQ(health.state, EndpointState::kActive);
}

TEST(EndpointHealth, GoneSwitchesOffWhateverTheLimit) {
  for (const int limit : {0, 3}) {
    const EndpointHealth health = health_after({}, ended(Outcome::kGone), {.after = limit});
    EXPECT_EQ(health.state, EndpointState::kDeactivated) << limit;
    EXPECT_FALSE(health.reason.empty());
  }
}

// R-PR-19: the fifth failure of one message, and not five failures of five messages.
TEST(EndpointHealth, ADialectMaySwitchOffWhereTheTriesOfOneDeliveryHaveRunOut) {
  Attempt fifth = ended(Outcome::kRefused);
  fifth.number = 5;
  const Deactivation exhausted{.after = 0, .exhausted = true};
  const NextState dropped{DeliveryState::kDropped, std::nullopt};
  EXPECT_EQ(health_after({99, EndpointState::kActive, {}}, fifth, exhausted).state,
            EndpointState::kActive);
  const EndpointHealth off = next_health({}, fifth, dropped, exhausted);
  EXPECT_EQ(off.state, EndpointState::kDeactivated);
  EXPECT_NE(off.reason.find('5'), std::string::npos) << off.reason;
  EXPECT_EQ(next_health({}, fifth, dropped, {}).state, EndpointState::kActive);
}

// Attempts that were under way when an operator acted still end, and must not undo that.
TEST(EndpointHealth, WhatAnOperatorDidStays) {
  for (const EndpointState state :
       {EndpointState::kPaused, EndpointState::kDeactivated, EndpointState::kDeleted}) {
    for (const Outcome outcome : {Outcome::kSucceeded, Outcome::kRefused, Outcome::kGone}) {
      const EndpointHealth health = health_after({9, state, {}}, ended(outcome), {.after = 3});
      EXPECT_EQ(health.state, state);
      EXPECT_TRUE(health.reason.empty()) << "nothing changed";
    }
  }
}

TEST(Names, EveryWordIsReadAsItIsWritten) {
  for (const DeliveryState state :
       {DeliveryState::kPending, DeliveryState::kDelivering, DeliveryState::kSucceeded,
        DeliveryState::kRetrying, DeliveryState::kDropped, DeliveryState::kCancelled}) {
    EXPECT_EQ(parse_delivery_state(delivery_state_name(state)), state);
  }
  for (const DeliveryKind kind :
       {DeliveryKind::kEvent, DeliveryKind::kTest, DeliveryKind::kReplay}) {
    EXPECT_EQ(parse_delivery_kind(delivery_kind_name(kind)), kind);
  }
  for (const Outcome outcome :
       {Outcome::kSucceeded, Outcome::kRefused, Outcome::kGone, Outcome::kTimeout,
        Outcome::kConnectionError, Outcome::kBlocked, Outcome::kUnsendable}) {
    EXPECT_EQ(parse_outcome(outcome_name(outcome)), outcome);
  }
  for (const EndpointState state : {EndpointState::kActive, EndpointState::kPaused,
                                    EndpointState::kDeactivated, EndpointState::kDeleted}) {
    EXPECT_EQ(parse_endpoint_state(endpoint_state_name(state)), state);
  }
  EXPECT_EQ(parse_delivery_state("Pending"), std::nullopt);
  EXPECT_EQ(parse_delivery_kind(""), std::nullopt);
  EXPECT_EQ(parse_outcome("failed"), std::nullopt);
  EXPECT_EQ(parse_endpoint_state("off"), std::nullopt);
}

TEST(EventType, IsWordsJoinedBySingleDots) {
  for (const std::string_view type :
       {"a", "order.created", "Order_2.line-item.X", "webhook.test", "1"}) {
    EXPECT_TRUE(check_event_type(type).has_value()) << type;
  }
  EXPECT_TRUE(check_event_type(std::string(128, 'a')).has_value());
  const std::string long_type(129, 'a');
  for (const std::string_view type : std::initializer_list<std::string_view>{
           "", ".", ".a", "a.", "a..b", "a b", "a/b", "ä", "*", "a.*", "a\n", long_type}) {
    const Result<void> checked = check_event_type(type);
    ASSERT_FALSE(checked.has_value()) << type;
    EXPECT_EQ(checked.error().reason, "event_type_invalid");
  }
}

}  // namespace
}  // namespace waybill::model
