// SQL of the SalesOrder. Whatever reads orders fails with kInternal (order_unreadable) where one of
// them is not as the hub writes it.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/sales_order.h"
#include "store/connection.h"
#include "store/list_clock.h"
#include "store/page.h"

namespace waybill::store::sales_orders {

// Fails with kConflict (order_exists) for an external id that the store has.
Result<void> insert(Connection& connection, const model::SalesOrder& order);
// Writes everything but the ids, the store, the source and the time it was made.
Result<void> update(Connection& connection, const model::SalesOrder& order);

// Fails with kNotFound (order_not_found).
Result<model::SalesOrder> find(Connection& connection, const model::WorkspaceId& workspace,
                               const model::OrderId& id);
Result<std::optional<model::SalesOrder>> find_by_external(Connection& connection,
                                                          const model::WorkspaceId& workspace,
                                                          const model::StoreId& store,
                                                          std::string_view external_id);

// In the order of their latest changes.
Result<list_clock::Page<model::SalesOrder>> list_changed(Connection& connection,
                                                         const model::WorkspaceId& workspace,
                                                         const list_clock::Request& request);

// Each that is set narrows it.
struct Filter {
  std::optional<model::StoreId> store_id;
  std::optional<std::string> external_id;
  std::optional<std::string> number;
  std::optional<model::SalesStatus> status;
};
// The newest first.
Result<Page<model::SalesOrder>> list(Connection& connection, const model::WorkspaceId& workspace,
                                     const Filter& filter, const PageRequest& page);

}  // namespace waybill::store::sales_orders
