// A RateLimiter lets each of many callers make so many requests a second, and up to one second's
// worth of them at once (a token bucket each).
//
// It does no I/O, and time is an argument. A caller that has made no request for a second is as if
// it had never made one, so no more callers are remembered than are busy.

#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::net {

class RateLimiter {
 public:
  // Remembered. When so many are busy within one second, the busiest fare as if they were new.
  static constexpr std::size_t kCallersMax = 100'000;

  // 0: no limit.
  explicit RateLimiter(int per_second) : per_second_(per_second) {}

  // Counts a request of `caller`. False: it is one too many, and not counted; in a second at most
  // there is room for another. A `now` before an earlier one is no time at all.
  bool allow(const Uuid& caller, Timestamp now);

  std::size_t callers() const { return buckets_.size(); }

 private:
  // Requests are counted in thousandths, of which each millisecond brings `per_second_`.
  struct Bucket {
    std::int64_t room = 0;
    Timestamp at{};
  };
  struct Hash {
    std::size_t operator()(const Uuid& caller) const noexcept;
  };
  void forget_the_rested(Timestamp now);

  const int per_second_;
  std::unordered_map<Uuid, Bucket, Hash> buckets_;
};

}  // namespace waybill::net
