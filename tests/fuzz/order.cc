// ProcuLink's order reader: a body is refused with a code and a path, or is an order that keeps the
// rules, and that is read again from what it says.

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "fuzz/target.h"
#include "surfaces/proculink/order_reader.h"

namespace waybill::fuzz {
namespace {

using intake::OrderRequest;
using surfaces::proculink::read_order;

void check_refusal(const Error& error) {
  constexpr std::string_view kReasons[] = {
      // parse_json()
      "malformed_json", "invalid_utf8", "duplicate_member", "number_out_of_range", "too_deep",
      // order_reader.h
      "body_type", "member_missing", "member_type", "text_length", "text_invalid", "date_invalid",
      "lines_empty", "quantity_not_positive"};
  WAYBILL_CHECK(error.code == Code::kInvalid, "a bad order is the caller's fault");
  WAYBILL_CHECK(std::ranges::find(kReasons, error.reason) != std::end(kReasons),
                "the reason is one of those that order_reader.h lists");
  WAYBILL_CHECK(error.path.starts_with('$') && is_utf8(error.path), "every fault has a path");
  WAYBILL_CHECK(!error.message.empty() && is_utf8(error.message), "every fault has a message");
}

template <class T>
void put(json::object& object, std::string_view name, const std::optional<T>& value) {
  if (value) object[name] = *value;
}

// The order as its sender would write it.
std::string write_order(const OrderRequest& order) {
  json::object body;
  body["supplierId"] = order.supplier;
  put(body, "orderNumber", order.number);
  put(body, "orderDate", order.order_date);
  put(body, "currency", order.currency);
  json::array lines;
  for (const model::OrderLine& line : order.lines) {
    json::object written;
    put(written, "buyerItemCode", line.item_code);
    put(written, "description", line.description);
    put(written, "quantity", line.quantity);
    put(written, "unit", line.unit);
    put(written, "unitPrice", line.unit_price);
    lines.push_back(std::move(written));
  }
  body["lines"] = std::move(lines);
  return write_json(body);
}

void check_text(const std::optional<std::string>& text) {
  if (!text) return;
  WAYBILL_CHECK(text->size() <= 1000, "a text has its length");
  WAYBILL_CHECK(!text->contains('\0'), "a text has no NUL, which no filter could ask for");
}

void check_order(const OrderRequest& order) {
  WAYBILL_CHECK(!order.supplier.empty(), "an order names its supplier");
  WAYBILL_CHECK(!order.lines.empty(), "an order has a line");
  WAYBILL_CHECK(!order.order_date || is_iso_date(*order.order_date), "a date is a date");
  check_text(order.supplier);
  check_text(order.number);
  check_text(order.currency);
  for (const model::OrderLine& line : order.lines) {
    WAYBILL_CHECK(!line.quantity || *line.quantity > 0, "a quantity is above zero");
    check_text(line.item_code);
    check_text(line.description);
    check_text(line.unit);
  }
}

}  // namespace

void try_input(std::string_view input) {
  const Result<OrderRequest> order = read_order(input);
  if (!order) return check_refusal(order.error());
  check_order(*order);

  const std::string written = write_order(*order);
  const Result<OrderRequest> again = read_order(written);
  WAYBILL_CHECK(again.has_value(), "an order that was read can be sent again");
  WAYBILL_CHECK(write_order(*again) == written, "and is the same order");
  const model::SupplierId supplier;
  WAYBILL_CHECK(intake::derived_key("acme", supplier, order->number, order->lines) ==
                    intake::derived_key("acme", supplier, again->number, again->lines),
                "and known for a repeat");

  const std::string stored = model::write_lines(order->lines);
  const Result<json::value> loaded = parse_json(stored);
  WAYBILL_CHECK(loaded.has_value() && write_json(*loaded) == stored, "its lines are kept as JSON");
  WAYBILL_CHECK(model::write_lines(model::lines_from_json(*loaded)) == stored,
                "and read again as what they were");
}

}  // namespace waybill::fuzz
