#include "simulation/trace.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace waybill::simulation {

void Trace::add(std::string_view who, std::string_view what) {
  const auto seconds = machine_.passed / std::chrono::seconds(1);
  std::string line =
      fmt::format("{:6}.{:03} {:<8} {}", seconds, machine_.passed.count() % 1000, who, what);
  for (const char c : line) {
    digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  }
  if (prints_) {
    fmt::print("{}\n", line);
  }
  last_.push_back(std::move(line));
  if (last_.size() > kLinesKept) last_.pop_front();
}

}  // namespace waybill::simulation
