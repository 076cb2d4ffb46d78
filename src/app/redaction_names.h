// What the name of a member says of its value, for the request log's redaction.

#pragma once

#include <algorithm>
#include <span>
#include <string_view>

namespace waybill::app {

// What is kept of a value.
enum class Kept {
  kAll,
  kHost,  // Of an address: scheme and host.
  kNothing,
};
// What a member is in {"name": …, "value": …}.
enum class Part { kNone, kName, kValue };
// What a member's name makes of its value.
struct Treatment {
  Kept kept = Kept::kAll;
  bool is_person = false;  // Nothing is kept of an object or a list.
  Part part = Part::kNone;
};

// `name` is what stands between the quotes, or another text that stands for a name. Bodies have the
// same few names again and again: each is looked at once, and remembered by its thread.
Treatment treatment_of(std::string_view name);

inline bool is_letter_or_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The last character settles nearly all.
inline bool ends_with_one_of(std::string_view text, std::span<const std::string_view> ends) {
  if (text.empty()) return false;
  return std::ranges::any_of(
      ends, [&](std::string_view one) { return one.back() == text.back() && text.ends_with(one); });
}

}  // namespace waybill::app
