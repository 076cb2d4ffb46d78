#include "base/manual_clock.h"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace waybill {
namespace asio = boost::asio;

ManualClock::ManualClock(asio::io_context& context, Timestamp start)
    : context_(context), now_(start), settle_([this] {
        context_.restart();
        context_.poll();
      }) {}

Task<void> ManualClock::wait_until(Timestamp when, asio::steady_timer& timer) {
  if (when <= now_) co_return;
  timer.expires_at(asio::steady_timer::time_point::max());
  const auto place = waiters_.emplace(when, &timer);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  waiters_.erase(place);
}

void ManualClock::run_until(Timestamp until) {
  settle_();
  while (!waiters_.empty() && waiters_.begin()->first <= until) {
    now_ = std::max(now_, waiters_.begin()->first);
    waiters_.begin()->second->cancel();
    settle_();
  }
  now_ = until;
}

}  // namespace waybill
