// A Template is the only program a dialect has: JSON, or plain text, with placeholders.
//
//   {"id": "{event.id|prefixed:evt}", "data": "{data}", "note": "{event.data.note?}"}
//
// A placeholder is a variable in braces: "{type}". A JSON string that is one placeholder alone
// becomes the value itself, of whatever JSON type; a placeholder amid text is written into it. A
// variable of kind kJson can be gone into: "{event.data.lines.0.unit}". "?" after it: a member
// whose value is missing is left out (in text: empty). "{{" and "}}" are braces. Filters follow,
// each after a "|":
//
//   iso          a time as 2026-11-21T04:30:00.000Z, which is also the default
//   iso_seconds  a time as 2026-11-21T04:30:00Z
//   unix         a time as a number of seconds since 1970     unix_ms   of milliseconds
//   prefixed:P   a UUID as P_ and 26 Crockford characters; the default for ids is the UUID
//   string       a scalar as a JSON string                    number    a text as a JSON number
//
// A Template is parsed once, when its dialect is loaded, against the variables that will be there,
// so rendering can fail only on data. JSON is written straight to text, as a fixed point of
// JSON.stringify (base/json.h): no tree of values is built. Immutable: any thread.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/json_path.h"
#include "base/result.h"

namespace waybill::dialect {

// JSON that write_json() has written already.
struct JsonText {
  std::string_view text;
};

// The value of a variable; std::monostate is a missing one. Views need only outlive the rendering.
using Value = std::variant<std::monostate, std::string_view, std::int64_t, Timestamp,
                           const json::value*, JsonText>;

// A name that a template may use, and what it stands for, so that a filter which cannot work is
// refused when the dialect is loaded.
struct Variable {
  enum class Kind {
    kText,
    kId,  // The text of a UUID.
    kNumber,
    kTime,
    kJson,       // Its members can be named: "event.data.number".
    kWholeJson,  // Only whole.
  };
  std::string_view name;
  Kind kind = Kind::kText;
};

// What a template may name, and what it gets: scope[i] is the value of vocabulary[i].
using Vocabulary = std::span<const Variable>;
using Scope = std::span<const Value>;

struct TemplateNode;  // dialect/template_node.h

class Template {
 public:
  Template() = default;  // Empty: renders to nothing.

  // `source` must be JSON, but for its placeholders, which stand in strings. Member names are
  // plain, and none may look like an array index, since JavaScript would move it to the front.
  // Requires: the names in `vocabulary` live for ever.
  // Fails with kInvalid (template_invalid), saying what and where in the source.
  static Result<Template> parse_json(std::string_view source, Vocabulary vocabulary);
  // Plain text with placeholders: header values, signed bytes. Requires and fails as parse_json().
  static Result<Template> parse_text(std::string_view source, Vocabulary vocabulary);

  bool empty() const { return root_ == nullptr; }
  // The variables it names, in order of appearance.
  std::vector<std::string_view> variables() const;
  // Its placeholders as they are written between their braces, in order of appearance.
  std::vector<std::string_view> placeholders() const;
  // Whether parse_text() made it. False for an empty one.
  bool is_text() const;

  // Both append to `out`, and may leave a part there when they fail.
  //
  // Fail with kInvalid (event_data_unfit), and the path of a value that is missing or unfit for its
  // place. Require: the scope belongs to the vocabulary it was parsed with.
  // append_json() requires: made by parse_json(). append_text(): by parse_text().
  Result<void> append_json(Scope scope, std::string& out) const;
  Result<void> append_text(Scope scope, std::string& out) const;
  // As append_text(), each value percent-encoded, so that it stays within its segment of a path.
  Result<void> append_url_path(Scope scope, std::string& out) const;

  // Where the value at `place` in the JSON that this template makes was taken from: the place in
  // the variable of kind kJson. Nothing: from elsewhere, or from several places. Requires: made by
  // parse_json().
  std::optional<std::vector<JsonStep>> source_of(std::span<const JsonStep> place) const;

  // The reverse of append_json(): what each placeholder stands for in `value`, its filters undone,
  // in order of appearance. A placeholder that may be missing and is, or is null where a filter
  // would refuse that, is left out. Literals may be others.
  //
  // A time becomes the text of iso_time(), a prefixed id a UUID: one that is none becomes a UUID
  // (version 8) made from `space` and its text. `number` and `string` leave what they find.
  //
  // Fails with kInvalid (message_unfit), and the path of what is missing or of another form; with
  // kLeftOut, that is left out. Requires: made by parse_json().
  enum class Unfit { kFails, kLeftOut };
  struct Taken {
    std::string_view variable;
    std::vector<JsonStep> path;  // Within the variable.
    json::value value;
  };
  Result<std::vector<Taken>> take_apart(const json::value& value, std::string_view space,
                                        Unfit unfit) const;

  // The reverse of append_text(): what each placeholder stands for in `text`, in order. A
  // placeholder reaches up to the next occurrence of the literal text behind it, the last one to
  // the end. Nothing: `text` was not written by this template. Requires: made by parse_text(), and
  // is_matchable().
  std::optional<std::vector<std::string_view>> match(std::string_view text) const;
  // False if two placeholders touch, so that nothing tells where one ends.
  bool is_matchable() const;

 private:
  std::shared_ptr<const TemplateNode> root_;
};

}  // namespace waybill::dialect
