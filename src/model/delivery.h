// A Delivery is what is owed: one Event to one Endpoint. An Attempt is one try of it.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/endpoint.h"
#include "model/ids.h"
#include "model/retry_schedule.h"

namespace waybill::model {

//   pending → delivering → succeeded
//                        → retrying → delivering …
//                        → dropped      the dead letter: tries ran out; a manual retry revives it
//   any that waits → cancelled          its endpoint was deleted
//   dropped        → cancelled          an operator dismissed it, with a reason
enum class DeliveryState { kPending, kDelivering, kSucceeded, kRetrying, kDropped, kCancelled };
inline constexpr std::size_t kDeliveryStates = 6;
std::string_view delivery_state_name(DeliveryState state);
std::optional<DeliveryState> parse_delivery_state(std::string_view name);

// Why a delivery exists.
enum class DeliveryKind { kEvent, kTest, kReplay };
std::string_view delivery_kind_name(DeliveryKind kind);
std::optional<DeliveryKind> parse_delivery_kind(std::string_view name);

struct Delivery {
  DeliveryId id;
  WorkspaceId workspace_id;
  EventId event_id;
  EndpointId endpoint_id;
  std::string event_type;  // Canonical; beside the event's own so that lists need not look there.
  DeliveryKind kind = DeliveryKind::kEvent;
  DeliveryState state = DeliveryState::kPending;
  int attempts_made = 0;
  // Made before the last manual retry: the schedule starts anew there.
  int attempts_before_retry = 0;
  // From when on it may be claimed: its due time while it waits, the end of its lease while it is
  // being delivered, nothing once it is over.
  std::optional<Timestamp> due_at;
  bool in_order = false;  // As its endpoint is.
  // What Endpoint::order_by made of it, hashed: those with the same are made in order.
  std::optional<std::int64_t> order_key;
  Timestamp created_at{};
  std::optional<Timestamp> finished_at;
  std::string reason;  // Why an operator dismissed it: a sentence. Else empty.
};

// How one try ended. `kSucceeded` alone is success.
enum class Outcome {
  kSucceeded,
  kRefused,          // An answer the dialect does not count as success.
  kGone,             // 410: the receiver wants no more of these.
  kTimeout,          // Connecting, or no full answer within the deadline.
  kConnectionError,  // Name, connection or TLS failed, or the answer was no HTTP.
  kBlocked,          // The egress guard: the address is not one we send to.
  kUnsendable,       // Could not be rendered or signed. Retrying helps once that is mended.
  kNever,            // A handler wants this one never: it is dropped at once.
  kLater,            // A handler wants it at a time it names: no failure, and no try used up.
};
inline constexpr std::size_t kOutcomes = 9;
std::string_view outcome_name(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view name);

struct Attempt {
  static constexpr std::size_t kBodyBytesMax = 4096;

  int number = 0;  // From 1, over the whole life of the delivery.
  Timestamp started_at{};
  std::chrono::microseconds latency{0};
  Outcome outcome = Outcome::kConnectionError;
  std::optional<int> status_code;
  std::string error;                                // A sentence, where there was no answer.
  std::string response_body;                        // The first kBodyBytesMax bytes.
  std::string node;                                 // Whose it was. Empty: nobody took note.
  std::optional<RetrySchedule::Delay> retry_after;  // The receiver's wish. Not stored.
  // The hub itself put it off, and nobody was asked: kLater. It is no attempt then, and neither
  // stored nor counted, however often it comes to this.
  bool unmade = false;
};

// Whether the receiver failed. It did not where it has not been asked, and what it does not want
// now, or never, is no failure either.
constexpr bool is_failure(Outcome outcome) {
  return outcome != Outcome::kSucceeded && outcome != Outcome::kUnsendable &&
         outcome != Outcome::kNever && outcome != Outcome::kLater;
}

// What its receiver puts off again and again is dropped after so many attempts; and, tried again by
// hand, after as many more.
inline constexpr int kAttemptsMax = 1000;
// Who has been asked is not asked again at once.
inline constexpr std::chrono::seconds kLaterMin{1};
// What is put off without a time waits so long.
inline constexpr std::chrono::minutes kLaterDefault{1};
// Nothing is put off for longer, whatever its receiver says.
inline constexpr std::chrono::days kLaterMax{30};

// What an attempt means for its delivery. (kLater uses up no try of the schedule: whoever records
// it counts it in Delivery::attempts_before_retry too.)
struct NextState {
  DeliveryState state = DeliveryState::kSucceeded;
  std::optional<Timestamp> due_at;  // Set exactly for kRetrying.
};

// Requires: `delivery.attempts_made` already counts `attempt`, unless that is unmade.
NextState next_state(const Delivery& delivery, const Attempt& attempt,
                     const RetrySchedule& schedule, Timestamp now, Rng& rng);

// What an attempt means for the health of its endpoint.
struct EndpointHealth {
  int consecutive_failures = 0;
  EndpointState state = EndpointState::kActive;
  std::string reason;    // Set when `state` changed.
  bool failing = false;  // Too many of its latest attempts failed; next_health() leaves it.

  friend bool operator==(const EndpointHealth&, const EndpointHealth&) = default;
};

// When failures switch an endpoint off.
struct Deactivation {
  int after = 0;           // So many in a row, whatever they were of (R-PL-32); 0 is never.
  bool exhausted = false;  // The last try of one delivery (R-PR-19).
};

// `next`: what the attempt means for its delivery. Test events count like any other, so that an
// operator sees in a test what a subscriber would. What could not be sent counts for nothing: the
// receiver has not been asked.
EndpointHealth next_health(const EndpointHealth& health, const Attempt& attempt,
                           const NextState& next, const Deactivation& deactivation);

}  // namespace waybill::model
