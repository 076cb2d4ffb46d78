// A Quota lets each of many callers make so many calls in each hour, day or minute of the clock:
// windows that begin and end for everybody at once, so that a caller can be told when the next one
// begins.
//
// It does no I/O, and time is an argument. Nothing is remembered of windows that are over.

#pragma once

#include <chrono>
#include <cstddef>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::net {

class Quota {
 public:
  // Remembered. When so many call within one window, all of them fare as if they were new.
  static constexpr std::size_t kCallersMax = 100'000;

  struct Window {
    std::chrono::seconds length{0};
    int calls_max = 0;  // 0: any number.
  };
  // How a caller stands in one window.
  struct State {
    std::chrono::seconds length{0};
    int calls_max = 0;
    int made = 0;
    Timestamp ends_at{};

    int remaining() const { return calls_max - made; }
  };

  // Windows without a bound are left out.
  explicit Quota(const std::vector<Window>& windows);

  // Counts a call of `caller` in every window. False: one of them is full, and it counts in none.
  bool allow(const Uuid& caller, Timestamp now);

  // How `caller` stands at `now` in each window, in the order they were given.
  std::vector<State> states(const Uuid& caller, Timestamp now) const;

 private:
  struct Counter {
    Timestamp began_at{};
    std::unordered_map<Uuid, int> made;
  };
  static Timestamp begin_of(const Window& window, Timestamp now);

  std::vector<Window> windows_;
  std::vector<Counter> counters_;  // One for each window.
};

}  // namespace waybill::net
