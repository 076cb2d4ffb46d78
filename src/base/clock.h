// All time comes from here. Two kinds of it:
//
//   now()       the hub's time: schedules, leases, expiries, time stamps of records. It never steps
//               (base/hub_time.h), may run faster than the world (`--clock-speed`), and stands
//               still in tests (ManualClock).
//   wall_now()  the world's time, for what leaves the hub and is checked by others: the time in a
//               signature, the age of a received one, a certificate.
//
// Network deadlines are neither: they belong to the socket and are always real.

#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "base/hub_time.h"
#include "base/task.h"

namespace waybill {

// Milliseconds since 1970-01-01 UTC: as fine as a UUIDv7, and exact in every database.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;

  virtual Timestamp now() const = 0;
  virtual Timestamp wall_now() const = 0;

  // Returns once now() >= when, or sooner: when `timer` is cancelled, and when the hub's time has
  // passed a little slower than the world's. Look at now() afterwards. The timer is the caller's,
  // so that it can be woken; one wait at a time for each timer.
  virtual Task<void> wait_until(Timestamp when, boost::asio::steady_timer& timer) = 0;

  // How much of the hub's time passes while `real` of the world's does: what must outlast a network
  // deadline is measured so.
  virtual std::chrono::milliseconds hub_time(std::chrono::milliseconds real) const { return real; }
};

// The world's clock, but one that never steps, `speed` times as fast from the moment it is made.
// Any thread may ask it for the time.
class SystemClock final : public Clock {
 public:
  // Requires: speed >= 1.
  explicit SystemClock(int speed = 1);

  Timestamp now() const override;
  Timestamp wall_now() const override;
  Task<void> wait_until(Timestamp when, boost::asio::steady_timer& timer) override;
  std::chrono::milliseconds hub_time(std::chrono::milliseconds real) const override {
    return real * speed_;
  }

 private:
  Timestamp unhurried_now() const;

  const int speed_;
  mutable std::mutex mutex_;
  mutable HubTime time_;
  const Timestamp started_at_;
};

// Elapsed real time, for latencies and durations. Never for a decision that a test must repeat.
class Stopwatch {
 public:
  Stopwatch();
  std::chrono::microseconds elapsed() const;

 private:
  std::chrono::steady_clock::time_point started_at_;
};

// A moment of real time by which the network must have answered. For sockets alone; what a test
// must repeat waits on a Clock.
class Deadline {
 public:
  static Deadline never() { return Deadline(TimePoint::max()); }
  // Requires: `wait` is at most a hundred years.
  static Deadline after(std::chrono::milliseconds wait);

  bool passed() const;
  // What is left until then, rounded up; 0 when it has passed, and at most a day.
  std::chrono::milliseconds left() const;
  // What a timer is set to.
  std::chrono::steady_clock::time_point time_point() const { return at_; }

  // The earlier one is the lesser one: std::min(a, b) is when either has passed.
  friend auto operator<=>(const Deadline&, const Deadline&) = default;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  explicit Deadline(TimePoint at) : at_(at) {}
  TimePoint at_;
};

// "2026-11-21T04:30:00.123Z" (RFC 3339).
std::string iso_time(Timestamp time);

// Reads RFC 3339 with any offset, and fractions up to the millisecond. Nothing if it is not one.
std::optional<Timestamp> parse_iso_time(std::string_view text);

// True for an existing day written YYYY-MM-DD.
bool is_iso_date(std::string_view text);

inline std::int64_t unix_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}
inline std::int64_t unix_millis(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp from_unix_millis(std::int64_t millis) {
  return Timestamp(std::chrono::milliseconds(millis));
}

// "250ms", "30s", "5m", "2h", "7d": how durations are written in dialects, settings and the API.
// Nothing if it is not one, is negative, or is longer than ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace waybill
