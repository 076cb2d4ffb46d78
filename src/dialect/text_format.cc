#include "dialect/text_format.h"

#include <algorithm>
#include <array>

#include <boost/url/parse.hpp>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill::dialect {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Calls `fits` with each part between single dots: none of them may be empty.
template <class Fits>
bool all_parts(std::string_view text, Fits fits) {
  for (;;) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || !fits(part)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// RFC 5321 §4.1.2 without what nobody uses: quoted local parts, and addresses in brackets.
bool is_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at > 64 || text.size() - at > 256) return false;
  const auto atom = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) {
      return is_letter_or_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
    });
  };
  const auto label = [](std::string_view part) {
    return part.size() <= 63 && part.front() != '-' && part.back() != '-' &&
           std::ranges::all_of(part, [](char c) { return is_letter_or_digit(c) || c == '-'; });
  };
  return all_parts(text.substr(0, at), atom) && all_parts(text.substr(at + 1), label);
}

bool is_date_time(std::string_view text) { return parse_iso_time(text).has_value(); }

bool is_uri(std::string_view text) {
  return boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size())).has_value();
}

bool is_uuid(std::string_view text) { return Uuid::parse(text).has_value(); }

constexpr std::array kFormats = {
    TextFormat{"date", "an existing day, as 2026-11-21", is_iso_date},
    TextFormat{"date-time", "a time, as 2026-11-21T04:30:00Z", is_date_time},
    TextFormat{"email", "an e-mail address", is_email},
    TextFormat{"uri", "a URI with its scheme", is_uri},
    TextFormat{"uuid", "a UUID", is_uuid},
};

}  // namespace

const TextFormat* find_text_format(std::string_view name) {
  const auto* found = std::ranges::find(kFormats, name, &TextFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

std::string text_format_names() {
  std::string names;
  for (const TextFormat& format : kFormats) {
    if (!names.empty()) names += ", ";
    names += format.name;
  }
  return names;
}

}  // namespace waybill::dialect
