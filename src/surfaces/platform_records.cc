#include "surfaces/platform_records.h"

#include <charconv>

#include <fmt/format.h>

#include "model/event.h"

namespace waybill::surfaces {
namespace {

// Further than anybody pages; a page costs what is passed over.
constexpr std::int64_t kOffsetMax = 10'000'000;

std::optional<std::int64_t> parse_offset(std::string_view text) {
  std::int64_t offset = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, offset);
  const bool good = error == std::errc{} && end == last && offset >= 0 && offset <= kOffsetMax;
  return good ? std::optional(offset) : std::nullopt;
}

}  // namespace

std::string iso_seconds(Timestamp time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = iso_time(whole);
  text.erase(text.find('.'));
  return text += 'Z';
}

std::string price_text(const model::Decimal& price, int digits) {
  const auto amount = model::to_minor(price, digits);
  return amount ? model::amount_text(*amount, digits) : price.text();
}

std::string_view event_name(const dialect::Dialect& dialect, std::string_view canonical) {
  if (const auto match = dialect.event_type_for(canonical)) return match->name;
  return canonical == model::kTestEvent ? std::string_view(dialect.test_event) : canonical;
}

void require_member(native::ObjectReader& body, std::string_view name) {
  if (body.has(name) || body.has_fault()) return;
  body.refuse(name, "member_missing", fmt::format("\"{}\" is missing.", name));
}

store::PageRequest numbered_page(native::QueryReader& query) {
  store::PageRequest page = query.page();
  page.offset =
      query.parsed("offset", parse_offset, "a whole number from 0 to 10000000").value_or(0);
  return page;
}

void append_pagination(ObjectText& object, std::int64_t total, const store::PageRequest& page) {
  ObjectText(object.member("pagination"))
      .add("total", total)
      .add("limit", page.limit)
      .add("offset", page.offset)
      .end();
}

}  // namespace waybill::surfaces
