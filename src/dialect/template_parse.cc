#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dialect/template.h"
#include "dialect/template_node.h"

namespace waybill::dialect {
namespace {

using Kind = Variable::Kind;

auto invalid(std::string message) {
  return fail(Code::kInvalid, "template_invalid", std::move(message));
}

// Up to `separator`, which is taken off `rest` too.
std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return head;
}

bool is_prefix(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<Filter> parse_filter(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Filter::Kind>, 6> kPlain = {{
      {"iso", Filter::Kind::kIso},
      {"iso_seconds", Filter::Kind::kIsoSeconds},
      {"unix", Filter::Kind::kUnix},
      {"unix_ms", Filter::Kind::kUnixMillis},
      {"string", Filter::Kind::kString},
      {"number", Filter::Kind::kNumber},
  }};
  for (const auto& [name, kind] : kPlain) {
    if (text == name) return Filter{kind, {}};
  }
  std::string_view rest = text;
  if (cut(rest, ':') == "prefixed" && is_prefix(rest)) {
    return Filter{Filter::Kind::kPrefixed, std::string(rest)};
  }
  return invalid(fmt::format(
      "there is no filter \"{}\"; there are: iso, iso_seconds, unix, unix_ms, prefixed:P, string, "
      "number",
      text));
}

// What a value of `kind` is after `filter`; nothing if the filter cannot work on it.
std::optional<Kind> kind_after(Kind kind, Filter::Kind filter) {
  const bool open = kind == Kind::kJson;
  switch (filter) {
    case Filter::Kind::kIso:
    case Filter::Kind::kIsoSeconds:
      return open || kind == Kind::kTime ? std::optional(Kind::kText) : std::nullopt;
    case Filter::Kind::kUnix:
    case Filter::Kind::kUnixMillis:
      return open || kind == Kind::kTime ? std::optional(Kind::kNumber) : std::nullopt;
    case Filter::Kind::kPrefixed:
      return open || kind == Kind::kId ? std::optional(Kind::kText) : std::nullopt;
    case Filter::Kind::kString:
      return kind != Kind::kWholeJson ? std::optional(Kind::kText) : std::nullopt;
    case Filter::Kind::kNumber:
      return open || kind == Kind::kText ? std::optional(Kind::kNumber) : std::nullopt;
  }
  return std::nullopt;
}

// Finds the variable of `path` ("event.data.number"), and what of the path goes into it.
Result<void> resolve(Placeholder& placeholder, std::string_view path, Vocabulary vocabulary) {
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const Variable& variable = vocabulary[i];
    if (!path.starts_with(variable.name)) continue;
    std::string_view rest = path.substr(variable.name.size());
    if (!rest.empty() && (variable.kind != Kind::kJson || rest.front() != '.')) continue;
    placeholder.name = variable.name;
    placeholder.variable = i;
    placeholder.is_json = variable.kind == Kind::kJson;
    if (!rest.empty()) rest.remove_prefix(1);
    while (!rest.empty()) placeholder.path.emplace_back(cut(rest, '.'));
    if (path.ends_with('.') || std::ranges::count(placeholder.path, std::string()) > 0) {
      return invalid(fmt::format("the path \"{}\" has an empty step", path));
    }
    return {};
  }
  std::vector<std::string> names;
  for (const Variable& variable : vocabulary) {
    names.emplace_back(std::string(variable.name) + (variable.kind == Kind::kJson ? ".…" : ""));
  }
  return invalid(
      fmt::format("there is no \"{}\" here; there are: {}", path, fmt::join(names, ", ")));
}

Result<Placeholder> parse_placeholder(std::string_view written, Vocabulary vocabulary) {
  Placeholder placeholder;
  placeholder.written = written;
  std::string_view rest = written;
  std::string_view path = cut(rest, '|');
  if (path.ends_with('?')) {
    placeholder.optional = true;
    path.remove_suffix(1);
  }
  WAYBILL_TRY(resolve(placeholder, path, vocabulary));

  Kind kind = vocabulary[placeholder.variable].kind;
  bool more = path.size() + (placeholder.optional ? 1 : 0) < written.size();
  while (more) {
    more = rest.find('|') != std::string_view::npos;
    const std::string_view text = cut(rest, '|');
    Result<Filter> filter = parse_filter(text);
    if (!filter) return fail(std::move(filter).error());
    const std::optional<Kind> after = kind_after(kind, filter->kind);
    if (!after) {
      return invalid(
          fmt::format("the filter \"{}\" cannot work on this value of {{{}}}", text, written));
    }
    kind = *after;
    placeholder.filters.push_back(*std::move(filter));
  }
  return placeholder;
}

bool has_placeholder(const std::vector<Piece>& pieces) {
  return std::ranges::any_of(pieces, [](const Piece& piece) { return piece.has_placeholder; });
}

// As JavaScript sees it: such a member would come first, whatever its place.
bool is_array_index(std::string_view name) {
  if (name.empty() || name.size() > 10 || (name.size() > 1 && name.front() == '0')) return false;
  std::uint64_t index = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return false;
    index = index * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return index < 0xFFFFFFFF;
}

// The text of a JSON string without its quotes.
std::string escaped(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

TemplateNode literal_node(std::string text) {
  TemplateNode node;
  node.literal = std::move(text);
  return node;
}

class JsonBuilder {
 public:
  explicit JsonBuilder(Vocabulary vocabulary) : vocabulary_(vocabulary) {}

  Result<TemplateNode> build(const json::value& value, const std::string& path) {
    if (const json::string* text = value.if_string()) return build_string(*text, path);
    if (const json::array* array = value.if_array()) return build_array(*array, path);
    if (const json::object* object = value.if_object()) return build_object(*object, path);
    return literal_node(write_json(value));
  }

 private:
  Result<TemplateNode> build_string(std::string_view text, const std::string& path) {
    Result<std::vector<Piece>> pieces = parse_pieces(text, vocabulary_);
    if (!pieces) return invalid(fmt::format("{}: {}", path, pieces.error().message));
    TemplateNode node;
    node.pieces = *std::move(pieces);
    if (!has_placeholder(node.pieces)) {
      std::string literal;
      append_json_string(literal, node.pieces.empty() ? "" : node.pieces.front().literal);
      return literal_node(std::move(literal));
    }
    const bool alone = node.pieces.size() == 1 && node.pieces.front().literal.empty();
    node.kind = alone ? TemplateNode::Kind::kPlaceholder : TemplateNode::Kind::kString;
    for (Piece& piece : node.pieces) {
      piece.literal = escaped(piece.literal);
      const Placeholder& placeholder = piece.placeholder;
      if (!alone && piece.has_placeholder &&
          vocabulary_[placeholder.variable].kind == Kind::kWholeJson) {
        return invalid(
            fmt::format("{}: {{{}}} must be a string of its own", path, placeholder.written));
      }
    }
    return node;
  }

  Result<TemplateNode> build_array(const json::array& array, const std::string& path) {
    TemplateNode node;
    node.kind = TemplateNode::Kind::kArray;
    for (std::size_t i = 0; i < array.size(); ++i) {
      Result<TemplateNode> child = build(array[i], fmt::format("{}[{}]", path, i));
      if (!child) return child;
      node.children.push_back(*std::move(child));
    }
    return fold(std::move(node));
  }

  Result<TemplateNode> build_object(const json::object& object, const std::string& path) {
    TemplateNode node;
    node.kind = TemplateNode::Kind::kObject;
    for (const auto& member : object) {
      const std::string_view name = member.key();
      if (name.find_first_of("{}") != std::string_view::npos) {
        return invalid(fmt::format("{}: a member's name has no placeholders: \"{}\"", path, name));
      }
      if (is_array_index(name)) {
        return invalid(
            fmt::format("{}: the member \"{}\" looks like an array index, which JavaScript would "
                        "move to the front",
                        path, name));
      }
      Result<TemplateNode> child = build(member.value(), fmt::format("{}.{}", path, name));
      if (!child) return child;
      std::string quoted;
      append_json_string(quoted, name);
      node.names.push_back(quoted + ":");
      node.children.push_back(*std::move(child));
    }
    return fold(std::move(node));
  }

  // An object or array without placeholders is a literal.
  static TemplateNode fold(TemplateNode node) {
    const bool fixed = std::ranges::all_of(node.children, [](const TemplateNode& child) {
      return child.kind == TemplateNode::Kind::kLiteral;
    });
    if (!fixed) return node;
    const bool object = node.kind == TemplateNode::Kind::kObject;
    std::string text(1, object ? '{' : '[');
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) text += ',';
      if (object) text += node.names[i];
      text += node.children[i].literal;
    }
    text += object ? '}' : ']';
    return literal_node(std::move(text));
  }

  Vocabulary vocabulary_;
};

}  // namespace

Result<std::vector<Piece>> parse_pieces(std::string_view source, Vocabulary vocabulary) {
  std::vector<Piece> pieces;
  Piece piece;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const char c = source[i];
    if ((c == '{' || c == '}') && source.substr(i + 1).starts_with(c)) {
      piece.literal += c;
      ++i;
    } else if (c == '}') {
      return invalid("there is a } without its {; a brace itself is written }}");
    } else if (c != '{') {
      piece.literal += c;
    } else {
      const std::size_t end = source.find_first_of("{}", i + 1);
      if (end == std::string_view::npos || source[end] == '{') {
        return invalid("there is a { without its }; a brace itself is written {{");
      }
      Result<Placeholder> placeholder =
          parse_placeholder(source.substr(i + 1, end - i - 1), vocabulary);
      if (!placeholder) return fail(std::move(placeholder).error());
      piece.has_placeholder = true;
      piece.placeholder = *std::move(placeholder);
      pieces.push_back(std::exchange(piece, Piece()));
      i = end;
    }
  }
  if (!piece.literal.empty()) pieces.push_back(std::move(piece));
  return pieces;
}

Result<Template> Template::parse_json(std::string_view source, Vocabulary vocabulary) {
  Result<json::value> value = waybill::parse_json(source);
  if (!value) {
    const Error& error = value.error();
    return invalid(error.path.empty() ? error.message
                                      : fmt::format("{}: {}", error.path, error.message));
  }
  Result<TemplateNode> root = JsonBuilder(vocabulary).build(*value, "$");
  if (!root) return fail(std::move(root).error());
  if (root->kind == TemplateNode::Kind::kPlaceholder && root->placeholder().optional) {
    return invalid("$: what the whole template is cannot be left out");
  }
  Template made;
  made.root_ = std::make_shared<const TemplateNode>(*std::move(root));
  return made;
}

Result<Template> Template::parse_text(std::string_view source, Vocabulary vocabulary) {
  Result<std::vector<Piece>> pieces = parse_pieces(source, vocabulary);
  if (!pieces) return fail(std::move(pieces).error());
  for (const Piece& piece : *pieces) {
    if (piece.has_placeholder && vocabulary[piece.placeholder.variable].kind == Kind::kWholeJson) {
      return invalid(
          fmt::format("{{{}}} is JSON and has no place in a text", piece.placeholder.written));
    }
  }
  TemplateNode root;
  root.kind = TemplateNode::Kind::kText;
  root.pieces = *std::move(pieces);
  Template made;
  made.root_ = std::make_shared<const TemplateNode>(std::move(root));
  return made;
}

}  // namespace waybill::dialect
