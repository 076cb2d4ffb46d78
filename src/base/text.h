// What several parts do with short texts.

#pragma once

#include <string_view>

namespace waybill {

// Without the spaces and tabs that it begins and ends with: the optional white space of HTTP's
// lists (RFC 9110 §5.6.3).
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace waybill
