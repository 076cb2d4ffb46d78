#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"
#include "base/json_path.h"

namespace waybill {
namespace {

// Builds the value in place from what Boost's parser reports, and watches for what it lets pass.
//
// A member enters its object as null when its name is read, so that one lookup both finds
// duplicates and makes room, and the containers themselves know the path whenever it is asked for:
// the last member or element of each is the one being read.
class Builder {
 public:
  // What basic_parser demands of its handler.
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();

  explicit Builder(json::storage_ptr memory) : root_(std::move(memory)) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code&) {
    json::value& object = place();
    object.emplace_object();
    return open(object);
  }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_array_begin(json::error_code&) {
    json::value& array = place();
    array.emplace_array();
    return open(array);
  }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }

  // A name or string with escapes comes in parts.
  bool on_key_part(json::string_view text, std::size_t, json::error_code&) { return keep(text); }
  bool on_key(json::string_view text, std::size_t, json::error_code& error) {
    json::object& object = open_[depth_ - 1]->get_object();
    // Enough for most objects; Boost would begin with room for one.
    if (object.empty()) object.reserve(8);
    if (!parts_.empty()) {
      keep(text);
      text = parts_;
    }
    const auto [member, inserted] = object.emplace(text, nullptr);
    if (!inserted) {
      duplicate_ = text;
      return refuse("duplicate_member", error);
    }
    parts_.clear();
    slot_ = &member->value();
    return true;
  }

  bool on_string_part(json::string_view text, std::size_t, json::error_code&) { return keep(text); }
  bool on_string(json::string_view text, std::size_t, json::error_code&) {
    json::string& string = place().emplace_string();
    if (parts_.empty()) {
      string.assign(text);
    } else {
      keep(text);
      string.assign(parts_);
      parts_.clear();
    }
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    place().emplace_int64() = number;
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    place().emplace_uint64() = number;
    return true;
  }
  bool on_double(double approximate, json::string_view text, json::error_code& error) {
    double number = 0;
    const auto [end, failure] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::general);
    WAYBILL_CHECK(end == text.data() + text.size(), "a JSON number is read whole");
    if (failure != std::errc{} || std::isinf(number)) [[unlikely]] {
      // Out of range at which end? Boost's own reading is wrong in the last digits only.
      if (std::abs(approximate) > 1) {
        number_ = text.data();
        return refuse("number_out_of_range", error);
      }
      number = 0;
    }
    place().emplace_double() = number;
    return true;
  }

  bool on_bool(bool truth, json::error_code&) {
    place().emplace_bool() = truth;
    return true;
  }
  bool on_null(json::error_code&) {
    place().emplace_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  json::value take() { return std::move(root_); }

  // Which of our own rules the text broke; empty if it is Boost that gave up.
  std::string_view reason() const { return reason_; }
  std::string_view duplicate() const { return duplicate_; }
  const char* number() const { return number_; }

  // Of the value that is being read, or of the container around it if none has begun.
  // `in_element`: an element of the innermost array has begun, though Boost did not say so.
  std::string path(bool in_element) const {
    std::string path = "$";
    for (std::size_t i = 0; i < depth_; ++i) {
      const bool innermost = i + 1 == depth_;
      if (const json::array* array = open_[i]->if_array()) {
        if (!innermost) append_json_path(path, array->size() - 1);
        if (innermost && in_element) append_json_path(path, array->size());
      } else if (!innermost || slot_ != nullptr) {
        append_json_path(path, std::prev(open_[i]->get_object().end())->key());
      }
    }
    if (reason_ == "duplicate_member") append_json_path(path, std::string_view(duplicate_));
    return path;
  }

 private:
  // Where the value that begins now belongs. Stays valid until it is complete: nothing is added to
  // a container while one of its own values is being read.
  json::value& place() {
    if (depth_ == 0) return root_;
    if (slot_ != nullptr) return *std::exchange(slot_, nullptr);
    return open_[depth_ - 1]->get_array().emplace_back(nullptr);
  }

  bool open(json::value& container) {
    WAYBILL_CHECK(depth_ < open_.size(), "the parser was told how deep it may go");
    open_[depth_++] = &container;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }
  bool keep(json::string_view text) {
    parts_.append(text.data(), text.size());
    return true;
  }
  bool refuse(std::string_view reason, json::error_code& error) {
    reason_ = reason;
    error = json::error::exception;  // Any will do: reason() is asked first.
    return false;
  }

  json::value root_;
  std::array<json::value*, kJsonDepthMax> open_;  // The containers around the current value.
  std::size_t depth_ = 0;
  json::value* slot_ = nullptr;  // The member whose name is read, until its value begins.
  std::string parts_;
  std::string_view reason_;
  std::string duplicate_;
  const char* number_ = nullptr;
};

// The length of the longest well-formed prefix (The Unicode Standard, table 3-7).
std::size_t utf8_prefix(std::string_view text) {
  const auto* const begin = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = begin + text.size();
  const auto continues = [end](const unsigned char* at, int count) {
    if (end - at < count) return false;
    return std::all_of(at, at + count, [](unsigned char c) { return (c & 0xC0) == 0x80; });
  };
  const unsigned char* at = begin;
  while (at != end) {
    while (end - at >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, at, sizeof eight);
      if ((eight & 0x8080808080808080) != 0) break;
      at += 8;
    }
    if (at == end) break;
    const unsigned char lead = *at;
    if (lead < 0x80) {
      ++at;
    } else if (lead >= 0xC2 && lead <= 0xDF && continues(at + 1, 1)) {
      at += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF && continues(at + 1, 2) &&
               (lead != 0xE0 || at[1] >= 0xA0) &&  // Not what two bytes could say,
               (lead != 0xED || at[1] <= 0x9F)) {  // and no surrogate.
      at += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4 && continues(at + 1, 3) &&
               (lead != 0xF0 || at[1] >= 0x90) && (lead != 0xF4 || at[1] <= 0x8F)) {
      at += 4;
    } else {
      break;
    }
  }
  return static_cast<std::size_t>(at - begin);
}

// "line 3, column 14", both from 1; columns count characters, as editors do.
std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto characters =
      std::ranges::count_if(before.substr(line_start), [](char c) { return (c & 0xC0) != 0x80; });
  return fmt::format("line {}, column {}", lines + 1, characters + 1);
}

// Whether the fault is that one half of a surrogate pair stands alone. Boost says so only of some.
bool is_lone_surrogate(std::string_view text, std::size_t offset, const json::error_code& error) {
  if (error == json::error::illegal_leading_surrogate ||
      error == json::error::illegal_trailing_surrogate) {
    return true;
  }
  // Another character follows where the other half should: "\ud800x", "\ud800\n".
  if (error != json::error::syntax) return false;
  std::string_view before = text.substr(0, offset);
  if (before.ends_with('\\')) before.remove_suffix(1);
  if (before.size() < 6) return false;
  before = before.substr(before.size() - 6);
  return before.starts_with("\\u") && (before[2] | 0x20) == 'd' &&
         std::string_view("89abAB").contains(before[3]);
}

std::string unexpected(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7F) return fmt::format("control character \\u{:04x}", byte);
  if (byte >= 0x80) return "character";
  return fmt::format("'{}'", c);
}

// `offset` is where Boost stopped.
Error explain(std::string_view text, std::size_t offset, const json::error_code& error,
              const Builder& builder) {
  const auto refuse = [](std::string_view reason, std::string message, std::string path) {
    return Error(Code::kInvalid, reason, std::move(message), std::move(path));
  };
  if (builder.reason() == "duplicate_member") {
    return refuse(builder.reason(),
                  fmt::format("A member is named a second time at {}.", place_of(text, offset)),
                  builder.path(false));
  }
  if (builder.reason() == "number_out_of_range") {
    offset = static_cast<std::size_t>(builder.number() - text.data());
    return refuse(builder.reason(),
                  fmt::format("The number at {} is too large.", place_of(text, offset)),
                  builder.path(true));
  }
  const std::string place = place_of(text, offset);
  if (error == json::error::exponent_overflow) {
    return refuse("number_out_of_range",
                  fmt::format("The exponent at {} has too many digits.", place),
                  builder.path(true));
  }
  if (error == json::error::too_deep) {
    return refuse(
        "too_deep",
        fmt::format("Arrays and objects are more than {} deep at {}.", kJsonDepthMax, place),
        builder.path(true));
  }
  if (is_lone_surrogate(text, offset, error)) {
    return refuse("invalid_utf8",
                  fmt::format("The escape at {} is half of a surrogate pair.", place),
                  builder.path(true));
  }

  std::string message;
  if (!error) {
    message = fmt::format("The JSON is complete, but more text follows at {}.", place);
  } else if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    message = "The text is empty where JSON is expected.";
  } else if (error == json::error::incomplete || offset >= text.size()) {
    message = fmt::format("The JSON ends too early, at {}.", place_of(text, text.size()));
  } else {
    message =
        fmt::format("The JSON is malformed at {}: unexpected {}.", place, unexpected(text[offset]));
  }
  return refuse("malformed_json", std::move(message), builder.path(false));
}

json::parse_options parse_options() {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  options.allow_invalid_utf8 = true;  // It is valid: parse_json() looks first.
  return options;
}

// What `begin` leads to, if it is how a JSON text can begin; else there is no place to name.
std::string path_after(std::string_view begin) {
  json::basic_parser<Builder> parser(parse_options(), json::storage_ptr());
  json::error_code error;
  const std::size_t used = parser.write_some(/*more=*/true, begin.data(), begin.size(), error);
  const bool good = !error && used == begin.size();
  return good ? parser.handler().path(/*in_element=*/true) : "$";
}

}  // namespace

Result<json::value> parse_json(std::string_view text, json::storage_ptr memory) {
  const std::size_t valid = utf8_prefix(text);
  if (valid < text.size()) [[unlikely]] {
    return fail(Code::kInvalid, "invalid_utf8",
                fmt::format("The text is not UTF-8 from byte {} on.", valid),
                path_after(text.substr(0, valid)));
  }
  json::basic_parser<Builder> parser(parse_options(), std::move(memory));
  json::error_code error;
  const std::size_t used = parser.write_some(/*more=*/false, text.data(), text.size(), error);
  if (error || used < text.size()) [[unlikely]] {
    return fail(explain(text, used, error, parser.handler()));
  }
  return parser.handler().take();
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace waybill
