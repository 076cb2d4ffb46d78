#include "model/order.h"

#include "base/check.h"
#include "base/json_text.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<OrderStatus, 1> kStatuses{{{OrderStatus::kNeedsReview, "needs_review"}}};

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return std::nullopt;
  WAYBILL_CHECK(value->is_string(), "a stored line has texts where we wrote texts");
  return std::string(value->get_string());
}

}  // namespace

std::string_view order_status_name(OrderStatus status) { return kStatuses.name(status); }
std::optional<OrderStatus> parse_order_status(std::string_view name) {
  return kStatuses.parse(name);
}

std::string write_lines(const std::vector<OrderLine>& lines) {
  std::string out;
  append_array(out, lines, [](std::string& text, const OrderLine& line) {
    ObjectText(text)
        .add_if("item_code", line.item_code)
        .add_if("description", line.description)
        .add_if("quantity", line.quantity)
        .add_if("unit", line.unit)
        .add_if("unit_price", line.unit_price)
        .end();
  });
  return out;
}

std::vector<OrderLine> lines_from_json(const json::value& lines) {
  WAYBILL_CHECK(lines.is_array(), "stored lines are an array");
  std::vector<OrderLine> result;
  for (const json::value& value : lines.get_array()) {
    WAYBILL_CHECK(value.is_object(), "a stored line is an object");
    const json::object& object = value.get_object();
    OrderLine line;
    line.item_code = text_of(object, "item_code");
    line.description = text_of(object, "description");
    if (const json::value* quantity = object.if_contains("quantity")) {
      line.quantity = quantity->to_number<double>();
    }
    line.unit = text_of(object, "unit");
    if (const json::value* price = object.if_contains("unit_price")) {
      line.unit_price = price->to_number<double>();
    }
    result.push_back(std::move(line));
  }
  return result;
}

std::string order_event_data(const Order& order) {
  return order_event_data(order, write_lines(order.lines));
}

std::string order_event_data(const Order& order, std::string_view lines) {
  std::string out;
  out.reserve(384 + lines.size());
  ObjectText(out)
      .add("order_id", order.id.uuid().text())
      .add_if("number", order.number)
      .add_if("order_date", order.order_date)
      .add_if("currency", order.currency)
      .add("supplier_id", order.supplier_id.uuid().text())
      .add("supplier_name", order.supplier_name)
      .add("status", order_status_name(order.status))
      .add("line_count", order.lines.size())
      .add_json("lines", lines)
      .end();
  return out;
}

std::string supplier_data(const Supplier& supplier) {
  std::string out;
  ObjectText(out)
      .add("supplier_id", supplier.id.uuid().text())
      .add("name", supplier.name)
      .add_if("email", supplier.email)
      .add_if("phone", supplier.phone)
      .end();
  return out;
}

}  // namespace waybill::model
