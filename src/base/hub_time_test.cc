#include "base/hub_time.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

using namespace std::chrono_literals;

const HubTime::Steady kSteady{1000h};
const HubTime::System kNoon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h};

TEST(HubTime, IsTheSystemsTimeWhileNobodySetsIt) {
  HubTime time(kSteady, kNoon);
  for (const auto passed : {0ns, 1ns, 999'999'999ns, 86'400'000'000'000ns}) {
    EXPECT_EQ(time.advance(kSteady + passed, kNoon + passed), kNoon + passed);
  }
}

TEST(HubTime, NeverGoesBackWhenTheClockIsSetBack) {
  HubTime time(kSteady, kNoon);
  EXPECT_EQ(time.advance(kSteady, kNoon - 1h), kNoon);
  EXPECT_EQ(time.advance(kSteady + 16s, kNoon - 1h + 16s), kNoon + 15s);
}

// A retry in five minutes is a retry in five minutes, a lease of two minutes lasts two minutes.
TEST(HubTime, PassesAsTimeDoesWhenTheClockIsSetForward) {
  HubTime time(kSteady, kNoon);
  EXPECT_EQ(time.advance(kSteady, kNoon + 1h), kNoon);
  EXPECT_EQ(time.advance(kSteady + 16s, kNoon + 1h + 16s), kNoon + 17s);
}

TEST(HubTime, MeetsTheSystemsTimeAgain) {
  for (const auto step : {std::chrono::minutes(-60), -1min, 1min, 60min}) {
    HubTime time(kSteady, kNoon);
    const auto passed = HubTime::kLean * std::chrono::abs(step);
    EXPECT_NE(time.advance(kSteady + passed - 1min, kNoon + step + passed - 1min),
              kNoon + step + passed - 1min);
    EXPECT_EQ(time.advance(kSteady + passed, kNoon + step + passed), kNoon + step + passed);
    EXPECT_EQ(time.advance(kSteady + passed + 1h, kNoon + step + passed + 1h),
              kNoon + step + passed + 1h);
  }
}

// A board without a battery begins in 1970 and learns the time from the network. At one part in 16
// it would take centuries to believe it.
TEST(HubTime, TakesATimeThatIsMoreThanADayAheadAtOnce) {
  HubTime time(kSteady, HubTime::System());
  EXPECT_EQ(time.advance(kSteady + 1s, kNoon), kNoon);
}

TEST(HubTime, StaysWhenTheClockIsSetBackByYears) {
  HubTime time(kSteady, kNoon);
  EXPECT_EQ(time.advance(kSteady + 16s, HubTime::System()), kNoon + 15s);
}

}  // namespace
}  // namespace waybill
