#include "net/rate_limiter.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace waybill::net {
namespace {
constexpr std::int64_t kRequest = 1000;
}

std::size_t RateLimiter::Hash::operator()(const Uuid& caller) const noexcept {
  // A UUIDv7 begins with the time; its chance is at the end.
  std::size_t value;
  std::memcpy(&value, caller.bytes().data() + Uuid::kSize - sizeof value, sizeof value);
  return value;
}

bool RateLimiter::allow(const Uuid& caller, Timestamp now) {
  if (per_second_ <= 0) return true;
  const std::int64_t full = per_second_ * kRequest;
  auto found = buckets_.find(caller);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kCallersMax) forget_the_rested(now);
    found = buckets_.emplace(caller, Bucket{full, now}).first;
  }
  Bucket& bucket = found->second;
  // A second fills it; no more is counted, so that nothing can overflow.
  const auto passed = std::clamp<std::int64_t>((now - bucket.at).count(), 0, 1000);
  bucket.room = std::min(full, bucket.room + passed * per_second_);
  // Also when the clock was set back: the next request counts from here.
  bucket.at = now;
  if (bucket.room < kRequest) return false;
  bucket.room -= kRequest;
  return true;
}

void RateLimiter::forget_the_rested(Timestamp now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    return now - entry.second.at >= std::chrono::seconds(1) || now < entry.second.at;
  });
  if (buckets_.size() >= kCallersMax) buckets_.clear();
}

}  // namespace waybill::net
