// The FetchPace keeps what is asked of a platform within what the platform allows each token: so
// many requests a second, an hour and a day ([receipt.fetch]).
//
// It does no I/O, and time is an argument. It knows of one node and one life of it alone: what
// other nodes ask counts too, and then the platform says so itself (429).

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"
#include "dialect/receipt.h"
#include "net/quota.h"

namespace waybill::delivery {

class FetchPace {
 public:
  // Remembered. When so many ask at one time, all of them fare as if they were new.
  static constexpr std::size_t kCallersMax = 10'000;

  // When a request may leave. If it may not, it is to be tried again after `put_off`: each that is
  // put off is told another time, one interval apart, so that a thousand that wait do not all ask
  // again and again.
  struct Turn {
    bool granted = false;
    Timestamp at{};  // Not before now.
    std::chrono::milliseconds put_off{0};
  };

  explicit FetchPace(const dialect::FetchRules& rules)
      : interval_(rules.per_second > 0 ? 1000 / rules.per_second : 0),
        quota_({{std::chrono::hours(1), rules.per_hour}, {std::chrono::hours(24), rules.per_day}}) {
  }

  // Counts a request of `caller` if it may leave by now + `wait_max`.
  Turn take(const Uuid& caller, Timestamp now, std::chrono::milliseconds wait_max) {
    if (callers_.size() >= kCallersMax) forget_the_rested(now);
    Caller& own = callers_[caller];
    Timestamp earliest = std::max(now, own.next);
    bool granted = earliest <= now + wait_max;
    for (const net::Quota::State& state : quota_.states(caller, now)) {
      if (state.remaining() > 0) continue;
      granted = false;
      earliest = std::max(earliest, state.ends_at);
    }
    if (granted) {
      quota_.allow(caller, now);
      own.next = earliest + interval_;
      return {true, earliest, {}};
    }
    own.promised = std::max(own.promised, earliest);
    const Turn turn{false, {}, own.promised - now};
    own.promised += interval_;
    return turn;
  }

 private:
  struct Caller {
    Timestamp next{};      // No request leaves before.
    Timestamp promised{};  // What the next one that is put off is told.
  };

  void forget_the_rested(Timestamp now) {
    std::erase_if(callers_, [now](const auto& entry) {
      return entry.second.next <= now && entry.second.promised <= now;
    });
    if (callers_.size() >= kCallersMax) callers_.clear();
  }

  const std::chrono::milliseconds interval_;
  net::Quota quota_;
  std::unordered_map<Uuid, Caller> callers_;
};

}  // namespace waybill::delivery
