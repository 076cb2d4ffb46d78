// Calls that wait for something to come. So many may wait at one time, and all are ended at once
// when the hub stops.
//
// Used from the thread of the io_context only.

#pragma once

#include <optional>
#include <set>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/clock.h"
#include "base/task.h"

namespace waybill::surfaces::native {

class Waits {
 public:
  static constexpr int kMax = 100;

  // One of the places, until it is gone.
  class Place {
   public:
    explicit Place(Waits& waits) : waits_(&waits) { ++waits.taken_; }
    Place(Place&& other) noexcept : waits_(std::exchange(other.waits_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (waits_ != nullptr) --waits_->taken_;
    }

    // Returns at `when`, or at end_all().
    Task<void> until(Timestamp when, Clock& clock) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      if (waits_->ended_) co_return;
      waits_->timers_.insert(&timer);
      co_await clock.wait_until(when, timer);
      waits_->timers_.erase(&timer);
    }

   private:
    Waits* waits_;
  };

  // Nothing: all are taken.
  std::optional<Place> take() {
    if (taken_ >= kMax) return std::nullopt;
    return Place(*this);
  }

  void end_all() {
    ended_ = true;
    for (auto* timer : timers_) timer->cancel();
  }
  bool ended() const { return ended_; }

 private:
  std::set<boost::asio::steady_timer*> timers_;
  int taken_ = 0;
  bool ended_ = false;
};

}  // namespace waybill::surfaces::native
