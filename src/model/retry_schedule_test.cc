#include "model/retry_schedule.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::model {
namespace {

using namespace std::chrono_literals;
using Delay = RetrySchedule::Delay;
constexpr Timestamp kNoon = ManualClock::kNoon;

RetrySchedule exactly(std::vector<Delay> delays) {
  return RetrySchedule::create(std::move(delays), /*jitter_percent=*/0).value();
}

TEST(RetrySchedule, WaitsTheListedDelayAfterEachFailure) {
  Rng rng(1);
  const RetrySchedule schedule = exactly({5s, 5min, 2h});
  EXPECT_EQ(schedule.next(1, kNoon, std::nullopt, rng), kNoon + 5s);
  EXPECT_EQ(schedule.next(2, kNoon, std::nullopt, rng), kNoon + 5min);
  EXPECT_EQ(schedule.next(3, kNoon, std::nullopt, rng), kNoon + 2h);
}

TEST(RetrySchedule, GivesUpWhenTheDelaysRunOut) {
  Rng rng(1);
  EXPECT_EQ(exactly({5s}).next(2, kNoon, std::nullopt, rng), std::nullopt);
  EXPECT_EQ(exactly({}).next(1, kNoon, std::nullopt, rng), std::nullopt);
  EXPECT_EQ(RetrySchedule().next(1, kNoon, std::nullopt, rng), std::nullopt);
  EXPECT_EQ(exactly({5s, 5min}).attempts_max(), 3);
  EXPECT_EQ(RetrySchedule().attempts_max(), 1);
}

TEST(RetrySchedule, RetryAfterLengthensAWaitButAtMostDoublesIt) {
  struct Case {
    Delay asked, waited;
  };
  for (const Case c : {Case{-5s, 60s}, Case{0s, 60s}, Case{1s, 60s}, Case{60s, 60s}, Case{90s, 90s},
                       Case{120s, 120s}, Case{24h, 120s}, Case{Delay::max(), 120s}}) {
    Rng rng(1);
    EXPECT_EQ(exactly({60s}).next(1, kNoon, c.asked, rng), kNoon + c.waited)
        << "Retry-After: " << c.asked.count();
  }
}

TEST(RetrySchedule, JitterStaysWithinItsBoundWhateverTheSeed) {
  const RetrySchedule schedule = RetrySchedule::create({100s}, 20).value();
  std::set<Timestamp> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng(seed);
    const Timestamp when = schedule.next(1, kNoon, std::nullopt, rng).value();
    EXPECT_GE(when, kNoon + 80s) << seed;
    EXPECT_LE(when, kNoon + 120s) << seed;
    seen.insert(when);
  }
  EXPECT_GT(seen.size(), 900u) << "receivers that failed together are spread";
}

// A wish can never shorten a wait; nor may the jitter on top of a wish.
TEST(RetrySchedule, NeverComesBackBeforeTheReceiverAskedForIt) {
  const RetrySchedule schedule = RetrySchedule::create({100s}, 20).value();
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng(seed);
    EXPECT_GE(schedule.next(1, kNoon, Delay(150s), rng).value(), kNoon + 150s) << seed;
  }
}

TEST(RetrySchedule, RefusesDelaysAndJitterBeyondTheBounds) {
  struct Case {
    std::vector<Delay> delays;
    int jitter;
    bool good;
  };
  for (const Case& c : {
           Case{{}, 0, true},
           Case{{1ms}, 50, true},
           Case{{RetrySchedule::kDelayMax}, 0, true},
           Case{std::vector<Delay>(RetrySchedule::kDelaysMax, 1s), 0, true},
           Case{{0s}, 0, false},
           Case{{1s, -1s}, 0, false},
           Case{{RetrySchedule::kDelayMax + 1ms}, 0, false},
           Case{std::vector<Delay>(RetrySchedule::kDelaysMax + 1, 1s), 0, false},
           Case{{1s}, -1, false},
           Case{{1s}, 51, false},
       }) {
    const Result<RetrySchedule> schedule = RetrySchedule::create(c.delays, c.jitter);
    EXPECT_EQ(schedule.has_value(), c.good) << c.delays.size() << " delays, jitter " << c.jitter;
    if (!schedule) {
      EXPECT_EQ(schedule.error().code, Code::kInvalid);
      EXPECT_EQ(schedule.error().reason, "retry_schedule_invalid");
    }
  }
}

}  // namespace
}  // namespace waybill::model
