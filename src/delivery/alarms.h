// When which queue is to be looked at again. One waiter waits for the first of them.

#pragma once

#include <set>
#include <tuple>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "delivery/endpoint_queue.h"

namespace waybill::delivery {

class Alarms {
 public:
  explicit Alarms(boost::asio::io_context& context) : timer_(context) {}

  // Sets the queue's alarm, in place of the one it had; nothing: it has none.
  void set(EndpointQueue& queue, std::optional<Timestamp> alarm) {
    if (alarm == queue.alarm) return;
    if (queue.alarm) alarms_.erase({*queue.alarm, &queue});
    queue.alarm = alarm;
    if (!alarm) return;
    alarms_.insert({*alarm, &queue});
    if (alarms_.begin()->second == &queue) wake();  // The waiter must look sooner.
  }

  // Takes out the first that has gone off. Null: none has.
  EndpointQueue* next(Timestamp now) {
    if (alarms_.empty() || alarms_.begin()->first > now) return nullptr;
    EndpointQueue* const queue = alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    queue->alarm.reset();
    return queue;
  }

  // Returns at the first alarm, at `latest`, or when woken. One waiter at a time.
  Task<void> wait(Clock& clock, Timestamp latest) {
    const Timestamp until = alarms_.empty() ? latest : std::min(latest, alarms_.begin()->first);
    co_await clock.wait_until(until, timer_);
  }
  void wake() { timer_.cancel(); }

 private:
  using Alarm = std::pair<Timestamp, EndpointQueue*>;
  // Of two at one moment, the same is first in every run.
  struct Sooner {
    bool operator()(const Alarm& a, const Alarm& b) const {
      return std::tie(a.first, a.second->endpoint) < std::tie(b.first, b.second->endpoint);
    }
  };

  std::set<Alarm, Sooner> alarms_;
  boost::asio::steady_timer timer_;
};

}  // namespace waybill::delivery
