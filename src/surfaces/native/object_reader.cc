#include "surfaces/native/object_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace waybill::surfaces::native {
namespace {

std::string_view type_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a text";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "something else";
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// A name that a path can show as ".name".
bool is_identifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
  };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

// A path goes back to whoever sent the name: a megabyte of it is not shown.
std::string shortened(std::string_view name) {
  constexpr std::size_t kShownBytesMax = 100;
  if (name.size() <= kShownBytesMax) return std::string(name);
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return std::string(name.substr(0, end)) + "…";
}

}  // namespace

std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now) {
  const auto ago = parse_duration(text);
  const auto moment = ago ? std::optional(now - *ago) : parse_iso_time(text);
  return moment ? std::optional(std::max(*moment, Timestamp())) : std::nullopt;
}

ObjectReader::ObjectReader(const json::object& object, std::string path, Mode mode)
    : object_(object), path_(std::move(path)), mode_(mode) {}

std::string ObjectReader::path(std::string_view name) const {
  // As parse_json() writes it.
  const std::string shown = shortened(name);
  std::string path = path_;
  if (is_identifier(shown)) {
    path += '.';
    path += shown;
  } else {
    path += '[';
    append_json_string(path, shown);
    path += ']';
  }
  return path;
}

void ObjectReader::fault(std::string path, std::string_view reason, std::string message) {
  if (fault_) return;
  fault_.emplace(Code::kInvalid, reason, std::move(message), std::move(path));
}

const json::value* ObjectReader::find(std::string_view name) {
  if (fault_) return nullptr;
  const json::value* value = object_.if_contains(name);
  if (mode_ == Mode::kLenient) return value && value->is_null() ? nullptr : value;
  known_.push_back(name);
  return value;
}

const json::value* ObjectReader::require(std::string_view name) {
  const json::value* value = find(name);
  if (!value) fault(path(name), "member_missing", fmt::format("\"{}\" is missing.", name));
  return value;
}

std::string ObjectReader::read_text(const json::value& value, const std::string& at,
                                    Length length) {
  if (!value.is_string()) {
    fault(at, "member_type", fmt::format("This has to be a text, not {}.", type_name(value)));
    return {};
  }
  const std::string_view text = value.get_string();
  const std::size_t characters = count_characters(text);
  if (characters < length.min || characters > length.max) {
    fault(at, "member_invalid",
          fmt::format("This text has to have {} to {} characters, not {}.", length.min, length.max,
                      characters));
  } else if (std::any_of(text.begin(), text.end(), is_control)) {
    fault(at, "member_invalid", "This text must not have line breaks or other control characters.");
  } else if (length.min > 0 && text.find_first_not_of(' ') == std::string_view::npos) {
    fault(at, "member_invalid", "This text must not be blank.");
  }
  return std::string(text);
}

std::string ObjectReader::text(std::string_view name, Length length) {
  const json::value* value = require(name);
  return value ? read_text(*value, path(name), length) : std::string();
}

std::optional<std::string> ObjectReader::optional_text(std::string_view name, Length length) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  return read_text(*value, path(name), length);
}

const json::object* ObjectReader::object(std::string_view name) {
  const json::value* value = require(name);
  if (!value) return nullptr;
  if (!value->is_object()) {
    fault(path(name), "member_type",
          fmt::format("This has to be an object, not {}.", type_name(*value)));
  }
  return value->if_object();
}

const json::object* ObjectReader::optional_object(std::string_view name) {
  return has(name) ? object(name) : nullptr;
}

bool ObjectReader::has_items(const json::array& items, const std::string& at, Length length) {
  if (items.size() >= length.min && items.size() <= length.max) return true;
  fault(at, "member_invalid",
        fmt::format("This array has to have {} to {} items, not {}.", length.min, length.max,
                    items.size()));
  return false;
}

const json::array* ObjectReader::array(std::string_view name, Length length) {
  const json::value* value = require(name);
  if (!value) return nullptr;
  if (!value->is_array()) {
    fault(path(name), "member_type",
          fmt::format("This has to be an array, not {}.", type_name(*value)));
    return nullptr;
  }
  return has_items(value->get_array(), path(name), length) ? &value->get_array() : nullptr;
}

std::optional<std::vector<std::string>> ObjectReader::optional_texts(std::string_view name,
                                                                     Length items, Length each) {
  if (!find(name)) return std::nullopt;
  const json::array* values = array(name, items);
  if (!values) return std::nullopt;
  std::vector<std::string> texts;
  for (const json::value& value : *values) {
    const std::string at = fmt::format("{}[{}]", path(name), texts.size());
    std::string text = read_text(value, at, each);
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) {
      fault(at, "member_invalid", fmt::format("\"{}\" is listed twice.", text));
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view name, std::int64_t min,
                                                           std::int64_t max) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_number()) {
    fault(path(name), "member_type",
          fmt::format("This has to be a whole number, not {}.", type_name(*value)));
    return std::nullopt;
  }
  // "5.0" and "5e0" are whole too.
  const double number = value->to_number<double>();
  if (std::trunc(number) != number || number < static_cast<double>(min) ||
      number > static_cast<double>(max)) {
    fault(path(name), "member_invalid",
          fmt::format("This has to be a whole number from {} to {}.", min, max));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

std::optional<bool> ObjectReader::optional_flag(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_bool()) {
    fault(path(name), "member_type",
          fmt::format("This has to be true or false, not {}.", type_name(*value)));
    return std::nullopt;
  }
  return value->get_bool();
}

std::optional<std::chrono::milliseconds> ObjectReader::read_duration(
    const json::value& value, const std::string& at, std::chrono::milliseconds min,
    std::chrono::milliseconds max) {
  if (!value.is_string()) {
    fault(at, "member_type",
          fmt::format("This has to be a duration as \"30s\", not {}.", type_name(value)));
    return std::nullopt;
  }
  const auto duration = parse_duration(value.get_string());
  if (!duration || *duration < min || *duration > max) {
    fault(at, "member_invalid",
          fmt::format("This has to be a duration from \"{}\" to \"{}\", as \"30s\", \"5m\", "
                      "\"2h\" or \"7d\".",
                      format_duration(min), format_duration(max)));
    return std::nullopt;
  }
  return duration;
}

std::optional<std::chrono::milliseconds> ObjectReader::optional_duration(
    std::string_view name, std::chrono::milliseconds min, std::chrono::milliseconds max) {
  const json::value* value = find(name);
  return value ? read_duration(*value, path(name), min, max) : std::nullopt;
}

std::optional<std::vector<std::chrono::milliseconds>> ObjectReader::optional_durations(
    std::string_view name, Length items, std::chrono::milliseconds min,
    std::chrono::milliseconds max) {
  if (!find(name)) return std::nullopt;
  const json::array* values = array(name, items);
  if (!values) return std::nullopt;
  std::vector<std::chrono::milliseconds> durations;
  for (const json::value& value : *values) {
    const std::string at = fmt::format("{}[{}]", path(name), durations.size());
    durations.push_back(read_duration(value, at, min, max).value_or(min));
  }
  return durations;
}

std::optional<Timestamp> ObjectReader::optional_time(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    fault(path(name), "member_type",
          fmt::format("This has to be a time, not {}.", type_name(*value)));
    return std::nullopt;
  }
  const auto time = parse_iso_time(value->get_string());
  if (!time) {
    fault(path(name), "member_invalid",
          "This has to be a time as \"2026-11-21T04:30:00Z\" (RFC 3339).");
  }
  return time;
}

Timestamp ObjectReader::moment(std::string_view name, Timestamp now) {
  const std::string written = text(name, {1, 100});
  const auto moment = parse_moment(written, now);
  if (!moment) {
    fault(path(name), "member_invalid",
          "This has to be a time as \"2026-11-21T04:30:00Z\", or a duration as \"1h\": that long "
          "ago.");
  }
  return moment.value_or(now);
}

bool ObjectReader::has(std::string_view name) { return find(name) != nullptr; }

bool ObjectReader::is_null(std::string_view name) {
  const json::value* value = find(name);
  return value && value->is_null();
}

void ObjectReader::check(std::string_view name, const Result<void>& verdict) {
  if (verdict || fault_) return;
  fault_ = verdict.error();
  if (fault_->path.empty()) fault_->path = path(name);
}

void ObjectReader::refuse(std::string_view name, std::string_view reason, std::string message) {
  fault(path(name), reason, std::move(message));
}

Result<void> ObjectReader::done() {
  for (const auto& member : object_) {
    if (fault_ || mode_ == Mode::kLenient) break;
    if (std::find(known_.begin(), known_.end(), member.key()) != known_.end()) continue;
    std::sort(known_.begin(), known_.end());
    known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
    fault(path(member.key()), "member_unknown",
          known_.empty() ? std::string("Nothing is expected here.")
                         : fmt::format("There is no such member here. There are: {}.",
                                       fmt::join(known_, ", ")));
  }
  if (fault_) return fail(*fault_);
  return {};
}

}  // namespace waybill::surfaces::native
