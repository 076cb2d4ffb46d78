#include "model/document.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/json_text.h"

namespace waybill::model {
namespace {

constexpr auto kKinds = std::to_array<DocumentKind>({
    {.name = "warehouse_request", .subject = "warehouse_request", .is_numbered = true},
    {.name = "purchase_requisition", .subject = "purchase_requisition", .is_numbered = true},
    {.name = "purchase_order", .subject = "order", .is_numbered = true},
    {.name = "invoice", .subject = "invoice", .is_numbered = true},
    {.name = "request_for_proposal", .subject = "request_for_proposal", .is_numbered = true},
    {.name = "receipt", .subject = "goods_receipt", .is_numbered = true},
    {.name = "expense", .subject = "expense", .is_numbered = true},
    {.name = "supplier", .subject = "supplier"},
    {.name = "stock_transfer", .subject = "stock_transfer", .is_numbered = true},
    {.name = "budget", .subject = "budget"},
    {.name = "document_custom_field",
     .subject = "document_custom_field",
     .is_whole_in_lists = true},
    {.name = "item_custom_field", .subject = "item_custom_field", .is_whole_in_lists = true},
});

std::unexpected<Error> fault(std::string_view reason, std::string path, std::string message) {
  return fail(Code::kInvalid, reason, std::move(message), std::move(path));
}

// The member's value; null for one that is absent or null.
const json::value* find(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

Result<std::optional<std::int64_t>> whole_number(const json::value* value, std::string path,
                                                 std::int64_t min) {
  if (!value) return std::optional<std::int64_t>();
  if (!value->is_number()) {
    return fault("member_type", std::move(path), "This has to be a whole number.");
  }
  const double number = value->to_number<double>();
  if (std::trunc(number) != number || number < static_cast<double>(min) ||
      number > static_cast<double>(Document::kNumberMax)) {
    return fault(
        "member_invalid", std::move(path),
        fmt::format("This has to be a whole number from {} to {}.", min, Document::kNumberMax));
  }
  return std::optional(static_cast<std::int64_t>(number));
}

// The day of "2023-12-01" or "2023-12-01T10:00:00+00:00", whatever follows the day.
Result<std::optional<std::string>> day(const json::value* value, std::string path) {
  constexpr std::size_t kDayCharacters = 10;
  if (!value) return std::optional<std::string>();
  if (!value->is_string()) {
    return fault("member_type", std::move(path), "This has to be a day, as \"2023-12-01\".");
  }
  const std::string_view text = value->get_string();
  const std::string_view date = text.substr(0, kDayCharacters);
  const bool ends = text.size() == date.size() || text[kDayCharacters] == 'T';
  if (!is_iso_date(date) || !ends) {
    return fault("member_invalid", std::move(path),
                 "This has to be a day, as \"2023-12-01\", or a time, as "
                 "\"2023-12-01T10:00:00+00:00\".");
  }
  return std::optional(std::string(date));
}

// A supplier is named by its id, or stands there itself.
Result<std::optional<std::int64_t>> supplier_of(const json::object& content) {
  const json::value* supplier = find(content, "supplier");
  if (supplier && supplier->is_object()) {
    return whole_number(find(supplier->get_object(), "id"), "$.supplier.id", 1);
  }
  return whole_number(supplier, "$.supplier", 1);
}

// Where the content says it, the id is the address's.
Result<void> check_id(const json::object& content, const Document& document) {
  const auto id = whole_number(find(content, "id"), "$.id", 1);
  if (!id) return fail(id.error());
  if (!*id || **id == document.id) return {};
  return fault(
      "id_mismatch", "$.id",
      fmt::format("The document is put as {}, and says that it is {}.", document.id, **id));
}

Result<std::optional<bool>> enabled_of(const json::object& content) {
  const json::value* value = find(content, "enable");
  if (!value) return std::optional<bool>();
  if (value->is_bool()) return std::optional(value->get_bool());
  return fault("member_type", "$.enable", "This has to be true or false.");
}

}  // namespace

std::string DocumentKind::created_event() const { return fmt::format("{}.created", subject); }
std::string DocumentKind::updated_event() const { return fmt::format("{}.updated", subject); }

std::span<const DocumentKind> document_kinds() { return kKinds; }

const DocumentKind* find_document_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &DocumentKind::name);
  return found == kKinds.end() ? nullptr : &*found;
}

Result<void> read_content(const json::object& content, Document& document) {
  WAYBILL_TRY(check_id(content, document));
  const auto idn = whole_number(find(content, "idn"), "$.idn", 1);
  if (!idn) return fail(idn.error());
  const auto status = whole_number(find(content, "status"), "$.status", 0);
  if (!status) return fail(status.error());
  auto approved_on = day(find(content, "approvalDate"), "$.approvalDate");
  if (!approved_on) return fail(approved_on.error());
  const auto supplier = supplier_of(content);
  if (!supplier) return fail(supplier.error());
  const auto enabled = enabled_of(content);
  if (!enabled) return fail(enabled.error());
  document.idn = *idn;
  document.status = *status;
  document.approved_on = *std::move(approved_on);
  document.supplier_id = *supplier;
  document.enabled = *enabled;
  return {};
}

void write_content(const json::object& content, const DocumentKind& kind, Document& document) {
  json::object whole{{"id", document.id}};
  if (document.idn) whole["idn"] = *document.idn;
  for (const auto& member : content) {
    if (member.key() != "id" && member.key() != "idn") whole[member.key()] = member.value();
  }
  document.content = write_json(whole);
  if (kind.is_whole_in_lists) {
    document.summary = document.content;
    return;
  }
  json::object summary;
  for (const auto& member : whole) {
    if (!member.value().is_array()) summary[member.key()] = member.value();
  }
  document.summary = write_json(summary);
}

std::string document_event_data(const Document& document, const DocumentKind& kind) {
  std::string data;
  ObjectText(data)
      .add("document", document.kind)
      .add("document_id", document.id)
      .add_if("idn", document.idn)
      .add(fmt::format("{}_id", kind.subject), document.uuid.text())
      .add_if("document_status", document.status)
      .add_if("created_by", document.created_by)
      .end();
  return data;
}

}  // namespace waybill::model
