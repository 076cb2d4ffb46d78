// Of each endpoint's latest attempts, how many failed: when it is to be called failing, and when it
// is well again. Counted by each node for itself, from the first failure it sees on, and from anew
// after a restart; whether an endpoint is failing is stored.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "model/delivery.h"
#include "model/event.h"

namespace waybill::delivery {

// What the latest attempts come to.
struct FailureRate {
  enum class Turn { kNone, kFailing, kWell };
  Turn turn = Turn::kNone;
  int attempts = 0;
  int failed = 0;
};

class FailureRates {
 public:
  // More than `percent` of the latest `attempts` is failing; no more than half of that is well
  // again, so that one who hovers about the threshold is told of once.
  FailureRates(int attempts, int percent) : attempts_(attempts), percent_(percent) {}

  // An attempt at `delivery` has ended. `known`: its endpoint is called failing already. Alerts
  // that fail are no news, and what is neither success nor failure (model::is_failure()) does not
  // count.
  FailureRate note(const model::Delivery& delivery, const model::Attempt& attempt, bool known) {
    const bool failed = model::is_failure(attempt.outcome);
    const bool counts = failed || attempt.outcome == model::Outcome::kSucceeded;
    if (!counts || model::is_alert(delivery.event_type)) return {};
    return note(delivery.endpoint_id, failed, known);
  }
  FailureRate note(const model::EndpointId& endpoint, bool failed, bool known) {
    // Without a failure there is nothing to count: most endpoints take no memory here.
    if (!failed && !known && !windows_.contains(endpoint)) return {};
    Window& window = windows_[endpoint];
    window.latest.push_back(failed);
    window.failed += failed ? 1 : 0;
    if (window.latest.size() > static_cast<std::size_t>(attempts_)) {
      window.failed -= window.latest.front() ? 1 : 0;
      window.latest.pop_front();
    }
    FailureRate rate{FailureRate::Turn::kNone, static_cast<int>(window.latest.size()),
                     window.failed};
    const bool full = rate.attempts == attempts_;
    if (full && !known && rate.failed * 100 > percent_ * attempts_) {
      rate.turn = FailureRate::Turn::kFailing;
    } else if (full && known && rate.failed * 200 <= percent_ * attempts_) {
      rate.turn = FailureRate::Turn::kWell;
    }
    if (rate.failed == 0 && full) windows_.erase(endpoint);
    return rate;
  }

  std::size_t endpoints() const { return windows_.size(); }

 private:
  struct Window {
    std::deque<bool> latest;
    int failed = 0;
  };

  const int attempts_;
  const int percent_;
  std::unordered_map<model::EndpointId, Window> windows_;
};

}  // namespace waybill::delivery
