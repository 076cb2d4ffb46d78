#include "model/retry_schedule.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::model {

Result<RetrySchedule> RetrySchedule::create(std::vector<Delay> delays, int jitter_percent) {
  if (delays.size() > kDelaysMax) {
    return fail(Code::kInvalid, "retry_schedule_invalid",
                fmt::format("A retry schedule has at most {} delays.", kDelaysMax));
  }
  for (const Delay delay : delays) {
    if (delay <= Delay(0) || delay > kDelayMax) {
      return fail(Code::kInvalid, "retry_schedule_invalid",
                  fmt::format("A retry delay is above 0 and at most {}; {} is not.",
                              format_duration(kDelayMax), format_duration(delay)));
    }
  }
  if (jitter_percent < 0 || jitter_percent > 50) {
    return fail(Code::kInvalid, "retry_schedule_invalid", "Jitter is 0 to 50 percent.");
  }
  RetrySchedule schedule;
  schedule.delays_ = std::move(delays);
  schedule.jitter_percent_ = jitter_percent;
  return schedule;
}

RetrySchedule RetrySchedule::limited_to(int attempts_max) const {
  WAYBILL_CHECK(attempts_max >= 1, "a delivery is tried at least once");
  RetrySchedule limited = *this;
  const auto waits = static_cast<std::size_t>(attempts_max - 1);
  if (waits < limited.delays_.size()) limited.delays_.resize(waits);
  return limited;
}

std::optional<Timestamp> RetrySchedule::next(int attempts_made, Timestamp now,
                                             std::optional<Delay> retry_after, Rng& rng) const {
  WAYBILL_CHECK(attempts_made >= 1, "a retry follows an attempt");
  const auto index = static_cast<std::size_t>(attempts_made - 1);
  if (index >= delays_.size()) return std::nullopt;

  const Delay listed = delays_[index];
  const Delay wanted = retry_after ? std::clamp(*retry_after, listed, 2 * listed) : listed;
  const std::int64_t spread = wanted.count() * jitter_percent_ / 100;
  // Chance must not bring us back before the receiver wants us.
  const std::int64_t earliest =
      retry_after ? std::clamp(*retry_after, Delay(0), wanted).count() : 0;
  const std::int64_t low = std::max(-spread, earliest - wanted.count());
  return now + wanted + Delay(rng.between(low, spread));
}

}  // namespace waybill::model
