#include "dialect/template.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "dialect/template_node.h"

namespace waybill::dialect {
namespace {

using Kind = TemplateNode::Kind;

// What a filter made, kept while it is written out.
struct Scratch {
  std::string text;
  json::value json;
};

void append_integer(std::string& out, std::int64_t number) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}

auto unfit(const Placeholder& placeholder, std::string_view problem) {
  // A path is told in the caller's JSON, which is what stands under the variable.
  std::string path;
  if (!placeholder.path.empty()) path = json_path("$", steps_of(placeholder));
  return fail(Code::kInvalid, "event_data_unfit",
              fmt::format("{{{}}}: {}.", placeholder.written, problem), std::move(path));
}

// The member of `value` at the end of `path`, or null.
const json::value* find_in(const json::value* value, const std::vector<std::string>& path) {
  for (const std::string& step : path) {
    if (const json::object* object = value->if_object()) {
      value = object->if_contains(step);
    } else if (const json::array* array = value->if_array()) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      const bool good = error == std::errc() && end == step.data() + step.size();
      value = good && index < array->size() ? &(*array)[index] : nullptr;
    } else {
      value = nullptr;
    }
    if (!value) return nullptr;
  }
  return value;
}

// A JSON string or number as what a variable of that kind would be; else as it is.
Value simplified(const Value& value) {
  const auto* json = std::get_if<const json::value*>(&value);
  if (!json) return value;
  if (const json::string* text = (*json)->if_string()) {
    return std::string_view(text->data(), text->size());
  }
  if (const std::int64_t* number = (*json)->if_int64()) return *number;
  return value;
}

std::optional<Timestamp> as_time(const Value& value) {
  if (const auto* time = std::get_if<Timestamp>(&value)) return *time;
  if (const auto* text = std::get_if<std::string_view>(&value)) return parse_iso_time(*text);
  return std::nullopt;
}

// The text that stands for a scalar; false if `value` is none.
bool append_scalar(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    out += *text;
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    append_integer(out, *number);
  } else if (const auto* time = std::get_if<Timestamp>(&value)) {
    out += iso_time(*time);
  } else if (const auto* json = std::get_if<const json::value*>(&value)) {
    if ((*json)->is_string()) {
      out += std::string_view((*json)->get_string());
    } else if ((*json)->is_number() || (*json)->is_bool()) {
      append_json(out, **json);
    } else {
      return false;
    }
  } else {
    return false;
  }
  return true;
}

Result<Value> apply(const Filter& filter, const Value& raw, const Placeholder& placeholder,
                    Scratch& scratch) {
  const Value value = simplified(raw);
  switch (filter.kind) {
    case Filter::Kind::kIso:
    case Filter::Kind::kIsoSeconds:
    case Filter::Kind::kUnix:
    case Filter::Kind::kUnixMillis: {
      const std::optional<Timestamp> time = as_time(value);
      if (!time) return unfit(placeholder, "the value is no time");
      if (filter.kind == Filter::Kind::kUnix) return Value(unix_seconds(*time));
      if (filter.kind == Filter::Kind::kUnixMillis) return Value(unix_millis(*time));
      scratch.text = iso_time(*time);
      // Without the ".123" before the Z.
      if (filter.kind == Filter::Kind::kIsoSeconds) scratch.text.erase(scratch.text.size() - 5, 4);
      return Value(std::string_view(scratch.text));
    }
    case Filter::Kind::kPrefixed: {
      const auto* text = std::get_if<std::string_view>(&value);
      const std::optional<Uuid> uuid = text ? Uuid::parse(*text) : std::nullopt;
      if (!uuid) return unfit(placeholder, "the value is no UUID");
      scratch.text = filter.prefix + "_" + uuid->crockford();
      return Value(std::string_view(scratch.text));
    }
    case Filter::Kind::kString: {
      std::string text;
      if (!append_scalar(value, text)) return unfit(placeholder, "the value is no scalar");
      scratch.text = std::move(text);
      return Value(std::string_view(scratch.text));
    }
    case Filter::Kind::kNumber: {
      if (std::holds_alternative<std::int64_t>(value)) return value;
      std::string text;
      append_scalar(value, text);
      Result<json::value> number = parse_json(text);
      if (!number || !number->is_number()) return unfit(placeholder, "the value is no number");
      scratch.json = *std::move(number);
      return Value(&scratch.json);
    }
  }
  WAYBILL_CHECK(false, "every filter is applied");
  return value;
}

// The placeholder's value with its filters applied; std::monostate for one that may be missing.
Result<Value> evaluate(const Placeholder& placeholder, Scope scope, Scratch& scratch) {
  WAYBILL_CHECK(placeholder.variable < scope.size(),
                "a scope belongs to its template's vocabulary");
  Value value = scope[placeholder.variable];
  if (!placeholder.path.empty() && !std::holds_alternative<std::monostate>(value)) {
    const auto* json = std::get_if<const json::value*>(&value);
    WAYBILL_CHECK(json && *json, "a variable of kind kJson has JSON or nothing");
    const json::value* member = find_in(*json, placeholder.path);
    value = member ? Value(member) : Value();
  }
  if (std::holds_alternative<std::monostate>(value)) {
    if (placeholder.optional) return value;
    return unfit(placeholder, "the value is missing");
  }
  for (const Filter& filter : placeholder.filters) {
    Result<Value> filtered = apply(filter, value, placeholder, scratch);
    if (!filtered) return filtered;
    value = *filtered;
  }
  return value;
}

Result<void> append_piece_value(const Placeholder& placeholder, Scope scope, std::string& out) {
  Scratch scratch;
  const Result<Value> value = evaluate(placeholder, scope, scratch);
  if (!value) return fail(value.error());
  if (std::holds_alternative<std::monostate>(*value) || append_scalar(*value, out)) return {};
  // null is how some write that there is none.
  const auto* json = std::get_if<const json::value*>(&*value);
  if (placeholder.optional && json && (*json)->is_null()) return {};
  return unfit(placeholder, "the value is not a scalar, and stands in a text");
}

void append_value(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    append_json_string(out, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    append_integer(out, *number);
  } else if (const auto* time = std::get_if<Timestamp>(&value)) {
    out += '"';
    out += iso_time(*time);
    out += '"';
  } else if (const auto* json = std::get_if<const json::value*>(&value)) {
    append_json(out, **json);
  } else if (const auto* written = std::get_if<JsonText>(&value)) {
    out += written->text;
  }
}

class JsonWriter {
 public:
  JsonWriter(Scope scope, std::string& out) : scope_(scope), out_(out) {}

  // Writes `comma`, `name` and the node; nothing, if the node is a missing optional value. Returns
  // whether it wrote.
  Result<bool> write(const TemplateNode& node, std::string_view comma, std::string_view name) {
    if (node.kind == Kind::kPlaceholder) return write_placeholder(node.placeholder(), comma, name);
    out_ += comma;
    out_ += name;
    switch (node.kind) {
      case Kind::kLiteral: out_ += node.literal; return true;
      case Kind::kString: return write_string(node);
      default: return write_children(node);
    }
  }

 private:
  Result<bool> write_placeholder(const Placeholder& placeholder, std::string_view comma,
                                 std::string_view name) {
    Scratch scratch;
    const Result<Value> value = evaluate(placeholder, scope_, scratch);
    if (!value) return fail(value.error());
    if (std::holds_alternative<std::monostate>(*value)) return false;
    out_ += comma;
    out_ += name;
    append_value(*value, out_);
    return true;
  }

  Result<bool> write_string(const TemplateNode& node) {
    out_ += '"';
    std::string text;
    for (const Piece& piece : node.pieces) {
      out_ += piece.literal;
      if (!piece.has_placeholder) continue;
      text.clear();
      WAYBILL_TRY(append_piece_value(piece.placeholder, scope_, text));
      // Escaped as a string of its own, whose quotes are taken off again.
      const std::size_t quote = out_.size();
      append_json_string(out_, text);
      out_.erase(quote, 1);
      out_.pop_back();
    }
    out_ += '"';
    return true;
  }

  Result<bool> write_children(const TemplateNode& node) {
    const bool object = node.kind == Kind::kObject;
    out_ += object ? '{' : '[';
    bool any = false;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const std::string_view name = object ? std::string_view(node.names[i]) : std::string_view();
      const Result<bool> wrote = write(node.children[i], any ? "," : "", name);
      if (!wrote) return wrote;
      any = any || *wrote;
    }
    out_ += object ? '}' : ']';
    return true;
  }

  Scope scope_;
  std::string& out_;
};

template <class Visit>
void for_each_placeholder(const TemplateNode& node, const Visit& visit) {
  for (const Piece& piece : node.pieces) {
    if (piece.has_placeholder) visit(piece.placeholder);
  }
  for (const TemplateNode& child : node.children) for_each_placeholder(child, visit);
}

// The child at `step`, or null.
const TemplateNode* child_at(const TemplateNode& node, const JsonStep& step) {
  if (const auto* name = std::get_if<std::string>(&step)) {
    if (node.kind != Kind::kObject) return nullptr;
    std::string written;
    append_json_string(written, *name);
    written += ':';
    const auto found = std::ranges::find(node.names, written);
    if (found == node.names.end()) return nullptr;
    return &node.children[static_cast<std::size_t>(found - node.names.begin())];
  }
  // Elements that may be left out make places mean nothing.
  const std::size_t index = std::get<std::size_t>(step);
  const bool whole = node.kind == Kind::kArray &&
                     std::ranges::none_of(node.children, [](const TemplateNode& child) {
                       return child.kind == Kind::kPlaceholder && child.placeholder().optional;
                     });
  return whole && index < node.children.size() ? &node.children[index] : nullptr;
}

}  // namespace

std::vector<JsonStep> steps_of(const Placeholder& placeholder) {
  std::vector<JsonStep> steps;
  for (const std::string& step : placeholder.path) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool is_index = error == std::errc() && end == step.data() + step.size();
    steps.push_back(is_index ? JsonStep(index) : JsonStep(step));
  }
  return steps;
}

std::optional<std::vector<JsonStep>> Template::source_of(std::span<const JsonStep> place) const {
  const TemplateNode* node = root_.get();
  while (node != nullptr && node->kind != Kind::kPlaceholder && !place.empty()) {
    node = child_at(*node, place.front());
    place = place.subspan(1);
  }
  const bool one =
      node != nullptr && (node->kind == Kind::kPlaceholder ||
                          (node->kind == Kind::kString &&
                           std::ranges::count_if(node->pieces, &Piece::has_placeholder) == 1));
  if (!one) return std::nullopt;
  const auto piece = std::ranges::find_if(node->pieces, &Piece::has_placeholder);
  if (!piece->placeholder.is_json) return std::nullopt;
  std::vector<JsonStep> steps = steps_of(piece->placeholder);
  steps.insert(steps.end(), place.begin(), place.end());
  return steps;
}

std::vector<std::string_view> Template::variables() const {
  std::vector<std::string_view> names;
  if (root_) {
    for_each_placeholder(
        *root_, [&](const Placeholder& placeholder) { names.push_back(placeholder.name); });
  }
  return names;
}

std::vector<std::string_view> Template::placeholders() const {
  std::vector<std::string_view> written;
  if (root_) {
    for_each_placeholder(
        *root_, [&](const Placeholder& placeholder) { written.push_back(placeholder.written); });
  }
  return written;
}

bool Template::is_text() const { return root_ && root_->kind == TemplateNode::Kind::kText; }

Result<void> Template::append_json(Scope scope, std::string& out) const {
  WAYBILL_CHECK(root_ && root_->kind != Kind::kText, "only a JSON template is written as JSON");
  const Result<bool> wrote = JsonWriter(scope, out).write(*root_, "", "");
  if (!wrote) return fail(wrote.error());
  return {};
}

Result<void> Template::append_text(Scope scope, std::string& out) const {
  if (!root_) return {};
  WAYBILL_CHECK(root_->kind == Kind::kText, "only a text template is written as text");
  for (const Piece& piece : root_->pieces) {
    out += piece.literal;
    if (piece.has_placeholder) WAYBILL_TRY(append_piece_value(piece.placeholder, scope, out));
  }
  return {};
}

Result<void> Template::append_url_path(Scope scope, std::string& out) const {
  if (!root_) return {};
  WAYBILL_CHECK(root_->kind == Kind::kText, "only a text template is written as a path");
  for (const Piece& piece : root_->pieces) {
    out += piece.literal;
    if (!piece.has_placeholder) continue;
    std::string value;
    WAYBILL_TRY(append_piece_value(piece.placeholder, scope, value));
    out += percent_encode(value);
  }
  return {};
}

std::optional<std::vector<std::string_view>> Template::match(std::string_view text) const {
  WAYBILL_CHECK(is_matchable(), "a text can be taken apart only where literals part it");
  std::vector<std::string_view> found;
  if (!root_) return text.empty() ? std::optional(found) : std::nullopt;
  const std::vector<Piece>& pieces = root_->pieces;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!text.starts_with(pieces[i].literal)) return std::nullopt;
    text.remove_prefix(pieces[i].literal.size());
    if (!pieces[i].has_placeholder) continue;
    std::size_t end = text.size();
    if (i + 1 < pieces.size()) {
      const std::string_view next = pieces[i + 1].literal;
      const bool last = !pieces[i + 1].has_placeholder;
      if (last && !text.ends_with(next)) return std::nullopt;
      end = last ? text.size() - next.size() : text.find(next);
      if (end == std::string_view::npos) return std::nullopt;
    }
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (!text.empty()) return std::nullopt;
  return found;
}

bool Template::is_matchable() const {
  if (!root_) return true;
  for (std::size_t i = 1; i < root_->pieces.size(); ++i) {
    if (root_->pieces[i].literal.empty()) return false;
  }
  return root_->kind == Kind::kText;
}

}  // namespace waybill::dialect
