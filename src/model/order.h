// An Order, with its Lines, and the Supplier it goes to: the business records an ingress makes.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/ids.h"

namespace waybill::model {

struct Supplier {
  SupplierId id;
  WorkspaceId workspace_id;
  std::string name;
  Timestamp created_at{};
  std::optional<std::string> email = {};
  std::optional<std::string> phone = {};
  std::optional<Timestamp> claimed_at = {};  // When the seller took over its profile.
  Timestamp updated_at{};                    // By which lists are read: store/list_clock.h.
};

// One status at a time. The later ones (normalized … delivered) come with supplier delivery.
enum class OrderStatus { kNeedsReview };
std::string_view order_status_name(OrderStatus status);
std::optional<OrderStatus> parse_order_status(std::string_view name);

struct OrderLine {
  std::optional<std::string> item_code;  // The buyer's.
  std::optional<std::string> description;
  std::optional<double> quantity;  // Above zero, exactly as the caller's JSON number.
  std::optional<std::string> unit;
  std::optional<double> unit_price;
};

struct Order {
  OrderId id;
  WorkspaceId workspace_id;
  std::string surface;  // Through which door it came: "proculink".
  std::optional<std::string> number;
  std::optional<std::string> order_date;  // YYYY-MM-DD
  std::optional<std::string> currency;
  SupplierId supplier_id;
  std::string supplier_name;  // As it was when the order came.
  OrderStatus status = OrderStatus::kNeedsReview;
  std::vector<OrderLine> lines;  // At least one.
  Timestamp created_at{};
};

// A JSON array, as write_json() would write it.
std::string write_lines(const std::vector<OrderLine>& lines);
std::vector<OrderLine> lines_from_json(const json::value& lines);

// The canonical data of the events about an order, as write_json() would write it: what every
// dialect's template reads.
std::string order_event_data(const Order& order);
// As above; `lines` is what write_lines() makes of the order's.
std::string order_event_data(const Order& order, std::string_view lines);
// The same for supplier.created and supplier.updated.
std::string supplier_data(const Supplier& supplier);

}  // namespace waybill::model
