// Chance that a test can repeat: jitter, and the random half of ids. Never for secrets
// (crypto/random.h).

#pragma once

#include <cstdint>
#include <random>

namespace waybill {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }

  // Uniform in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace waybill
