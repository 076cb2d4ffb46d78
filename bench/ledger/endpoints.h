// The endpoints that receive, by path: "/hook/NAME", or "/hook/NAME.0", "/hook/NAME.1" and so on
// for a group of several. One thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bench/ledger/behaviour.h"
#include "bench/ledger/ledger.h"

namespace waybill::bench {

class Endpoints {
 public:
  // Outlived by the ledger.
  explicit Endpoints(Ledger& ledger) : ledger_(ledger) {}

  struct Place {
    std::uint32_t group = 0;
    std::uint32_t member = 0;
  };

  // Adds what "NAME", "NAME=BEHAVIOUR" or "NAME*COUNT=BEHAVIOUR" says; healthy unless it says so.
  // Fails with kInvalid if it is not written so, or the name is taken.
  Result<void> add(std::string_view text);
  // Fails with kNotFound, or as parse_behaviour().
  Result<void> behave(std::string_view name, std::string_view behaviour);

  std::optional<Place> find(std::string_view path) const;
  std::optional<std::uint32_t> find_group(std::string_view name) const;
  const Behaviour& behaviour(std::uint32_t group) const { return behaviours_[group]; }
  // For report(): of each group.
  std::vector<bool> takes_all() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Ledger& ledger_;
  std::vector<Behaviour> behaviours_;
  std::unordered_map<std::string, Place, Hash, std::equal_to<>> places_;
};

}  // namespace waybill::bench
