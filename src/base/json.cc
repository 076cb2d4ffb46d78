#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace waybill {
namespace {

// Up to here every integer is a double of its own, and prints as itself.
constexpr std::int64_t kExactIntegerMax = std::int64_t{1} << 53;

// For each byte of a string: 0 if it stands for itself, 'u' if it is written \u00xx, else the
// letter after the backslash.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (std::size_t c = 0; c < 0x20; ++c) escapes[c] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

// Of eight bytes at once. Seldom false for those that do, never true for those that do not: a byte
// less than another, neither of them above 0x7F, borrows its highest bit in their difference.
bool all_stand_for_themselves(const char* eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t bytes;
  std::memcpy(&bytes, eight, sizeof bytes);
  const std::uint64_t controls = bytes - kOnes * 0x20;
  const std::uint64_t quotes = (bytes ^ (kOnes * '"')) - kOnes;
  const std::uint64_t backslashes = (bytes ^ (kOnes * '\\')) - kOnes;
  return ((controls | quotes | backslashes) & ~bytes & (kOnes * 0x80)) == 0;
}

// How many bytes at the beginning of a string stand for themselves.
std::size_t plain_prefix(std::string_view text) {
  std::size_t size = 0;
  while (text.size() - size >= 8 && all_stand_for_themselves(text.data() + size)) size += 8;
  // The last ones are looked at together with some of those before them.
  if (size > 0 && text.size() - size < 8 &&
      all_stand_for_themselves(text.data() + text.size() - 8)) {
    return text.size();
  }
  while (size < text.size() && kEscapes[static_cast<unsigned char>(text[size])] == 0) ++size;
  return size;
}

template <class Integer>
void append_integer(std::string& out, Integer number) {
  std::array<char, 24> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out.append(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
}

// Of a price: a number that is no integer, but one of hundredths. Double and decimal name the same
// number if the one is the other's quotient, as a division is rounded to the double that is
// nearest; and of two decimals of up to 15 digits no two are the same double, so that there is none
// with fewer digits. False: it is no such number, and nothing is written.
bool append_hundredths(std::string& out, double number) {
  constexpr double kMax = 1e13;
  const double size = std::abs(number);
  if (size >= kMax) return false;
  const std::int64_t hundredths = std::llround(size * 100);
  if (static_cast<double>(hundredths) / 100 != size) return false;
  if (number < 0) out += '-';
  append_integer(out, hundredths / 100);
  const auto digit = [](std::int64_t value) { return static_cast<char>('0' + value); };
  out += '.';
  out += digit(hundredths / 10 % 10);
  if (hundredths % 10 != 0) out += digit(hundredths % 10);
  return true;
}

// ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20): the shortest digits that read back as the
// same double, laid out by where the decimal point falls. std::to_chars finds those digits, but its
// own layout is another.
void append_number(std::string& out, double number) {
  WAYBILL_CHECK(std::isfinite(number), "JSON has no infinity and no NaN");
  if (std::abs(number) < static_cast<double>(kExactIntegerMax) && std::trunc(number) == number) {
    append_integer(out, static_cast<std::int64_t>(number));  // -0 prints 0, as JavaScript has it.
    return;
  }
  if (append_hundredths(out, number)) return;

  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                          std::abs(number), std::chars_format::scientific);
  const std::string_view text(buffer.data(), end);  // "7.425e+02"
  const std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  std::array<char, 20> digit_buffer;
  std::size_t digit_count = 0;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digit_buffer[digit_count++] = c;
  }
  const std::string_view digits(digit_buffer.data(), digit_count);
  const int count = static_cast<int>(digit_count);
  const int point = exponent + 1;  // How many digits stand before the decimal point.

  if (number < 0) out += '-';
  if (count <= point && point <= 21) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point));
    out += '.';
    out += digits.substr(static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += exponent < 0 ? "e-" : "e+";
    append_integer(out, std::abs(exponent));
  }
}

bool starts_with_digit(std::string_view name) {
  return !name.empty() && name[0] >= '0' && name[0] <= '9';
}

// What ECMAScript calls an array index (ECMA-262 §6.1.7): "0" to "4294967294", written one way
// only.
std::optional<std::uint32_t> array_index(std::string_view name) {
  if (!starts_with_digit(name) || (name[0] == '0' && name.size() > 1)) return std::nullopt;
  std::uint32_t index = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, index);
  if (error != std::errc{} || stop != end || index == UINT32_MAX) return std::nullopt;
  return index;
}

template <bool kPretty>
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void write(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null: out_ += "null"; return;
      case json::kind::bool_: out_ += value.get_bool() ? "true" : "false"; return;
      case json::kind::int64: write_integer(value.get_int64()); return;
      case json::kind::uint64: write_integer(value.get_uint64()); return;
      case json::kind::double_: append_number(out_, value.get_double()); return;
      case json::kind::string: append_json_string(out_, value.get_string()); return;
      case json::kind::array: write_array(value.get_array()); return;
      case json::kind::object: write_object(value.get_object()); return;
    }
  }

 private:
  template <class Integer>
  void write_integer(Integer number) {
    if (std::in_range<std::int64_t>(number) && std::cmp_less_equal(number, kExactIntegerMax) &&
        std::cmp_greater_equal(number, -kExactIntegerMax)) {
      append_integer(out_, number);
    } else {
      append_number(out_, static_cast<double>(number));
    }
  }

  void write_array(const json::array& array) {
    open('[');
    for (const json::value& element : array) {
      separate();
      write(element);
    }
    close(']', array.empty());
  }

  void write_object(const json::object& object) {
    open('{');
    const bool reordered = std::ranges::any_of(
        object, [](const auto& member) { return starts_with_digit(member.key()); });
    if (reordered) {
      write_members_reordered(object);
    } else {
      for (const json::key_value_pair& member : object) write_member(member);
    }
    close('}', object.empty());
  }

  void write_members_reordered(const json::object& object) {
    std::vector<std::pair<std::uint32_t, const json::key_value_pair*>> indices;
    std::vector<const json::key_value_pair*> others;
    others.reserve(object.size());
    for (const json::key_value_pair& member : object) {
      if (const auto index = array_index(member.key())) {
        indices.emplace_back(*index, &member);
      } else {
        others.push_back(&member);
      }
    }
    std::ranges::sort(indices);
    for (const auto& [index, member] : indices) write_member(*member);
    for (const json::key_value_pair* member : others) write_member(*member);
  }

  void write_member(const json::key_value_pair& member) {
    separate();
    append_json_string(out_, member.key());
    out_ += kPretty ? ": " : ":";
    write(member.value());
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
    if constexpr (kPretty) new_line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    first_ = false;
    if constexpr (kPretty) {
      if (!empty) new_line();
    }
    out_ += bracket;
  }
  void new_line() {
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string& out_;
  std::size_t depth_ = 0;
  bool first_ = true;  // Nothing is written yet between the innermost brackets.
};

}  // namespace

std::string write_json(const json::value& value) {
  std::string out;
  out.reserve(512);  // An order: most of what we write.
  append_json(out, value);
  return out;
}

void append_json(std::string& out, const json::value& value) {
  Writer</*kPretty=*/false>(out).write(value);
}

std::string write_json_pretty(const json::value& value) {
  std::string out;
  Writer</*kPretty=*/true>(out).write(value);
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  const std::size_t before = out.size();
  const std::size_t plain = plain_prefix(text);
  // Nearly always that is all of it, and the text grows once.
  out.resize_and_overwrite(before + plain + 2, [&](char* data, std::size_t) {
    data[before] = '"';
    text.copy(data + before + 1, plain);
    data[before + 1 + plain] = '"';
    return before + plain + (plain == text.size() ? 2 : 1);
  });
  if (plain == text.size()) return;
  text.remove_prefix(plain);
  for (std::size_t run = 0; !text.empty(); text.remove_prefix(run)) {
    const auto byte = static_cast<unsigned char>(text.front());
    const char escape = kEscapes[byte];
    out += '\\';
    out += escape;
    if (escape == 'u') {
      out += "00";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
    text.remove_prefix(1);
    run = plain_prefix(text);
    out += text.substr(0, run);
  }
  out += '"';
}

std::string json_number(double number) {
  std::string out;
  append_number(out, number);
  return out;
}

}  // namespace waybill
