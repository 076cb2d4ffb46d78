#include "surfaces/precoro/request_limiter.h"

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::surfaces::precoro {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNoon = ManualClock::kNoon;
const Uuid kToken = *Uuid::parse("01941f29-7c00-7aaa-8000-000000000001");
const Uuid kOther = *Uuid::parse("01941f29-7c00-7aaa-8000-000000000002");

RequestLimits limits_of(std::string_view text) { return RequestLimits::parse(text).value(); }

TEST(RequestLimits, AreThoseOfTheHelpCentreUnlessToldOtherwise) {  // platforms.md 3.2
  EXPECT_EQ(RequestLimits(), limits_of("300/min, 1500/h, 3000/day"));
}

TEST(RequestLimits, AreReadFromAList) {
  EXPECT_EQ(limits_of("1/s,1500/h , 3000/day, repeat 1m"),
            (RequestLimits{1, 0, 1'500, 3'000, 1min}));
  EXPECT_EQ(limits_of("none"), (RequestLimits{0, 0, 0, 0, 0ms}));
  for (const char* text :
       {"", "300", "300/m", "0/min", "-1/min", "1/s, 2/s", "1/s,", "repeat", "repeat 0s",
        "repeat 2d", "repeat 1m, repeat 2m", "1000001/day", "none, 1/s"}) {
    EXPECT_FALSE(RequestLimits::parse(text)) << text;
  }
}

TEST(RequestLimiter, TakesSoManyWithinEachWindow) {
  struct Case {
    std::string_view limits, limiter;
    std::chrono::milliseconds length;
  };
  for (const Case& c : {Case{"3/s", "Second limiter", 1s}, Case{"3/min", "Minute limiter", 1min},
                        Case{"3/h", "Hourly limiter", 1h}, Case{"3/day", "Daily limiter", 24h}}) {
    RequestLimiter limiter(limits_of(c.limits));
    for (const auto at : {0ms, 10ms, 20ms}) {
      EXPECT_FALSE(limiter.count(kToken, "/invoices", kNoon + at)) << c.limits;
    }
    const auto refusal = limiter.count(kToken, "/invoices", kNoon + c.length - 1ms);
    ASSERT_TRUE(refusal) << c.limits;
    EXPECT_EQ(refusal->limiter, c.limiter);
    EXPECT_EQ(refusal->limit, 3);
    EXPECT_EQ(refusal->until, kNoon + c.length);
    EXPECT_FALSE(limiter.count(kOther, "/invoices", kNoon + 30ms)) << "each token by itself";
    EXPECT_FALSE(limiter.count(kToken, "/invoices", refusal->until)) << "as it was told";
  }
}

TEST(RequestLimiter, TellsTheRefusalThatLastsLongest) {
  RequestLimiter limiter(limits_of("1/min, 1/day"));
  ASSERT_FALSE(limiter.count(kToken, "/invoices", kNoon));
  EXPECT_EQ(limiter.count(kToken, "/invoices", kNoon + 1s)->limiter, "Daily limiter");
}

TEST(RequestLimiter, WhatIsRefusedCountsForNothing) {
  RequestLimiter limiter(limits_of("1/min, 2/day"));
  ASSERT_FALSE(limiter.count(kToken, "/invoices", kNoon));
  for (int i = 1; i < 50; ++i) {
    ASSERT_TRUE(limiter.count(kToken, "/invoices", kNoon + std::chrono::seconds(i)));
  }
  EXPECT_FALSE(limiter.count(kToken, "/invoices", kNoon + 1min));
}

TEST(RequestLimiter, TheSameRequestIsTakenOnceInAWhile) {
  RequestLimiter limiter(limits_of("repeat 1m"));
  ASSERT_FALSE(limiter.count(kToken, "/invoices?page=1", kNoon));
  const auto refusal = limiter.count(kToken, "/invoices?page=1", kNoon + 59s);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->limiter, "Route-based limiter by minute");
  EXPECT_EQ(refusal->limit, 1);
  EXPECT_EQ(refusal->until, kNoon + 1min);
  EXPECT_FALSE(limiter.count(kToken, "/invoices?page=2", kNoon + 59s));
  EXPECT_FALSE(limiter.count(kOther, "/invoices?page=1", kNoon + 59s));
  EXPECT_FALSE(limiter.count(kToken, "/invoices?page=1", kNoon + 1min));
}

TEST(RequestLimiter, WithoutLimitsTakesAll) {
  RequestLimiter limiter(limits_of("none"));
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(limiter.count(kToken, "/invoices", kNoon));
}

}  // namespace
}  // namespace waybill::surfaces::precoro
