// Real time for measuring: what the ledger's latencies and outages are told in.

#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace waybill::bench {

using Moment = std::chrono::steady_clock::time_point;

inline Moment moment_now() { return Deadline::after(std::chrono::milliseconds(0)).time_point(); }

inline std::int64_t micros_between(Moment from, Moment to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

// Seconds of CLOCK_MONOTONIC, which every process of a machine shares: Python's time.monotonic().
inline double monotonic_seconds(Moment moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count();
}

}  // namespace waybill::bench
