// A HashBudget holds each of many other ends to so many hashed bytes a second, and up to one
// second's worth of them at once.
//
// How much a search for a key hashes is known only when it is over. So one may begin whenever what
// came before is paid for, and what it took is paid for afterwards, by waiting.
//
// It does no I/O, and time is an argument. An other end that owes nothing is as if it had never
// come, so no more are remembered than are busy.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace waybill::surfaces {

// Who `peer` is for a budget: an IPv4 address, however it is written, or the /64 of an IPv6
// address, all of which is one customer's. Anything else stands for itself.
std::string other_end_of(std::string_view peer);

class HashBudget {
 public:
  static constexpr std::int64_t kBytesPerSecond = 32 * 1024 * 1024;
  // Remembered. When more are busy, all fare as if they were new.
  static constexpr std::size_t kOtherEndsMax = 100'000;

  bool may_begin(const std::string& other_end, Timestamp now) const {
    return may_go_on(other_end, 0, now);
  }
  // A search that has spent `own` bytes so far goes on whatever it owes itself: what others owe of
  // the same other end may stop it.
  bool may_go_on(const std::string& other_end, std::int64_t own, Timestamp now) const;
  // What turns out not to be in vain is given back: `bytes` below zero.
  void spend(const std::string& other_end, std::int64_t bytes, Timestamp now);

 private:
  using Micros = std::chrono::sys_time<std::chrono::microseconds>;
  static std::chrono::microseconds time_for(std::int64_t bytes);

  std::unordered_map<std::string, Micros> paid_until_;  // At kBytesPerSecond.
};

}  // namespace waybill::surfaces
