// SQL of the Shipment.

#pragma once

#include <vector>

#include "model/sales_order.h"
#include "store/connection.h"

namespace waybill::store::shipments {

Result<void> insert(Connection& connection, const model::Shipment& shipment);
// Writes everything but the ids and the time it was made.
Result<void> update(Connection& connection, const model::Shipment& shipment);

// Fails with kNotFound (shipment_not_found).
Result<model::Shipment> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ShipmentId& id);
// All of an order, the first one first.
Result<std::vector<model::Shipment>> of_order(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::OrderId& order);

}  // namespace waybill::store::shipments
