#include "net/rate_limiter.h"

#include <array>

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNoon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h};

Uuid caller(std::uint32_t number) {
  std::array<std::uint8_t, Uuid::kSize> bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[Uuid::kSize - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return Uuid(bytes);
}

int allowed_of(RateLimiter& limiter, int requests, const Uuid& who, Timestamp now) {
  int allowed = 0;
  for (int i = 0; i < requests; ++i) allowed += limiter.allow(who, now) ? 1 : 0;
  return allowed;
}

TEST(RateLimiter, AllowsOneSecondsWorthAtOnce) {
  RateLimiter limiter(5);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon), 5);
}

TEST(RateLimiter, AllowsAsManyMoreAsTimeBrings) {
  RateLimiter limiter(5);
  EXPECT_EQ(allowed_of(limiter, 5, caller(1), kNoon), 5);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon + 199ms), 0);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon + 200ms), 1);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon + 1s), 4);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon + 1h), 5) << "a rest saves up one second";
}

TEST(RateLimiter, HasRoomAgainWithinASecondWhateverTheRate) {
  for (const int rate : {1, 3, 7, 999, 100'000}) {
    RateLimiter limiter(rate);
    allowed_of(limiter, rate + 1, caller(1), kNoon);
    EXPECT_TRUE(limiter.allow(caller(1), kNoon + 1s)) << rate;
  }
}

TEST(RateLimiter, KeepsToTheRateForHours) {
  RateLimiter limiter(7);
  int allowed = 0;
  for (Timestamp now = kNoon; now < kNoon + 1h; now += 13ms) {
    allowed += limiter.allow(caller(1), now) ? 1 : 0;
  }
  EXPECT_GE(allowed, 7 * 3600);
  EXPECT_LE(allowed, 7 * 3600 + 7);
}

TEST(RateLimiter, LeavesOthersAlone) {
  RateLimiter limiter(2);
  EXPECT_EQ(allowed_of(limiter, 1000, caller(1), kNoon), 2);
  EXPECT_EQ(allowed_of(limiter, 1000, caller(2), kNoon), 2);
}

TEST(RateLimiter, WithoutARateAllowsEverythingAndRemembersNobody) {
  RateLimiter limiter(0);
  EXPECT_EQ(allowed_of(limiter, 1000, caller(1), kNoon), 1000);
  EXPECT_EQ(limiter.callers(), 0u);
}

// A clock that was set back an hour must neither shut callers out for that hour nor let them all
// in.
TEST(RateLimiter, GoesOnWhenTheClockIsSetBack) {
  RateLimiter limiter(5);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon), 5);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon - 1h), 0);
  EXPECT_EQ(allowed_of(limiter, 100, caller(1), kNoon - 1h + 400ms), 2);
}

TEST(RateLimiter, RemembersNoMoreCallersThanItMay) {
  RateLimiter limiter(1);
  constexpr std::uint32_t count = RateLimiter::kCallersMax + 10;
  for (std::uint32_t i = 0; i < count; ++i) EXPECT_TRUE(limiter.allow(caller(i), kNoon));
  EXPECT_LE(limiter.callers(), RateLimiter::kCallersMax);
}

TEST(RateLimiter, ForgetsTheRestedBeforeTheBusy) {
  RateLimiter limiter(1);
  for (std::uint32_t i = 0; i + 1 < RateLimiter::kCallersMax; ++i) limiter.allow(caller(i), kNoon);
  EXPECT_TRUE(limiter.allow(caller(1'000'000), kNoon + 1s));
  EXPECT_TRUE(limiter.allow(caller(1'000'001), kNoon + 1s)) << "for which the rested make room";
  EXPECT_EQ(limiter.callers(), 2u);
  EXPECT_FALSE(limiter.allow(caller(1'000'000), kNoon + 1s)) << "still remembered";
}

}  // namespace
}  // namespace waybill::net
