#include "base/clock.h"

#include <algorithm>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr Timestamp kNoon = ManualClock::kNoon;

TEST(IsoTime, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(iso_time(kNoon), "2026-01-01T12:00:00.000Z");
  EXPECT_EQ(iso_time(kNoon + 7ms), "2026-01-01T12:00:00.007Z");
  EXPECT_EQ(iso_time(Timestamp{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(Timestamp(-1ms)), "1969-12-31T23:59:59.999Z");
  // The first and the last year of four digits, and those beside them.
  EXPECT_EQ(iso_time(Timestamp(253402300799999ms)), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_time(Timestamp(253402300800000ms)), "10000-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(Timestamp(-62167219200000ms)), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(Timestamp(-62167219200001ms)), "-001-12-31T23:59:59.999Z");
}

TEST(IsoTime, IsReadWithAnyOffset) {
  struct Case {
    std::string_view text;
    std::chrono::milliseconds after_noon;
  };
  for (const Case& c :
       {Case{"2026-01-01T12:00:00Z", 0ms}, Case{"2026-01-01t12:00:00z", 0ms},
        Case{"2026-01-01T14:00:00+02:00", 0ms}, Case{"2026-01-01T06:30:00-05:30", 0ms},
        Case{"2026-01-02T11:59:00+23:59", 0ms}, Case{"2026-01-01T12:00:00-00:00", 0ms},
        Case{"2026-01-01T12:00:01.5Z", 1500ms}, Case{"2026-01-01T12:00:00.12Z", 120ms},
        Case{"2026-01-01T12:00:00.123456789Z", 123ms},
        Case{"2026-01-01T12:00:00.9999+00:00", 999ms}, Case{"2026-01-01T11:59:59.999Z", -1ms}}) {
    EXPECT_EQ(parse_iso_time(c.text), kNoon + c.after_noon) << c.text;
  }
}

TEST(IsoTime, RoundTrips) {
  for (std::int64_t millis = -62'135'596'800'000; millis < 253'402'300'800'000;
       millis += 61'234'567'891) {
    const Timestamp time = from_unix_millis(millis);
    EXPECT_EQ(parse_iso_time(iso_time(time)), time) << millis;
  }
}

TEST(IsoTime, RefusesWhatIsNotRfc3339) {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-01-01",
                                      "2026-01-01T12:00",
                                      "2026-01-01T12:00Z",
                                      "2026-01-01T12:00:00",
                                      "2026-01-01 12:00:00Z",
                                      "2026-13-01T12:00:00Z",
                                      "2026-00-01T12:00:00Z",
                                      "2026-02-29T12:00:00Z",
                                      "2026-01-32T12:00:00Z",
                                      "2026-01-00T12:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T12:60:00Z",
                                      "2026-01-01T12:00:61Z",
                                      "2026-01-01T12:00:00.Z",
                                      "2026-01-01T12:00:00,5Z",
                                      "2026-01-01T12:00:00.5",
                                      "2026-01-01T12:00:00+0200",
                                      "2026-01-01T12:00:00+02",
                                      "2026-01-01T12:00:00+24:00",
                                      "2026-01-01T12:00:00+02:60",
                                      "2026-01-01T12:00:00+02-00",
                                      "2026-01-01T12:00:00ZZ",
                                      "2026-01-01T12:00:00Z ",
                                      " 2026-01-01T12:00:00Z",
                                      "20260101T120000Z",
                                      "2026-1-01T12:00:00Z",
                                      "+026-01-01T12:00:00Z",
                                      "2026/01/01T12:00:00Z",
                                      "2026-01-01T-1:00:00Z",
                                      "2026-01-01T12.00:00Z",
                                      "2026-01-01T12:00.00Z"}) {
    EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
  }
}

// An offset led to the year 10000 or -1, which was written as a time that nobody could read back.
TEST(IsoTime, RefusesWhatFourDigitsOfAYearCannotWrite) {
  for (const char* text : {"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"}) {
    EXPECT_EQ(parse_iso_time(text), std::nullopt) << text;
  }
  for (const char* text : {"9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z"}) {
    EXPECT_EQ(iso_time(parse_iso_time(text).value()), text);
  }
}

TEST(IsoDate, IsADayThatExists) {
  for (const std::string_view text : {"2026-01-01", "2024-02-29", "2000-02-29", "9999-12-31"}) {
    EXPECT_TRUE(is_iso_date(text)) << text;
  }
  for (const std::string_view text : {"", "2026-02-29", "1900-02-29", "2026-04-31", "2026-1-1",
                                      "2026-01-01T", "2026-01-0", "01-01-2026", "2026-01_01"}) {
    EXPECT_FALSE(is_iso_date(text)) << text;
  }
}

TEST(UnixSeconds, AreRoundedDownAlsoBefore1970) {
  EXPECT_EQ(unix_seconds(Timestamp(1999ms)), 1);
  EXPECT_EQ(unix_seconds(Timestamp(-1ms)), -1);
  EXPECT_EQ(unix_millis(from_unix_millis(1'767'268'800'123)), 1'767'268'800'123);
}

TEST(Duration, IsANumberAndAUnit) {
  struct Case {
    std::string_view text;
    std::chrono::milliseconds length;
  };
  for (const Case& c : {Case{"250ms", 250ms}, Case{"30s", 30s}, Case{"5m", 5min}, Case{"2h", 2h},
                        Case{"7d", 168h}, Case{"0s", 0ms}, Case{"0d", 0ms}, Case{"007s", 7s},
                        Case{"90s", 90s}, Case{"3650d", 87600h}, Case{"87600h", 87600h}}) {
    EXPECT_EQ(parse_duration(c.text), c.length) << c.text;
  }
}

TEST(Duration, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      "5",
                                      "s",
                                      "ms",
                                      "-5s",
                                      "-0s",
                                      "+5s",
                                      " 5s",
                                      "5 s",
                                      "5s ",
                                      "5S",
                                      "1.5s",
                                      "1h30m",
                                      "5sec",
                                      "5µs",
                                      "3651d",
                                      "87601h",
                                      "315360001s",
                                      "9223372036854775807d",
                                      "9223372036854775808s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, IsWrittenInItsLargestWholeUnit) {
  struct Case {
    std::chrono::milliseconds length;
    std::string_view text;
  };
  for (const Case& c :
       {Case{0ms, "0s"}, Case{1ms, "1ms"}, Case{1500ms, "1500ms"}, Case{1s, "1s"}, Case{90s, "90s"},
        Case{120s, "2m"}, Case{90min, "90m"}, Case{24h, "1d"}, Case{25h, "25h"}, Case{48h, "2d"}}) {
    EXPECT_EQ(format_duration(c.length), c.text);
    EXPECT_EQ(parse_duration(c.text), c.length);
  }
}

// What happened to tasks that wait, in order: "name@seconds after noon".
class ManualClockTest : public testing::Test {
 protected:
  void wait(std::string name, std::chrono::milliseconds after_noon, asio::steady_timer& timer) {
    asio::co_spawn(context_, waiter(std::move(name), kNoon + after_noon, timer), asio::detached);
  }
  void wait(std::string name, std::chrono::milliseconds after_noon) {
    wait(std::move(name), after_noon, timers_.emplace_back(context_));
  }
  Task<void> waiter(std::string name, Timestamp when, asio::steady_timer& timer) {
    co_await clock_.wait_until(when, timer);
    note(std::move(name));
  }
  Task<void> ticker(std::chrono::milliseconds period, int count, asio::steady_timer& timer) {
    for (int i = 0; i < count; ++i) {
      co_await clock_.wait_until(clock_.now() + period, timer);
      note("tick");
    }
  }
  void note(std::string name) {
    happened_.push_back(std::move(name) + "@" + format_duration(clock_.now() - kNoon));
  }

  using Happened = std::vector<std::string>;

  asio::io_context context_;
  ManualClock clock_{context_};
  std::list<asio::steady_timer> timers_;
  Happened happened_;
};

TEST_F(ManualClockTest, StandsStillUntilItIsMoved) {
  EXPECT_EQ(clock_.now(), kNoon);
  clock_.run_for(90s);
  EXPECT_EQ(clock_.now(), kNoon + 90s);
  EXPECT_EQ(clock_.wall_now(), kNoon + 90s);
  EXPECT_EQ(clock_.hub_time(5s), 5s);
}

TEST_F(ManualClockTest, WakesInOrderOfTimeThenOfArrival) {
  wait("b", 20s);
  wait("c", 30s);
  wait("a", 10s);
  wait("b2", 20s);
  wait("b3", 20s);
  clock_.run_for(1min);
  EXPECT_EQ(happened_, (Happened{"a@10s", "b@20s", "b2@20s", "b3@20s", "c@30s"}));
}

TEST_F(ManualClockTest, WakesNobodyBeforeTheirTime) {
  wait("early", 10s);
  wait("late", 10s + 1ms);
  clock_.run_for(10s);
  EXPECT_EQ(happened_, Happened{"early@10s"});
  clock_.run_for(1ms);
  EXPECT_EQ(happened_.size(), 2u);
}

TEST_F(ManualClockTest, DoesNotWaitForWhatIsPast) {
  wait("now", 0s);
  wait("past", -1h);
  clock_.run_for(0s);
  EXPECT_EQ(happened_, (Happened{"now@0s", "past@0s"}));
}

TEST_F(ManualClockTest, ServesWaitsThatBeginWhileItRuns) {
  asio::co_spawn(context_, ticker(10s, 4, timers_.emplace_back(context_)), asio::detached);
  wait("other", 25s);
  clock_.run_for(35s);
  EXPECT_EQ(happened_, (Happened{"tick@10s", "tick@20s", "other@25s", "tick@30s"}));
}

TEST_F(ManualClockTest, ACancelledTimerEndsTheWaitOnce) {
  asio::steady_timer timer(context_);
  wait("woken", 1h, timer);
  clock_.run_for(5s);
  EXPECT_EQ(happened_, Happened{});

  timer.cancel();
  clock_.run_for(2h);
  EXPECT_EQ(happened_, Happened{"woken@5s"});
}

TEST_F(ManualClockTest, ATimerCanBeUsedAgain) {
  asio::steady_timer timer(context_);
  wait("first", 10s, timer);
  clock_.run_for(10s);
  wait("second", 20s, timer);
  clock_.run_for(10s);
  EXPECT_EQ(happened_, (Happened{"first@10s", "second@20s"}));
}

TEST_F(ManualClockTest, AStepWakesNobodyUntilItRunsAgain) {
  wait("a", 10s);
  clock_.run_for(0s);
  clock_.step(1min);
  context_.poll();
  EXPECT_EQ(happened_, Happened{});
  // What the step has passed over is late, not at its old time.
  clock_.run_for(0s);
  EXPECT_EQ(happened_, Happened{"a@1m"});

  clock_.step(-1h);
  EXPECT_EQ(clock_.now(), kNoon - 59min);
}

TEST_F(ManualClockTest, SettlesInTheWayItIsTold) {
  int settled = 0;
  clock_.set_settle([&] {
    ++settled;
    context_.restart();
    context_.poll();
  });
  wait("a", 1s);
  clock_.run_for(2s);
  EXPECT_EQ(settled, 2);
  EXPECT_EQ(happened_, Happened{"a@1s"});
}

TEST(Deadline, HasPassedFromItsMomentOn) {
  EXPECT_TRUE(Deadline::after(0s).passed());
  EXPECT_TRUE(Deadline::after(-1s).passed());
  EXPECT_FALSE(Deadline::after(1h).passed());
  EXPECT_FALSE(Deadline::never().passed());
}

TEST(Deadline, TheEarlierOneIsTheLesser) {
  const Deadline soon = Deadline::after(1min);
  const Deadline late = Deadline::after(1h);
  EXPECT_EQ(std::min(late, soon), soon);
  EXPECT_LT(late, Deadline::never());
  EXPECT_LT(soon.time_point(), late.time_point());
}

}  // namespace
}  // namespace waybill
