// SQL of the Supplier.

#pragma once

#include <optional>
#include <string_view>

#include "model/order.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::suppliers {

// Names are unique in a workspace without regard to case (R-PL-15).
// Fails with kConflict (supplier_exists).
Result<void> insert(Connection& connection, const model::Supplier& supplier);
// By its id in either form, or by its name without regard to case (R-PL-14, -15).
Result<std::optional<model::Supplier>> find(Connection& connection,
                                            const model::WorkspaceId& workspace,
                                            std::string_view id_or_name);
Result<Page<model::Supplier>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const PageRequest& page);

}  // namespace waybill::store::suppliers
