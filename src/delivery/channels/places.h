// The Places are how many may run at once. Who has as many as are left waits, so that a few who
// never end leave some to the others.

#pragma once

#include <list>
#include <unordered_map>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "model/ids.h"

namespace waybill::delivery {

// Used from the thread of the io_context only.
class Places {
 public:
  Places(boost::asio::io_context& context, int most) : context_(context), left_(most) {}

  // True: the handler has a place, until give(). False: there was none by then, or close() was
  // called. First come, first served, but for those who have as many as are left.
  Task<bool> take(model::EndpointId handler, Deadline by) {
    if (closed_) co_return false;
    if (waiting_.empty() && try_take(handler)) co_return true;
    boost::asio::steady_timer timer(context_, by.time_point());
    const auto waiter = waiting_.insert(waiting_.end(), {handler, &timer, false});
    // Who waits may be let by, where those before it wait for places of their own.
    let_in();
    while (!waiter->has_place && !closed_ && !by.passed()) {
      co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    const bool has_place = waiter->has_place;
    waiting_.erase(waiter);
    co_return has_place;
  }

  void give(const model::EndpointId& handler) {
    ++left_;
    const auto found = held_.find(handler);
    if (--found->second == 0) held_.erase(found);
    let_in();
  }

  // Nobody is given a place any more.
  void close() {
    closed_ = true;
    for (const Waiter& waiter : waiting_) waiter.timer->cancel();
  }

  int left() const { return left_; }

 private:
  struct Waiter {
    model::EndpointId handler;
    boost::asio::steady_timer* timer;
    bool has_place;
  };

  bool try_take(const model::EndpointId& handler) {
    const auto found = held_.find(handler);
    const int held = found == held_.end() ? 0 : found->second;
    if (held >= left_) return false;
    ++held_[handler];
    --left_;
    return true;
  }

  void let_in() {
    for (Waiter& waiter : waiting_) {
      if (left_ == 0 || closed_) return;
      if (waiter.has_place || !try_take(waiter.handler)) continue;
      waiter.has_place = true;
      waiter.timer->cancel();
    }
  }

  boost::asio::io_context& context_;
  int left_;
  bool closed_ = false;
  std::unordered_map<model::EndpointId, int> held_;
  std::list<Waiter> waiting_;
};

}  // namespace waybill::delivery
