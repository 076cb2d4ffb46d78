#include "dialect/schema.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/check.h"
#include "dialect/schema_rules.h"

namespace waybill::dialect {
namespace {

using Fault = Schema::Fault;
using Rules = Schema::Rules;

constexpr std::size_t kShownBytesMax = 200;

std::uint8_t type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return kNullType;
    case json::kind::bool_: return kBooleanType;
    case json::kind::object: return kObjectType;
    case json::kind::array: return kArrayType;
    case json::kind::string: return kStringType;
    case json::kind::int64:
    case json::kind::uint64: return kNumberType | kIntegerType;
    case json::kind::double_: {
      const double number = value.get_double();
      return std::trunc(number) == number ? kNumberType | kIntegerType : kNumberType;
    }
  }
  return 0;
}

std::string spoken(std::uint8_t types) {
  std::string out;
  for (const TypeName& name : kTypeNames) {
    if (name.bit == kIntegerType && (types & kNumberType) != 0) continue;
    if ((types & name.bit) == 0) continue;
    out += fmt::format("{}{}", out.empty() ? "" : " or ", name.spoken);
  }
  return out;
}

// Wide enough for every int64, uint64 and double, on every processor we build for.
long double number_of(const json::value& value) {
  if (const std::int64_t* number = value.if_int64()) return static_cast<long double>(*number);
  if (const std::uint64_t* number = value.if_uint64()) return static_cast<long double>(*number);
  return value.get_double();
}

// As JSON Schema has it: 1 is 1.0, and the order of members means nothing.
bool same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.kind() != b.kind()) return false;
  if (const json::array* items = a.if_array()) {
    const json::array& others = b.get_array();
    return std::equal(items->begin(), items->end(), others.begin(), others.end(), same);
  }
  if (const json::object* members = a.if_object()) {
    const json::object& others = b.get_object();
    return members->size() == others.size() &&
           std::all_of(members->begin(), members->end(), [&](const auto& member) {
             const json::value* other = others.if_contains(member.key());
             return other != nullptr && same(member.value(), *other);
           });
  }
  return a == b;
}

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string shown(const json::value& value) {
  std::string text = write_json(value);
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "…";
  return text;
}

Fault fault(std::string problem) { return {{}, std::move(problem)}; }

std::optional<Fault> check_number(const Rules& rules, const json::value& value) {
  const long double number = number_of(value);
  const auto outside = [&](std::string_view bound, const json::value& limit) {
    return fault(fmt::format("has to be {} {}", bound, write_json(limit)));
  };
  if (rules.minimum && number < number_of(*rules.minimum)) {
    return outside("at least", *rules.minimum);
  }
  if (rules.maximum && number > number_of(*rules.maximum)) {
    return outside("at most", *rules.maximum);
  }
  if (rules.above && number <= number_of(*rules.above)) return outside("above", *rules.above);
  if (rules.below && number >= number_of(*rules.below)) return outside("below", *rules.below);
  return std::nullopt;
}

std::optional<Fault> check_text(const Rules& rules, std::string_view text) {
  const std::size_t characters =
      rules.characters_min > 0 || rules.characters_max < SIZE_MAX ? character_count(text) : 0;
  if (characters < rules.characters_min) {
    return fault(fmt::format("has to have at least {} characters", rules.characters_min));
  }
  if (characters > rules.characters_max) {
    return fault(fmt::format("has to have at most {} characters", rules.characters_max));
  }
  if (rules.pattern && !re2::RE2::PartialMatch(text, *rules.pattern)) {
    return fault(fmt::format("has to match {}", rules.pattern->pattern()));
  }
  if (rules.format != nullptr && !rules.format->fits(text)) {
    return fault(fmt::format("has to be {}", rules.format->spoken));
  }
  return std::nullopt;
}

std::optional<Fault> check_value(const Rules& rules, const json::value& value);

// The fault of what lies one step below.
std::optional<Fault> check_below(const Rules& rules, const json::value& value, JsonStep step) {
  std::optional<Fault> found = check_value(rules, value);
  if (found) found->at.insert(found->at.begin(), std::move(step));
  return found;
}

std::optional<Fault> check_array(const Rules& rules, const json::array& items) {
  if (items.size() < rules.items_min) {
    return fault(fmt::format("has to have at least {} elements", rules.items_min));
  }
  if (items.size() > rules.items_max) {
    return fault(fmt::format("has to have at most {} elements", rules.items_max));
  }
  if (!rules.items) return std::nullopt;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (auto found = check_below(*rules.items, items[i], i)) return found;
  }
  return std::nullopt;
}

std::optional<Fault> check_object(const Rules& rules, const json::object& members) {
  for (const std::string& name : rules.required) {
    if (!members.contains(name)) return Fault{{name}, "is missing"};
  }
  for (const auto& [name, property] : rules.properties) {
    const json::value* member = members.if_contains(name);
    if (member == nullptr) continue;
    if (auto found = check_below(*property, *member, name)) return found;
  }
  if (!rules.other_properties) return std::nullopt;
  for (const auto& member : members) {
    const bool listed = std::any_of(rules.properties.begin(), rules.properties.end(),
                                    [&](const auto& other) { return other.first == member.key(); });
    if (listed) continue;
    auto found = check_below(*rules.other_properties, member.value(), std::string(member.key()));
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<Fault> check_value(const Rules& rules, const json::value& value) {
  const std::uint8_t type = type_of(value);
  if (rules.types == 0) return fault("must not be there");
  if ((rules.types & type) == 0) {
    return fault(fmt::format("has to be {}, and is {}", spoken(rules.types), spoken(type)));
  }
  if (rules.constant && !same(*rules.constant, value)) {
    return fault(fmt::format("has to be {}", shown(*rules.constant)));
  }
  if (rules.choices &&
      std::none_of(rules.choices->begin(), rules.choices->end(),
                   [&](const json::value& choice) { return same(choice, value); })) {
    return fault(fmt::format("has to be one of {}", shown(*rules.choices)));
  }
  if (const json::object* members = value.if_object()) return check_object(rules, *members);
  if (const json::array* items = value.if_array()) return check_array(rules, *items);
  if (const json::string* text = value.if_string()) {
    return check_text(rules, std::string_view(text->data(), text->size()));
  }
  if (value.is_number()) return check_number(rules, value);
  return std::nullopt;
}

}  // namespace

Schema::Schema() : rules_(std::make_shared<const Rules>()) {}

std::optional<Schema::Fault> Schema::check(const json::value& data) const {
  return check_value(*rules_, data);
}

}  // namespace waybill::dialect
