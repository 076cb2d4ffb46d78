#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"

namespace waybill {

std::string replace_invalid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string clean;
  while (!text.empty()) {
    std::size_t length = std::min<std::size_t>(4, text.size());
    while (length > 0 && !is_utf8(text.substr(0, length))) --length;
    // Whatever begins here is read one character at a time, so that a fault costs one byte only.
    while (length > 1 && is_utf8(text.substr(0, length - 1))) --length;
    clean += length == 0 ? replacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

void append_value(std::string& out, std::string_view text) { append_json_string(out, text); }

void append_value(std::string& out, std::int64_t number) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  out.append(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
}

void append_value(std::string& out, double number) { out += json_number(number); }

void append_value(std::string& out, bool flag) { out += flag ? "true" : "false"; }

std::string& ObjectText::member(std::string_view name) {
  const std::size_t before = out_.size();
  // As one piece: it is asked once whether there is room.
  out_.resize_and_overwrite(before + name.size() + 4, [&](char* text, std::size_t) {
    char* at = text + before;
    if (!first_) *at++ = ',';
    *at++ = '"';
    at += name.copy(at, name.size());
    *at++ = '"';
    *at++ = ':';
    return at - text;
  });
  first_ = false;
  return out_;
}

}  // namespace waybill
