// SQL of the Order.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/order.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::orders {

struct Filter {
  std::optional<std::string> number;
  std::optional<Timestamp> since;  // Created at or after.
  std::optional<Timestamp> until;  // Created before.
};

Result<void> insert(Connection& connection, const model::Order& order);
// The same; `lines` is what model::write_lines() makes of the order's.
Result<void> insert(Connection& connection, const model::Order& order, std::string_view lines);
// Fails with kNotFound (order_not_found).
Result<model::Order> find(Connection& connection, const model::WorkspaceId& workspace,
                          const model::OrderId& id);
Result<Page<model::Order>> list(Connection& connection, const model::WorkspaceId& workspace,
                                const Filter& filter, const PageRequest& page);

}  // namespace waybill::store::orders
