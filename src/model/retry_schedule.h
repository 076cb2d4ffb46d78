// A RetrySchedule answers one question: attempt n has failed, so when is the next one? It is a
// plain value. It does no I/O, and time and chance are arguments, so every answer can be checked in
// a test.

#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"

namespace waybill::model {

class RetrySchedule {
 public:
  using Delay = std::chrono::milliseconds;
  static constexpr Delay kDelayMax = std::chrono::days(7);
  static constexpr std::size_t kDelaysMax = 50;

  RetrySchedule() = default;  // Never retries.

  // delays[n - 1] is the wait after failed attempt n; when they run out the delivery is given up.
  // `jitter_percent` spreads receivers that failed together.
  //
  // Fails with kInvalid (retry_schedule_invalid) if a delay is not in (0, kDelayMax], there are
  // more than kDelaysMax, or the jitter is not in [0, 50].
  static Result<RetrySchedule> create(std::vector<Delay> delays, int jitter_percent);

  // When to try again, or nothing if `attempts_made` was the last one.
  //
  // The receiver's own wish (its Retry-After header) can lengthen a wait to at most twice the
  // listed delay, which the jitter then only adds to. It can never shorten one, or a broken
  // receiver could make us hammer it.
  //
  // Requires: `attempts_made` is at least 1.
  std::optional<Timestamp> next(int attempts_made, Timestamp now, std::optional<Delay> retry_after,
                                Rng& rng) const;

  // The same, but with at most `attempts_max` tries in all. Requires: at least 1.
  RetrySchedule limited_to(int attempts_max) const;

  const std::vector<Delay>& delays() const { return delays_; }
  int jitter_percent() const { return jitter_percent_; }
  int attempts_max() const { return static_cast<int>(delays_.size()) + 1; }

 private:
  std::vector<Delay> delays_;
  int jitter_percent_ = 0;
};

}  // namespace waybill::model
