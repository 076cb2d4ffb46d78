#include "net/quota.h"

#include <array>

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNoon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h};

Uuid caller(std::uint8_t number) {
  std::array<std::uint8_t, Uuid::kSize> bytes{};
  bytes.back() = number;
  return Uuid(bytes);
}

int allowed_of(Quota& quota, int calls, Timestamp now, const Uuid& who = caller(1)) {
  int allowed = 0;
  for (int i = 0; i < calls; ++i) allowed += quota.allow(who, now) ? 1 : 0;
  return allowed;
}

TEST(Quota, LetsSoManyCallsThroughInEachWindow) {
  Quota quota({{1min, 3}});
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 50s), 3);
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 59'999ms), 0);
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 60s), 3) << "windows are those of the clock";
}

TEST(Quota, CountsEachCallerAlone) {
  Quota quota({{1min, 3}});
  EXPECT_EQ(allowed_of(quota, 10, kNoon, caller(1)), 3);
  EXPECT_EQ(allowed_of(quota, 10, kNoon, caller(2)), 3);
}

TEST(Quota, ACallThatOneWindowRefusesCountsInNone) {
  Quota quota({{1h, 2}, {24h, 5}});
  EXPECT_EQ(allowed_of(quota, 10, kNoon), 2);
  EXPECT_EQ(quota.states(caller(1), kNoon)[1].made, 2);
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 1h), 2);
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 2h), 1) << "the day is full";
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 3h), 0);
  EXPECT_EQ(allowed_of(quota, 10, kNoon + 12h), 2) << "the next day";
}

TEST(Quota, TellsHowACallerStands) {
  Quota quota({{1h, 100}, {24h, 1'000}});
  allowed_of(quota, 3, kNoon + 10min);
  const auto states = quota.states(caller(1), kNoon + 20min);
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].length, 1h);
  EXPECT_EQ(states[0].calls_max, 100);
  EXPECT_EQ(states[0].remaining(), 97);
  EXPECT_EQ(states[0].ends_at, kNoon + 1h);
  EXPECT_EQ(states[1].remaining(), 997);
  EXPECT_EQ(states[1].ends_at, kNoon + 12h);
  EXPECT_EQ(quota.states(caller(1), kNoon + 1h)[0].remaining(), 100) << "a new hour";
  EXPECT_EQ(quota.states(caller(2), kNoon)[0].remaining(), 100) << "somebody else";
}

TEST(Quota, WithoutABoundTakesAnyNumber) {
  Quota quota({{1h, 0}});
  EXPECT_EQ(allowed_of(quota, 1'000, kNoon), 1'000);
  EXPECT_TRUE(quota.states(caller(1), kNoon).empty());
}

}  // namespace
}  // namespace waybill::net
