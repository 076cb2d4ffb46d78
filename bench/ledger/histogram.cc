#include "bench/ledger/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace waybill::bench {
namespace {

// Up to kExact each value has a bucket of its own; above it each power of two has kExact / 2.
constexpr int kExactBits = 8;
constexpr std::uint64_t kExact = 1U << kExactBits;
constexpr std::uint64_t kHalf = kExact / 2;
constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 36) - 1;  // 19 hours.

std::size_t bucket_of(std::uint64_t value) {
  if (value < kExact) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - kExactBits;
  return static_cast<std::size_t>(shift) * kHalf + (value >> shift);
}

std::uint64_t greatest_of(std::size_t bucket) {
  if (bucket < kExact) return bucket;
  const std::uint64_t shift = (bucket - kHalf) / kHalf;
  const std::uint64_t top = bucket - shift * kHalf;
  return ((top + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(bucket_of(kValueMax) + 1) {}

void Histogram::add(std::int64_t micros) {
  const auto value =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0)), kValueMax);
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, static_cast<std::int64_t>(value));
}

std::int64_t Histogram::micros_at(double share) const {
  WAYBILL_CHECK(share > 0 && share <= 1, "a share of all");
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) {
      return std::min(static_cast<std::int64_t>(greatest_of(bucket)), max_);
    }
  }
  return 0;
}

}  // namespace waybill::bench
