// Takes apart what a JSON template has made.

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "crypto/digest.h"
#include "dialect/template.h"
#include "dialect/template_node.h"

namespace waybill::dialect {
namespace {

using Kind = TemplateNode::Kind;

// Always the same for the same text, and of no other version that the hub makes (RFC 9562 §5.8).
Uuid foreign_id(std::string_view space, std::string_view text) {
  const crypto::Digest digest = crypto::sha256(fmt::format("{}:{}", space, text));
  std::array<std::uint8_t, Uuid::kSize> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x80);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
  return Uuid(bytes);
}

std::string id_of(std::string_view prefix, std::string_view text, std::string_view space) {
  if (text.size() > prefix.size() && text.starts_with(prefix) && text[prefix.size()] == '_') {
    const auto uuid = Uuid::parse_crockford(text.substr(prefix.size() + 1));
    if (uuid) return uuid->text();
  }
  return foreign_id(space, text).text();
}

// The number, or the number that a text is.
std::optional<std::int64_t> whole_number(const json::value& value) {
  if (const std::int64_t* number = value.if_int64()) return *number;
  const json::string* text = value.if_string();
  if (!text) return std::nullopt;
  const auto read = parse_json(*text);
  return read && read->is_int64() ? std::optional(read->get_int64()) : std::nullopt;
}

// Within the years that iso_time() can write.
std::optional<std::string> unix_time(const json::value& value, std::int64_t per_second) {
  constexpr std::int64_t kSecondsMax = 253'402'300'799;
  const std::optional<std::int64_t> number = whole_number(value);
  if (!number || *number < 0 || *number / per_second > kSecondsMax) return std::nullopt;
  return iso_time(from_unix_millis(*number * (1000 / per_second)));
}

class Taker {
 public:
  Taker(std::string_view space, Template::Unfit unfit, std::vector<Template::Taken>& taken)
      : space_(space), unfit_(unfit), taken_(taken) {}

  Result<void> take(const TemplateNode& node, const json::value& value) {
    const std::size_t depth = at_.size();
    Result<void> result = take_node(node, value);
    if (result || unfit_ == Template::Unfit::kFails) return result;
    at_.resize(depth);
    return {};
  }

 private:
  Result<void> take_node(const TemplateNode& node, const json::value& value) {
    switch (node.kind) {
      case Kind::kText:
      case Kind::kLiteral: return {};
      case Kind::kPlaceholder: return take_whole(node.placeholder(), value);
      case Kind::kString: return take_pieces(node, value);
      case Kind::kObject: return take_members(node, value);
      case Kind::kArray: return take_elements(node, value);
    }
    WAYBILL_CHECK(false, "every node is taken apart");
    return {};
  }

  std::unexpected<Error> unfit(std::string_view problem) const {
    return fail(Code::kInvalid, "message_unfit", std::string(problem), json_path("$", at_));
  }

  // False if nothing in `node` has to be there.
  bool is_required(const TemplateNode& node) const {
    if (unfit_ == Template::Unfit::kLeftOut) return false;
    const bool own = std::ranges::any_of(node.pieces, [](const Piece& piece) {
      return piece.has_placeholder && !piece.placeholder.optional;
    });
    return own || std::ranges::any_of(node.children,
                                      [this](const auto& child) { return is_required(child); });
  }

  // A filter refuses null, as the template did when it wrote a value.
  Result<void> take_whole(const Placeholder& placeholder, json::value value) {
    if (value.is_null() && placeholder.optional && !placeholder.filters.empty()) return {};
    for (auto filter = placeholder.filters.rbegin(); filter != placeholder.filters.rend();
         ++filter) {
      WAYBILL_TRY(undo(*filter, value));
    }
    taken_.push_back({placeholder.name, steps_of(placeholder), std::move(value)});
    return {};
  }

  Result<void> undo(const Filter& filter, json::value& value) const {
    switch (filter.kind) {
      case Filter::Kind::kIso:
      case Filter::Kind::kIsoSeconds: {
        const json::string* text = value.if_string();
        const auto time = text ? parse_iso_time(*text) : std::nullopt;
        if (!time) return unfit("This has to be a time in ISO 8601.");
        value = iso_time(*time);
        return {};
      }
      case Filter::Kind::kUnix:
      case Filter::Kind::kUnixMillis: {
        const auto time = unix_time(value, filter.kind == Filter::Kind::kUnix ? 1 : 1000);
        if (!time) return unfit("This has to be a time since 1970.");
        value = *time;
        return {};
      }
      case Filter::Kind::kPrefixed: {
        const json::string* text = value.if_string();
        if (!text || text->empty()) return unfit("This has to be an id.");
        value = id_of(filter.prefix, *text, space_);
        return {};
      }
      // Either makes the same again from what it has made.
      case Filter::Kind::kString:
      case Filter::Kind::kNumber: return {};
    }
    return {};
  }

  // Taken apart as it is escaped, as the literals around the placeholders are.
  Result<void> take_pieces(const TemplateNode& node, const json::value& value) {
    const json::string* text = value.if_string();
    if (!text) return unfit("This has to be a text.");
    std::string escaped;
    append_json_string(escaped, *text);
    std::string_view rest(escaped);
    rest = rest.substr(1, rest.size() - 2);
    const std::vector<Piece>& pieces = node.pieces;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!rest.starts_with(pieces[i].literal)) return unfit("This text has another form.");
      rest.remove_prefix(pieces[i].literal.size());
      if (!pieces[i].has_placeholder) continue;
      const bool is_last = i + 1 == pieces.size();
      // Where two placeholders touch, nothing tells where the first one ends.
      if (!is_last && pieces[i + 1].literal.empty()) return {};
      const std::size_t end = is_last ? rest.size() : rest.find(pieces[i + 1].literal);
      if (end == std::string_view::npos) return unfit("This text has another form.");
      const auto found = parse_json(fmt::format("\"{}\"", rest.substr(0, end)));
      if (!found) return unfit("This text has another form.");
      rest.remove_prefix(end);
      const bool is_missing = end == 0 && pieces[i].placeholder.optional;
      if (!is_missing) WAYBILL_TRY(take_whole(pieces[i].placeholder, *found));
    }
    return rest.empty() ? Result<void>() : unfit("This text has another form.");
  }

  Result<void> take_members(const TemplateNode& node, const json::value& value) {
    const json::object* object = value.if_object();
    if (!object) return unfit("This has to be an object.");
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const TemplateNode& child = node.children[i];
      // As `"name":`.
      const std::string_view written(node.names[i]);
      const auto name = parse_json(written.substr(0, written.size() - 1)).value();
      at_.emplace_back(std::string(name.get_string()));
      const json::value* member = object->if_contains(name.get_string());
      if (member) {
        WAYBILL_TRY(take(child, *member));
      } else if (is_required(child)) {
        return unfit("This is missing.");
      }
      at_.pop_back();
    }
    return {};
  }

  Result<void> take_elements(const TemplateNode& node, const json::value& value) {
    const json::array* array = value.if_array();
    if (!array) return unfit("This has to be an array.");
    // Elements that may be left out make places mean nothing.
    const bool has_places = std::ranges::all_of(node.children, [](const TemplateNode& child) {
      return child.kind != Kind::kPlaceholder || !child.placeholder().optional;
    });
    for (std::size_t i = 0; has_places && i < node.children.size(); ++i) {
      at_.emplace_back(i);
      if (i < array->size()) {
        WAYBILL_TRY(take(node.children[i], (*array)[i]));
      } else if (is_required(node.children[i])) {
        return unfit("This is missing.");
      }
      at_.pop_back();
    }
    return {};
  }

  std::string_view space_;
  Template::Unfit unfit_;
  std::vector<Template::Taken>& taken_;
  std::vector<JsonStep> at_;
};

}  // namespace

Result<std::vector<Template::Taken>> Template::take_apart(const json::value& value,
                                                          std::string_view space,
                                                          Unfit unfit) const {
  WAYBILL_CHECK(root_ && root_->kind != Kind::kText, "only a JSON template is taken apart as JSON");
  std::vector<Taken> taken;
  WAYBILL_TRY(Taker(space, unfit, taken).take(*root_, value));
  return taken;
}

}  // namespace waybill::dialect
