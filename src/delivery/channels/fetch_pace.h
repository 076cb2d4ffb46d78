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

  // When a request may leave. If it may not, it is to be tried again after `put_off`: that turn is
  // kept for it, one interval after the one before it. So who was put off is not passed by those
  // who come later, and a thousand that wait do not all ask again and again.
  struct Turn {
    bool granted = false;
    Timestamp at{};  // Not before now.
    std::chrono::milliseconds put_off{0};
  };

  explicit FetchPace(const dialect::FetchRules& rules)
      : interval_(rules.per_second > 0 ? 1000 / rules.per_second : 0),
        quota_({{std::chrono::hours(1), rules.per_hour}, {std::chrono::hours(24), rules.per_day}}) {
  }

  // Counts a request of `caller` if it may leave by now + `wait_max`. `who` is the same when it is
  // tried again.
  Turn take(const Uuid& caller, const Uuid& who, Timestamp now,
            std::chrono::milliseconds wait_max) {
    if (callers_.size() >= kCallersMax) forget_the_rested(now);
    Caller& own = callers_[caller];
    const auto kept = own.kept.find(who);
    const bool is_kept = kept != own.kept.end();
    Timestamp turn = std::max({now, own.next, is_kept ? kept->second : own.end});
    // While turns are kept for others, nobody is let by in advance.
    bool granted = turn <= now + wait_max && (is_kept || own.last_kept < now);
    for (const net::Quota::State& state : quota_.states(caller, now)) {
      if (state.remaining() > 0) continue;
      granted = false;
      // Those whose turns are before the window's end are put off together, and keep their order.
      if (turn < state.ends_at) turn = std::max(state.ends_at, own.end);
    }
    own.end = std::max(own.end, turn + interval_);
    if (granted) {
      if (is_kept) own.kept.erase(kept);
      quota_.allow(caller, now);
      own.next = turn + interval_;
      return {true, turn, {}};
    }
    if (own.kept.size() >= kTurnsMax) own.forget_the_missed(now);
    if (own.kept.size() < kTurnsMax) {
      own.kept.insert_or_assign(who, turn);
      own.last_kept = std::max(own.last_kept, turn);
    }
    return {false, {}, turn - now};
  }

 private:
  // Of one caller. Who has been put off beyond that comes again as if it were new.
  static constexpr std::size_t kTurnsMax = 10'000;

  struct Caller {
    Timestamp next{};                          // No request leaves before.
    Timestamp end{};                           // The first turn that is not kept for anybody.
    std::unordered_map<Uuid, Timestamp> kept;  // The turns of those who were put off …
    Timestamp last_kept{};                     // … and the last of them.

    // They would have been here by now.
    void forget_the_missed(Timestamp now) {
      std::erase_if(kept, [now](const auto& turn) { return turn.second <= now - kMissed; });
    }
  };
  static constexpr std::chrono::minutes kMissed{1};

  void forget_the_rested(Timestamp now) {
    std::erase_if(callers_, [now](const auto& entry) { return entry.second.end <= now - kMissed; });
    if (callers_.size() >= kCallersMax) callers_.clear();
  }

  const std::chrono::milliseconds interval_;
  net::Quota quota_;
  std::unordered_map<Uuid, Caller> callers_;
};

}  // namespace waybill::delivery
