#include "base/clock.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/check.h"

namespace waybill {
namespace asio = boost::asio;
namespace {

Timestamp to_timestamp(HubTime::System time) {
  return std::chrono::floor<std::chrono::milliseconds>(time);
}

// Reads exactly `digits` digits at `at`; nothing if there are others.
std::optional<int> read_number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::chrono::sys_days> read_date(std::string_view text) {
  const auto year = read_number(text, 0, 4);
  const auto month = read_number(text, 5, 2);
  const auto day = read_number(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

constexpr Timestamp kIsoTimeMin{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr Timestamp kIsoTimeMax =
    Timestamp{std::chrono::sys_days{std::chrono::year{9999} / 12 / 31}} + std::chrono::days(1) -
    std::chrono::milliseconds(1);

struct Unit {
  std::string_view suffix;
  std::chrono::milliseconds length;
};
// Longest first, so that format_duration() finds the largest that divides.
constexpr std::array kUnits = {
    Unit{"d", std::chrono::hours(24)},        Unit{"h", std::chrono::hours(1)},
    Unit{"m", std::chrono::minutes(1)},       Unit{"s", std::chrono::seconds(1)},
    Unit{"ms", std::chrono::milliseconds(1)},
};
constexpr std::chrono::milliseconds kDurationMax = std::chrono::hours(24) * 3650;

}  // namespace

SystemClock::SystemClock(int speed)
    : speed_(speed),
      time_(std::chrono::steady_clock::now(), std::chrono::system_clock::now()),
      started_at_(unhurried_now()) {
  WAYBILL_CHECK(speed >= 1, "a clock runs forward");
}

Timestamp SystemClock::unhurried_now() const {
  // Both are read under the lock, so that no thread comes with an older time than another had.
  const std::lock_guard lock(mutex_);
  const auto steady = std::chrono::steady_clock::now();
  return to_timestamp(time_.advance(steady, std::chrono::system_clock::now()));
}

Timestamp SystemClock::now() const {
  const Timestamp real = unhurried_now();
  return speed_ == 1 ? real : started_at_ + (real - started_at_) * speed_;
}

Timestamp SystemClock::wall_now() const { return to_timestamp(std::chrono::system_clock::now()); }

Task<void> SystemClock::wait_until(Timestamp when, asio::steady_timer& timer) {
  const std::chrono::milliseconds left = when - now();
  if (left <= std::chrono::milliseconds(0)) co_return;
  // Rounded up, so that now() has reached `when` on return. A wait is cut into hours: while we
  // sleep, the hub's time may leap (base/hub_time.h), and the callers look at now() again anyway.
  const auto real = std::min<std::chrono::milliseconds>(
      left / speed_ + std::chrono::milliseconds(1), std::chrono::hours(1));
  timer.expires_after(real);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Stopwatch::Stopwatch() : started_at_(std::chrono::steady_clock::now()) {}

std::chrono::microseconds Stopwatch::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               started_at_);
}

Deadline Deadline::after(std::chrono::milliseconds wait) {
  return Deadline(std::chrono::steady_clock::now() + wait);
}

std::chrono::milliseconds Deadline::left() const {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  if (at_ <= now) return milliseconds(0);
  if (at_ == TimePoint::max()) return std::chrono::days(1);
  return std::min(std::chrono::ceil<milliseconds>(at_ - now), milliseconds(std::chrono::days(1)));
}

bool Deadline::passed() const { return std::chrono::steady_clock::now() >= at_; }

std::string iso_time(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const int year = static_cast<int>(date.year());
  if (year < 0 || year > 9999) {
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year,
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
  }
  // Every webhook has one: without a format to be read each time.
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto write = [&](std::size_t at, std::size_t digits, auto number) {
    auto rest = static_cast<unsigned>(number);
    for (; digits > 0; rest /= 10) text[at + --digits] = static_cast<char>('0' + rest % 10);
  };
  write(0, 4, year);
  write(5, 2, static_cast<unsigned>(date.month()));
  write(8, 2, static_cast<unsigned>(date.day()));
  write(11, 2, clock.hours().count());
  write(14, 2, clock.minutes().count());
  write(17, 2, clock.seconds().count());
  write(20, 3, clock.subseconds().count());
  return text;
}

std::optional<Timestamp> parse_iso_time(std::string_view text) {
  const auto day = read_date(text);
  const auto hour = read_number(text, 11, 2);
  const auto minute = read_number(text, 14, 2);
  const auto second = read_number(text, 17, 2);
  if (!day || !hour || !minute || !second || (text[10] != 'T' && text[10] != 't') ||
      text[13] != ':' || text[16] != ':' || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  Timestamp time = *day + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                   std::chrono::seconds(*second);

  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    int millis = 0;
    int scale = 100;
    const std::size_t start = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      millis += scale * (text[at] - '0');
    }
    if (at == start) return std::nullopt;
    time += std::chrono::milliseconds(millis);
  }

  const std::string_view zone = text.substr(at);
  if (zone == "Z" || zone == "z") return time;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = read_number(zone, 1, 2);
  const auto minutes = read_number(zone, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  const Timestamp utc = zone[0] == '+' ? time - offset : time + offset;
  // An offset can lead out of the years that four digits can write.
  if (utc < kIsoTimeMin || utc > kIsoTimeMax) return std::nullopt;
  return utc;
}

bool is_iso_date(std::string_view text) { return text.size() == 10 && read_date(text).has_value(); }

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // from_chars reads "-0" as a number that is not negative.
  if (error != std::errc{} || text.starts_with('-')) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    if (unit.suffix != suffix) continue;
    if (number > kDurationMax / unit.length) return std::nullopt;
    return number * unit.length;
  }
  return std::nullopt;
}

std::string format_duration(std::chrono::milliseconds duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() != 0 && duration % unit.length == std::chrono::milliseconds(0)) {
      return fmt::format("{}{}", duration / unit.length, unit.suffix);
    }
  }
  return "0s";
}

}  // namespace waybill
