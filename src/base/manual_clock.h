// A clock that a test moves. A waiter is a timer that never fires by itself and is woken by
// cancelling it, in order of time and then of arrival.

#pragma once

#include <functional>
#include <map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"

namespace waybill {

// Used from one thread. now() and wall_now() are the same.
class ManualClock final : public Clock {
 public:
  // 2026-01-01T12:00:00Z, unless told otherwise.
  static constexpr Timestamp kNoon{
      std::chrono::sys_days{std::chrono::year{2026} / std::chrono::January / 1} +
      std::chrono::hours(12)};

  explicit ManualClock(boost::asio::io_context& context, Timestamp start = kNoon);

  Timestamp now() const override { return now_; }
  Timestamp wall_now() const override { return now_; }
  Task<void> wait_until(Timestamp when, boost::asio::steady_timer& timer) override;

  // Runs everything that is ready, moves to the next waiter, and repeats, until the time is `until`
  // and nothing is left to do.
  void run_until(Timestamp until);
  void run_for(std::chrono::milliseconds duration) { run_until(now_ + duration); }

  // Told to run whatever is ready. The default polls the context; a test whose database has threads
  // of its own gives one that waits for them.
  void set_settle(std::function<void()> settle) { settle_ = std::move(settle); }

  // Steps the clock without waking anybody, as an operator who sets the machine's clock does.
  void step(std::chrono::milliseconds by) { now_ += by; }

 private:
  boost::asio::io_context& context_;
  Timestamp now_;
  std::function<void()> settle_;
  std::multimap<Timestamp, boost::asio::steady_timer*> waiters_;
};

}  // namespace waybill
