// Records as the platforms' APIs write them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "dialect/dialect.h"
#include "model/money.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/request_reader.h"

namespace waybill::surfaces {

// "sub_01HX…": an id of ours under a platform's own prefix.
template <class Tag>
std::string id_as(std::string_view prefix, const Id<Tag>& id) {
  return std::string(prefix) + "_" + id.uuid().crockford();
}
// Reads that, and whatever else the id is written as elsewhere.
template <class SomeId>
std::optional<SomeId> parse_id_as(std::string_view prefix, std::string_view text) {
  if (text.size() > prefix.size() && text.starts_with(prefix) && text[prefix.size()] == '_') {
    if (const auto uuid = Uuid::parse_crockford(text.substr(prefix.size() + 1))) {
      return SomeId(*uuid);
    }
  }
  return SomeId::parse(text);
}

// "2026-11-21T04:30:00Z": what is left of a second is cut off.
std::string iso_seconds(Timestamp time);

// A price of one in a currency of `digits` decimals, written like an amount where it is one:
// "12.50", not "12.5"; it may be finer than that.
std::string price_text(const model::Decimal& price, int digits);

// What `dialect` calls a canonical event: its own name, that of its test's event, or, for what it
// does not know, the canonical one.
std::string_view event_name(const dialect::Dialect& dialect, std::string_view canonical);

// A fault of `body` if it has no member `name`.
void require_member(native::ObjectReader& body, std::string_view name);

// One page of a list by number: `limit` and `offset`.
store::PageRequest numbered_page(native::QueryReader& query);
// Its "pagination": {"total", "limit", "offset"}.
void append_pagination(ObjectText& object, std::int64_t total, const store::PageRequest& page);
// A list of one page: "data", and "pagination". `text_of_one` writes each of `rows`.
template <class Rows, class TextOfOne>
void append_list(ObjectText& object, const Rows& rows, std::int64_t total,
                 const store::PageRequest& page, TextOfOne text_of_one) {
  append_array(object.member("data"), rows,
               [&](std::string& text, const auto& row) { text += text_of_one(row); });
  append_pagination(object, total, page);
}

}  // namespace waybill::surfaces
