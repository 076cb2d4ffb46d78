#include "model/order.h"

#include "base/check.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<OrderStatus, 1> kStatuses{{{OrderStatus::kNeedsReview, "needs_review"}}};

void add(json::object& object, std::string_view name, const std::optional<std::string>& text) {
  if (text) object.emplace(name, *text);
}

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

json::array lines_to_json(const std::vector<OrderLine>& lines) {
  json::array array;
  array.reserve(lines.size());
  for (const OrderLine& line : lines) {
    json::object object;
    object.reserve(5);
    add(object, "item_code", line.item_code);
    add(object, "description", line.description);
    if (line.quantity) object.emplace("quantity", *line.quantity);
    add(object, "unit", line.unit);
    if (line.unit_price) object.emplace("unit_price", *line.unit_price);
    array.push_back(std::move(object));
  }
  return array;
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

json::object order_event_data(const Order& order) {
  json::object data;
  data.reserve(9);
  data.emplace("order_id", order.id.uuid().text());
  add(data, "number", order.number);
  add(data, "order_date", order.order_date);
  add(data, "currency", order.currency);
  data.emplace("supplier_id", order.supplier_id.uuid().text());
  data.emplace("supplier_name", order.supplier_name);
  data.emplace("status", order_status_name(order.status));
  data.emplace("line_count", order.lines.size());
  data.emplace("lines", lines_to_json(order.lines));
  return data;
}

}  // namespace waybill::model
