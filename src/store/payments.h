// SQL of the Payment.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/sales_order.h"
#include "store/connection.h"

namespace waybill::store::payments {

// Fails with kConflict (payment_exists) for an external id that the store has.
Result<void> insert(Connection& connection, const model::Payment& payment);

// Fails with kNotFound (payment_not_found).
Result<model::Payment> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::PaymentId& id);
Result<std::optional<model::Payment>> find_by_external(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const model::StoreId& store,
                                                       std::string_view external_id);
// All of an order, the first one first.
Result<std::vector<model::Payment>> of_order(Connection& connection,
                                             const model::WorkspaceId& workspace,
                                             const model::OrderId& order);

// Writes what it says, its state and when it was refunded; not the ids, nor when it was made.
Result<void> update(Connection& connection, const model::Payment& payment);
Result<void> erase(Connection& connection, const model::Payment& payment);
Result<void> mark_refunded(Connection& connection, const model::WorkspaceId& workspace,
                           const model::PaymentId& id, Timestamp at);

}  // namespace waybill::store::payments
