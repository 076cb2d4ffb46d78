#include "model/delivery.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<DeliveryState, kDeliveryStates> kStates{{{DeliveryState::kPending, "pending"},
                                                         {DeliveryState::kDelivering, "delivering"},
                                                         {DeliveryState::kSucceeded, "succeeded"},
                                                         {DeliveryState::kRetrying, "retrying"},
                                                         {DeliveryState::kDropped, "dropped"},
                                                         {DeliveryState::kCancelled, "cancelled"}}};
constexpr Names<DeliveryKind, 3> kKinds{{{DeliveryKind::kEvent, "event"},
                                         {DeliveryKind::kTest, "test"},
                                         {DeliveryKind::kReplay, "replay"}}};
constexpr Names<Outcome, kOutcomes> kOutcomeNames{{{Outcome::kSucceeded, "succeeded"},
                                                   {Outcome::kRefused, "refused"},
                                                   {Outcome::kGone, "gone"},
                                                   {Outcome::kTimeout, "timeout"},
                                                   {Outcome::kConnectionError, "connection_error"},
                                                   {Outcome::kBlocked, "blocked"},
                                                   {Outcome::kUnsendable, "unsendable"},
                                                   {Outcome::kNever, "never"},
                                                   {Outcome::kLater, "later"}}};

}  // namespace

std::string_view delivery_state_name(DeliveryState state) { return kStates.name(state); }
std::optional<DeliveryState> parse_delivery_state(std::string_view name) {
  return kStates.parse(name);
}
std::string_view delivery_kind_name(DeliveryKind kind) { return kKinds.name(kind); }
std::optional<DeliveryKind> parse_delivery_kind(std::string_view name) {
  return kKinds.parse(name);
}
std::string_view outcome_name(Outcome outcome) { return kOutcomeNames.name(outcome); }
std::optional<Outcome> parse_outcome(std::string_view name) { return kOutcomeNames.parse(name); }

NextState next_state(const Delivery& delivery, const Attempt& attempt,
                     const RetrySchedule& schedule, Timestamp now, Rng& rng) {
  switch (attempt.outcome) {
    case Outcome::kSucceeded: return {DeliveryState::kSucceeded, std::nullopt};
    case Outcome::kGone:
    case Outcome::kNever: return {DeliveryState::kDropped, std::nullopt};
    case Outcome::kLater:
      if (attempt.unmade || delivery.attempts_made % kAttemptsMax != 0) {
        const RetrySchedule::Delay least = attempt.unmade ? RetrySchedule::Delay(0) : kLaterMin;
        const auto wait = std::clamp<RetrySchedule::Delay>(
            attempt.retry_after.value_or(kLaterDefault), least, kLaterMax);
        return {DeliveryState::kRetrying, now + wait};
      }
      return {DeliveryState::kDropped, std::nullopt};
    default: break;
  }
  const int tries = delivery.attempts_made - delivery.attempts_before_retry;
  if (const auto due = schedule.next(tries, now, attempt.retry_after, rng)) {
    return {DeliveryState::kRetrying, due};
  }
  return {DeliveryState::kDropped, std::nullopt};
}

EndpointHealth next_health(const EndpointHealth& health, const Attempt& attempt,
                           const NextState& following, const Deactivation& deactivation) {
  if (attempt.outcome == Outcome::kSucceeded) return {0, health.state, {}, health.failing};
  if (!is_failure(attempt.outcome)) {
    return {health.consecutive_failures, health.state, {}, health.failing};
  }

  EndpointHealth next{health.consecutive_failures + 1, health.state, {}, health.failing};
  // An endpoint that an operator paused meanwhile stays as the operator wants it.
  if (health.state != EndpointState::kActive) return next;
  if (attempt.outcome == Outcome::kGone) {
    next.state = EndpointState::kDeactivated;
    next.reason = "The receiver answered 410 Gone.";
  } else if (deactivation.after > 0 && next.consecutive_failures >= deactivation.after) {
    next.state = EndpointState::kDeactivated;
    next.reason = fmt::format("{} deliveries in a row failed.", next.consecutive_failures);
  } else if (deactivation.exhausted && following.state == DeliveryState::kDropped) {
    next.state = EndpointState::kDeactivated;
    next.reason = fmt::format("A delivery failed {} times.", attempt.number);
  }
  return next;
}

}  // namespace waybill::model
