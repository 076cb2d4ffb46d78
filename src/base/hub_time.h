// HubTime makes one time of the machine's two clocks: it is about the system's, and never steps.
//
// The system's clock can be set at any moment, by hours. Schedules and leases measure how much time
// has passed, and must not see that. So hub time runs with the steady clock, and only leans towards
// the system's: by at most one part in kLean of what has passed, until the two are one again.
//
// Promises:
//
//  1. It never goes back.
//  2. What passes of it differs from what has passed by at most one part in kLean …
//  3. … but for a system clock that is more than kLeapMin ahead, whose time it takes at once: a
//     machine that began without the time of day has learnt it, or has been asleep for long.
//
// A plain value: it reads no clock. One thread at a time.

#pragma once

#include <chrono>

namespace waybill {

class HubTime {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using System = std::chrono::sys_time<std::chrono::nanoseconds>;

  static constexpr int kLean = 16;
  static constexpr std::chrono::hours kLeapMin{24};

  // Begins at the system's time.
  HubTime(Steady steady, System system) : steady_(steady), now_(system) {}

  // What it is when the machine's clocks say so. Requires: `steady` is not before the last one.
  System advance(Steady steady, System system);

 private:
  Steady steady_;
  System now_;
};

}  // namespace waybill
