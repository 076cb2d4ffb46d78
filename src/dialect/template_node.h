// What a Template is made of once parsed: template_parse.cc makes it, template.cc writes it out.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dialect/template.h"

namespace waybill::dialect {

struct Filter {
  enum class Kind { kIso, kIsoSeconds, kUnix, kUnixMillis, kPrefixed, kString, kNumber };
  Kind kind = Kind::kString;
  std::string prefix;  // Of kPrefixed.
};

struct Placeholder {
  std::string written;  // Between the braces, for messages.
  std::string_view name;
  std::size_t variable = 0;       // Its place in the vocabulary.
  bool is_json = false;           // Of the variable: of kind kJson.
  std::vector<std::string> path;  // What follows the variable's name.
  bool optional = false;
  std::vector<Filter> filters;
};

// Literal text, and then a placeholder unless it is the last piece.
struct Piece {
  std::string literal;
  bool has_placeholder = false;
  Placeholder placeholder;
};

struct TemplateNode {
  enum class Kind {
    kText,         // A plain text: `pieces`.
    kLiteral,      // JSON without placeholders, written out: `literal`.
    kPlaceholder,  // A JSON string that is one placeholder alone: the one in `pieces`.
    kString,       // A JSON string with placeholders: `pieces`; their literals are escaped already.
    kObject,       // `children`, each with its name as `"name":` in `names`.
    kArray,
  };
  Kind kind = Kind::kLiteral;
  std::string literal;
  std::vector<Piece> pieces;
  std::vector<std::string> names;
  std::vector<TemplateNode> children;

  const Placeholder& placeholder() const { return pieces.front().placeholder; }
};

// The path of a placeholder, in what stands under its variable.
std::vector<JsonStep> steps_of(const Placeholder& placeholder);

// Reads the pieces of one text. Fails with kInvalid (template_invalid).
Result<std::vector<Piece>> parse_pieces(std::string_view source, Vocabulary vocabulary);

}  // namespace waybill::dialect
