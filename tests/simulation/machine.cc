#include "simulation/machine.h"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/manual_clock.h"

namespace waybill::simulation {
namespace asio = boost::asio;

HubTime::System Machine::system() const { return ManualClock::kNoon + passed + set_by; }

VirtualClock::VirtualClock(const Machine& machine)
    : machine_(machine), time_(machine.steady(), machine.system()) {}

Timestamp VirtualClock::now() const {
  return std::chrono::floor<Millis>(time_.advance(machine_.steady(), machine_.system()));
}

Timestamp VirtualClock::wall_now() const { return std::chrono::floor<Millis>(machine_.system()); }

Task<void> VirtualClock::wait_until(Timestamp when, asio::steady_timer& timer) {
  const Millis left = when - now();
  if (left <= Millis(0)) co_return;
  co_await wait_for(std::min<Millis>(left + Millis(1), std::chrono::hours(1)), timer);
}

Task<void> VirtualClock::wait_for(Millis duration, asio::steady_timer& timer) {
  timer.expires_at(asio::steady_timer::time_point::max());
  const auto place = waiters_.emplace(machine_.passed + duration, &timer);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  waiters_.erase(place);
}

std::optional<Millis> VirtualClock::next_wake() const {
  if (waiters_.empty()) return std::nullopt;
  return waiters_.begin()->first;
}

void VirtualClock::wake_next() { waiters_.begin()->second->cancel(); }

}  // namespace waybill::simulation
