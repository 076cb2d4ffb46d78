// The story of one simulated world, line by line: what two runs of one seed must have in common,
// and what a person reads who wants to know why a seed fails.

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "simulation/machine.h"

namespace waybill::simulation {

class Trace {
 public:
  static constexpr std::size_t kLinesKept = 60;

  // Prints each line as it comes, if told to.
  Trace(const Machine& machine, bool prints) : machine_(machine), prints_(prints) {}

  void add(std::string_view who, std::string_view what);

  // Of all lines.
  std::uint64_t digest() const { return digest_; }
  const std::deque<std::string>& last_lines() const { return last_; }

 private:
  const Machine& machine_;
  const bool prints_;
  std::uint64_t digest_ = 14695981039346656037ull;  // FNV-1a
  std::deque<std::string> last_;
};

}  // namespace waybill::simulation
