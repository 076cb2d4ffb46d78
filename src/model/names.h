// Enumerators and the words they are written as, in tables, the API and logs.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/check.h"

namespace waybill::model {

template <class Enum, std::size_t N>
struct Names {
  struct Entry {
    Enum value;
    std::string_view word;
  };
  Entry all[N];

  std::string_view name(Enum value) const {
    for (const auto& [candidate, word] : all) {
      if (candidate == value) return word;
    }
    WAYBILL_CHECK(false, "every enumerator has a name");
    return {};
  }
  std::optional<Enum> parse(std::string_view word) const {
    for (const auto& [value, candidate] : all) {
      if (candidate == word) return value;
    }
    return std::nullopt;
  }
};

}  // namespace waybill::model
