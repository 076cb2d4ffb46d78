#include "delivery/dispatcher_counters.h"

namespace waybill::delivery {
namespace {

constexpr std::array kAttemptSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                        0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};
// Up to what only retries take.
constexpr std::array kDeliveredSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,   0.1,    0.25,
                                          0.5,   1.0,    5.0,   30.0, 300.0, 3600.0, 86400.0};

}  // namespace

DispatcherCounters::DispatcherCounters()
    : attempt_seconds(kAttemptSeconds), delivered_seconds(kDeliveredSeconds) {}

void DispatcherCounters::count(const model::Attempt& attempt, const model::Delivery& delivery,
                               Timestamp now) {
  if (attempt.unmade) return;
  const bool success = attempt.outcome == model::Outcome::kSucceeded;
  ++attempts;
  ++(success ? succeeded : failed);
  ++outcomes[static_cast<std::size_t>(attempt.outcome)];
  attempt_seconds.observe(attempt.latency);
  if (success) delivered_seconds.observe(now - delivery.created_at);
}

void DispatcherCounters::count(const model::Event& event) {
  ++events;
  for (std::size_t i = 0; i < kAlerts.size(); ++i) {
    if (kAlerts[i] == event.type) ++alerts[i];
  }
}

}  // namespace waybill::delivery
