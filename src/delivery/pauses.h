// Waits on the hub's clock that can all be ended at once.

#pragma once

#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/task.h"

namespace waybill::delivery {

// Used from the thread of the io_context only.
class Pauses {
 public:
  Pauses(boost::asio::io_context& context, Clock& clock) : context_(context), clock_(clock) {}

  // Returns at `when`, or at the next end_all().
  Task<void> wait_until(Timestamp when) {
    boost::asio::steady_timer timer(context_);
    timers_.insert(&timer);
    co_await clock_.wait_until(when, timer);
    timers_.erase(&timer);
  }
  void end_all() {
    for (auto* timer : timers_) timer->cancel();
  }

 private:
  boost::asio::io_context& context_;
  Clock& clock_;
  std::set<boost::asio::steady_timer*> timers_;
};

}  // namespace waybill::delivery
