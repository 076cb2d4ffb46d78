#include "routing/filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace waybill::routing {
namespace {

enum class Operator {
  kEqual,
  kNotEqual,
  kIn,
  kGreater,
  kAtLeast,
  kLess,
  kAtMost,
  kExists,
  kBegins
};

struct Word {
  std::string_view text;
  Operator meaning;
};
constexpr std::array<Word, 9> kWords = {{{"$eq", Operator::kEqual},
                                         {"$ne", Operator::kNotEqual},
                                         {"$in", Operator::kIn},
                                         {"$gt", Operator::kGreater},
                                         {"$gte", Operator::kAtLeast},
                                         {"$lt", Operator::kLess},
                                         {"$lte", Operator::kAtMost},
                                         {"$exists", Operator::kExists},
                                         {"$startsWith", Operator::kBegins}}};

// Exact where two integers meet, as boost::json's == is not for 1 and 1.0.
std::partial_ordering compare_numbers(const json::value& a, const json::value& b) {
  if (a.is_int64() && b.is_int64()) return a.get_int64() <=> b.get_int64();
  if (a.is_uint64() && b.is_uint64()) return a.get_uint64() <=> b.get_uint64();
  if (a.is_int64() && b.is_uint64()) return std::partial_ordering::less;
  if (a.is_uint64() && b.is_int64()) return std::partial_ordering::greater;
  return a.to_number<double>() <=> b.to_number<double>();
}

std::partial_ordering compare(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.is_string() && b.is_string()) {
    return std::string_view(a.get_string()) <=> std::string_view(b.get_string());
  }
  return std::partial_ordering::unordered;
}

bool equal(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.is_array() && b.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), equal);
  }
  if (a.is_object() && b.is_object()) {
    const json::object& other = b.get_object();
    return a.get_object().size() == other.size() &&
           std::ranges::all_of(a.get_object(), [&](const auto& member) {
             const json::value* found = other.if_contains(member.key());
             return found && equal(member.value(), *found);
           });
  }
  return a == b;
}

const json::value* member_of(const json::value& value, std::string_view name) {
  if (const json::object* object = value.if_object()) return object->if_contains(name);
  const json::array* array = value.if_array();
  if (!array) return nullptr;
  std::size_t index = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, index);
  const bool is_index = error == std::errc() && rest == end && !name.empty();
  return is_index ? array->if_contains(index) : nullptr;
}

// What `name` stands for in `data`, or null.
const json::value* find_value(const json::value& data, std::string_view name) {
  if (const json::value* whole = member_of(data, name)) return whole;
  const json::value* value = &data;
  while (value) {
    const std::size_t dot = name.find('.');
    value = member_of(*value, name.substr(0, dot));
    if (dot == std::string_view::npos) return value;
    name.remove_prefix(dot + 1);
  }
  return nullptr;
}

bool holds(Operator meaning, const json::value* value, const json::value& operand) {
  switch (meaning) {
    case Operator::kEqual: return value && equal(*value, operand);
    case Operator::kNotEqual: return !value || !equal(*value, operand);
    case Operator::kIn:
      return value && std::ranges::any_of(operand.get_array(), [&](const json::value& one) {
               return equal(*value, one);
             });
    case Operator::kGreater: return value && compare(*value, operand) > 0;
    case Operator::kAtLeast: return value && compare(*value, operand) >= 0;
    case Operator::kLess: return value && compare(*value, operand) < 0;
    case Operator::kAtMost: return value && compare(*value, operand) <= 0;
    case Operator::kExists: return (value != nullptr) == operand.get_bool();
    case Operator::kBegins:
      return value && value->is_string() &&
             std::string_view(value->get_string())
                 .starts_with(std::string_view(operand.get_string()));
  }
  return false;
}

}  // namespace

// One of three: a test of a value, or a group of which all or one must hold; each may be negated.
struct Filter::Node {
  enum class Kind { kTest, kAll, kAny };
  Kind kind = Kind::kAll;
  bool negated = false;
  std::string name;  // Of kTest: what value.
  Operator meaning = Operator::kEqual;
  json::value operand;
  std::vector<Node> parts;  // Of the groups.

  bool matches(const json::value& data) const {
    const auto part_matches = [&](const Node& part) { return part.matches(data); };
    switch (kind) {
      case Kind::kTest: return holds(meaning, find_value(data, name), operand) != negated;
      case Kind::kAll: return std::ranges::all_of(parts, part_matches) != negated;
      case Kind::kAny: return std::ranges::any_of(parts, part_matches) != negated;
    }
    return false;
  }
};

namespace {

using Node = Filter::Node;

class Parser {
 public:
  // An object of conditions.
  Result<Node> filter(const json::value& source, const std::string& path, std::size_t depth) {
    const json::object* object = source.if_object();
    if (!object) return fault(path, "A filter is an object.");
    if (depth > Filter::kDepthMax) return fault(path, "This is nested too deep.");
    Node all;
    for (const auto& member : *object) {
      const std::string_view name = member.key();
      Result<Node> part = name == "$or" ? any(member.value(), path + ".$or", depth)
                          : name == "$not"
                              ? negated(filter(member.value(), path + ".$not", depth + 1))
                              : condition(name, member.value(), path, depth);
      if (!part) return part;
      all.parts.push_back(*std::move(part));
    }
    return all;
  }

 private:
  static Result<Node> fault(const std::string& path, std::string message) {
    return fail(Code::kInvalid, "filter_invalid", std::move(message), path);
  }

  static Result<Node> negated(Result<Node> node) {
    if (node) node->negated = !node->negated;
    return node;
  }

  Result<Node> any(const json::value& source, const std::string& path, std::size_t depth) {
    const json::array* filters = source.if_array();
    if (!filters || filters->empty()) return fault(path, "$or has an array of filters.");
    Node any;
    any.kind = Node::Kind::kAny;
    for (const json::value& one : *filters) {
      Result<Node> part = filter(one, fmt::format("{}[{}]", path, any.parts.size()), depth + 1);
      if (!part) return part;
      any.parts.push_back(*std::move(part));
    }
    return any;
  }

  Result<Node> condition(std::string_view name, const json::value& source, const std::string& path,
                         std::size_t depth) {
    const std::string here = fmt::format("{}.{}", path, name);
    if (name.empty()) return fault(here, "A condition names a member of the data.");
    if (name.starts_with('$')) {
      return fault(here, fmt::format("There is no operator {} here: a filter has $or and $not, and "
                                     "names of values.",
                                     name));
    }
    const json::object* object = source.if_object();
    const bool is_operators = object && !object->empty() && object->begin()->key().starts_with('$');
    if (is_operators) return operators(name, *object, here, depth);
    return test(name, Operator::kEqual, source, here);
  }

  Result<Node> operators(std::string_view name, const json::object& object, const std::string& path,
                         std::size_t depth) {
    if (depth > Filter::kDepthMax) return fault(path, "This is nested too deep.");
    Node all;
    for (const auto& member : object) {
      const std::string here = fmt::format("{}.{}", path, std::string_view(member.key()));
      Result<Node> part = one_operator(name, member.key(), member.value(), here, depth);
      if (!part) return part;
      all.parts.push_back(*std::move(part));
    }
    return all;
  }

  Result<Node> one_operator(std::string_view name, std::string_view word,
                            const json::value& operand, const std::string& path,
                            std::size_t depth) {
    if (word == "$not") {
      const json::object* inner = operand.if_object();
      if (!inner || inner->empty()) return fault(path, "$not has an object of operators.");
      return negated(operators(name, *inner, path, depth + 1));
    }
    const auto* const found = std::ranges::find(kWords, word, &Word::text);
    if (found == kWords.end()) {
      return fault(path,
                   fmt::format("There is no operator {}. There are: $eq, $ne, $in, $gt, $gte, "
                               "$lt, $lte, $exists, $startsWith and $not.",
                               word));
    }
    return test(name, found->meaning, operand, path);
  }

  Result<Node> test(std::string_view name, Operator meaning, const json::value& operand,
                    const std::string& path) {
    if (++conditions_ > Filter::kConditionsMax) {
      return fault(path,
                   fmt::format("A filter has at most {} conditions.", Filter::kConditionsMax));
    }
    const bool ordered = meaning == Operator::kGreater || meaning == Operator::kAtLeast ||
                         meaning == Operator::kLess || meaning == Operator::kAtMost;
    if (meaning == Operator::kIn && !operand.is_array()) return fault(path, "$in has an array.");
    if (meaning == Operator::kExists && !operand.is_bool()) {
      return fault(path, "$exists has true or false.");
    }
    if (meaning == Operator::kBegins && !operand.is_string()) {
      return fault(path, "$startsWith has a text.");
    }
    if (ordered && !operand.is_number() && !operand.is_string()) {
      return fault(path, "This compares with a number or a text.");
    }
    Node node;
    node.kind = Node::Kind::kTest;
    node.name = name;
    node.meaning = meaning;
    node.operand = operand;
    return node;
  }

  std::size_t conditions_ = 0;
};

}  // namespace

Result<Filter> Filter::parse(const json::value& source, std::string_view path) {
  Result<Node> root = Parser().filter(source, std::string(path), 1);
  if (!root) return fail(root.error());
  Filter filter;
  filter.root_ = std::make_shared<const Node>(*std::move(root));
  return filter;
}

Result<Filter> Filter::parse_text(std::string_view text) {
  if (text.empty()) return Filter();
  const Result<json::value> source = parse_json(text);
  if (!source) return fail(source.error());
  return parse(*source);
}

bool Filter::matches(const json::value& data) const { return !root_ || root_->matches(data); }

}  // namespace waybill::routing
