// An ObjectText writes one JSON object, member after member, straight into a text. What is made
// once and read by nobody here, such as an answer or an event's data, is never built as a tree
// first.
//
//   ObjectText object(out);
//   object.add("id", endpoint.id).add("url", endpoint.url);
//   object.end();

#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace waybill {

// The same text, with U+FFFD for every byte that belongs to no character.
std::string replace_invalid_utf8(std::string_view text);

// One value; `text` has to be valid UTF-8, `number` finite.
void append_value(std::string& out, std::string_view text);
void append_value(std::string& out, std::int64_t number);
void append_value(std::string& out, double number);
void append_value(std::string& out, bool flag);
inline void append_value(std::string& out, const std::string& text) {
  append_value(out, std::string_view(text));
}
inline void append_value(std::string& out, const char* text) {
  append_value(out, std::string_view(text));
}
inline void append_value(std::string& out, Timestamp time) { append_value(out, iso_time(time)); }
// As format_duration() writes it: "5m".
inline void append_value(std::string& out, std::chrono::milliseconds duration) {
  append_value(out, format_duration(duration));
}
inline void append_value(std::string& out, std::integral auto number) {
  append_value(out, static_cast<std::int64_t>(number));
}
template <class Tag>
void append_value(std::string& out, const Id<Tag>& id) {
  append_value(out, id.text());
}

// An array: `append_one(out, item)` writes each of its items.
template <class Range, class AppendOne>
void append_array(std::string& out, const Range& items, AppendOne append_one) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append_one(out, item);
  }
  out += ']';
}

template <class T>
void append_value(std::string& out, const std::vector<T>& values) {
  append_array(out, values, [](std::string& text, const T& value) { append_value(text, value); });
}
// Nothing is null.
template <class T>
void append_value(std::string& out, const std::optional<T>& value) {
  if (value) {
    append_value(out, *value);
  } else {
    out += "null";
  }
}

class ObjectText {
 public:
  explicit ObjectText(std::string& out) : out_(out) { out_ += '{'; }
  ObjectText(const ObjectText&) = delete;
  ObjectText& operator=(const ObjectText&) = delete;

  // `name` is written as it is: a literal that needs no escapes.
  template <class T>
  ObjectText& add(std::string_view name, const T& value) {
    append_value(member(name), value);
    return *this;
  }
  // Nothing is left out.
  template <class T>
  ObjectText& add_if(std::string_view name, const std::optional<T>& value) {
    return value ? add(name, *value) : *this;
  }
  // `json` is JSON already.
  ObjectText& add_json(std::string_view name, std::string_view json) {
    member(name) += json;
    return *this;
  }
  // Begins a member; the caller writes its value into what is returned.
  std::string& member(std::string_view name);

  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace waybill
