#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "dialect/schema.h"
#include "dialect/schema_rules.h"

namespace waybill::dialect {
namespace {

using Rules = Schema::Rules;

constexpr std::string_view kDraft = "https://json-schema.org/draft/2020-12/schema";
constexpr std::int64_t kPatternMemoryMax = 1 << 20;

// A schema on its way to Rules. Each method reads one keyword's value, and fails with what it
// should have been.
class Reader {
 public:
  Result<Rules> read(const json::value& schema);

 private:
  using Read = Result<void> (Reader::*)(Rules& rules, const json::value& value);
  struct Keyword {
    std::string_view name;
    std::uint8_t types;  // Of the values that it can refuse.
    Read read;           // Null: for people.
  };
  static const std::vector<Keyword>& keywords();
  static std::string keyword_names();

  Result<void> read_keyword(Rules& rules, std::string_view name, const json::value& value);
  Result<void> type(Rules& rules, const json::value& value);
  Result<void> constant(Rules& rules, const json::value& value);
  Result<void> choices(Rules& rules, const json::value& value);
  Result<void> properties(Rules& rules, const json::value& value);
  Result<void> required(Rules& rules, const json::value& value);
  Result<void> other_properties(Rules& rules, const json::value& value);
  Result<void> items(Rules& rules, const json::value& value);
  Result<void> pattern(Rules& rules, const json::value& value);
  Result<void> format(Rules& rules, const json::value& value);
  Result<void> draft(Rules& rules, const json::value& value);
  template <std::optional<json::value> Rules::* bound>
  Result<void> number(Rules& rules, const json::value& value);
  template <std::size_t Rules::* bound>
  Result<void> count(Rules& rules, const json::value& value);

  std::unexpected<Error> refuse(std::string_view what) const {
    return fail(Code::kInvalid, "schema_invalid", fmt::format("{} {}", json_path("$", at_), what),
                json_path("$", at_));
  }
  Result<std::shared_ptr<const Rules>> read_below(const json::value& schema);

  std::vector<JsonStep> at_;  // Where in the schema.
};

const std::vector<Reader::Keyword>& Reader::keywords() {
  static const std::vector<Keyword> all = {
      {"type", kAnyType, &Reader::type},
      {"const", kAnyType, &Reader::constant},
      {"enum", kAnyType, &Reader::choices},
      {"properties", kObjectType, &Reader::properties},
      {"required", kObjectType, &Reader::required},
      {"additionalProperties", kObjectType, &Reader::other_properties},
      {"items", kArrayType, &Reader::items},
      {"minItems", kArrayType, &Reader::count<&Rules::items_min>},
      {"maxItems", kArrayType, &Reader::count<&Rules::items_max>},
      {"minimum", kNumberType, &Reader::number<&Rules::minimum>},
      {"maximum", kNumberType, &Reader::number<&Rules::maximum>},
      {"exclusiveMinimum", kNumberType, &Reader::number<&Rules::above>},
      {"exclusiveMaximum", kNumberType, &Reader::number<&Rules::below>},
      {"minLength", kStringType, &Reader::count<&Rules::characters_min>},
      {"maxLength", kStringType, &Reader::count<&Rules::characters_max>},
      {"pattern", kStringType, &Reader::pattern},
      {"format", kStringType, &Reader::format},
      {"$schema", kAnyType, &Reader::draft},
      {"$comment", kAnyType, nullptr},
      {"title", kAnyType, nullptr},
      {"description", kAnyType, nullptr},
      {"examples", kAnyType, nullptr},
      {"default", kAnyType, nullptr},
  };
  return all;
}

std::string Reader::keyword_names() {
  std::string names;
  for (const Keyword& keyword : keywords()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", keyword.name);
  }
  return names;
}

Result<Rules> Reader::read(const json::value& schema) {
  Rules rules;
  if (const bool* anything = schema.if_bool()) {
    if (!*anything) rules.types = 0;
    return rules;
  }
  const json::object* members = schema.if_object();
  if (members == nullptr) return refuse("has to be an object, true or false");
  // The type comes first, since it says which other keywords have a meaning.
  if (const json::value* type = members->if_contains("type")) {
    WAYBILL_TRY(read_keyword(rules, "type", *type));
  }
  for (const auto& member : *members) {
    if (member.key() == "type") continue;
    WAYBILL_TRY(read_keyword(rules, member.key(), member.value()));
  }
  return rules;
}

Result<void> Reader::read_keyword(Rules& rules, std::string_view name, const json::value& value) {
  const auto& all = keywords();
  const auto found = std::ranges::find(all, name, &Keyword::name);
  if (found == all.end()) {
    return refuse(fmt::format("has the keyword {}, which is not checked here: known are {}", name,
                              keyword_names()));
  }
  if (found->read == nullptr) return {};
  const std::uint8_t numbers = (rules.types & kIntegerType) != 0 ? kNumberType : 0;
  if (((rules.types | numbers) & found->types) == 0) {
    return refuse(fmt::format("has the keyword {}, which means nothing beside its type", name));
  }
  at_.emplace_back(std::string(name));
  WAYBILL_TRY((this->*found->read)(rules, value));
  at_.pop_back();
  return {};
}

Result<void> Reader::type(Rules& rules, const json::value& value) {
  json::array one;
  const json::array* words = value.if_array();
  if (words == nullptr) {
    one.push_back(value);
    words = &one;
  }
  rules.types = 0;
  for (const json::value& word : *words) {
    const auto* found = std::ranges::find_if(kTypeNames, [&](const TypeName& name) {
      return word.is_string() && word.get_string() == name.word;
    });
    if (found == std::end(kTypeNames)) return refuse("is no type, or list of types");
    rules.types = static_cast<std::uint8_t>(rules.types | found->bit);
  }
  if (rules.types == 0) return refuse("names no type");
  return {};
}

Result<void> Reader::constant(Rules& rules, const json::value& value) {
  rules.constant = value;
  return {};
}

Result<void> Reader::choices(Rules& rules, const json::value& value) {
  const json::array* all = value.if_array();
  if (all == nullptr || all->empty()) return refuse("has to be a list of values");
  rules.choices = *all;
  return {};
}

Result<void> Reader::properties(Rules& rules, const json::value& value) {
  const json::object* members = value.if_object();
  if (members == nullptr) return refuse("has to be an object of schemas");
  for (const auto& member : *members) {
    at_.emplace_back(std::string(member.key()));
    auto property = read_below(member.value());
    if (!property) return fail(property.error());
    at_.pop_back();
    rules.properties.emplace_back(std::string(member.key()), *std::move(property));
  }
  return {};
}

Result<void> Reader::required(Rules& rules, const json::value& value) {
  const json::array* names = value.if_array();
  if (names == nullptr) return refuse("has to be a list of names");
  std::set<std::string_view> seen;
  for (const json::value& name : *names) {
    if (!name.is_string() || !seen.insert(name.get_string()).second) {
      return refuse("has to be a list of names, each of them once");
    }
    rules.required.emplace_back(name.get_string());
  }
  return {};
}

Result<std::shared_ptr<const Rules>> Reader::read_below(const json::value& schema) {
  Result<Rules> below = read(schema);
  if (!below) return fail(below.error());
  return std::make_shared<const Rules>(*std::move(below));
}

Result<void> Reader::other_properties(Rules& rules, const json::value& value) {
  auto below = read_below(value);
  if (!below) return fail(below.error());
  rules.other_properties = *std::move(below);
  return {};
}

Result<void> Reader::items(Rules& rules, const json::value& value) {
  auto below = read_below(value);
  if (!below) return fail(below.error());
  rules.items = *std::move(below);
  return {};
}

Result<void> Reader::pattern(Rules& rules, const json::value& value) {
  const json::string* text = value.if_string();
  if (text == nullptr) return refuse("has to be a text");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryMax);
  auto pattern = std::make_shared<re2::RE2>(re2::StringPiece(text->data(), text->size()), options);
  if (!pattern->ok()) {
    return refuse(fmt::format("is no pattern that is known here: {}", pattern->error()));
  }
  rules.pattern = std::move(pattern);
  return {};
}

Result<void> Reader::format(Rules& rules, const json::value& value) {
  const json::string* name = value.if_string();
  if (name != nullptr) rules.format = find_text_format(*name);
  if (rules.format != nullptr) return {};
  return refuse(
      fmt::format("is no format that is checked here: known are {}", text_format_names()));
}

Result<void> Reader::draft(Rules&, const json::value& value) {
  if (value.is_string() && value.get_string() == kDraft) return {};
  return refuse(fmt::format("has to be {}", kDraft));
}

template <std::optional<json::value> Rules::* bound>
Result<void> Reader::number(Rules& rules, const json::value& value) {
  if (!value.is_number()) return refuse("has to be a number");
  rules.*bound = value;
  return {};
}

template <std::size_t Rules::* bound>
Result<void> Reader::count(Rules& rules, const json::value& value) {
  const std::int64_t* number = value.if_int64();
  if (number == nullptr || *number < 0) return refuse("has to be a whole number from 0");
  rules.*bound = static_cast<std::size_t>(*number);
  return {};
}

}  // namespace

Result<Schema> Schema::compile(const json::value& schema) {
  Result<Rules> rules = Reader().read(schema);
  if (!rules) return fail(rules.error());
  Schema made;
  made.rules_ = std::make_shared<const Rules>(*std::move(rules));
  return made;
}

}  // namespace waybill::dialect
