// SQL of the Supplier.

#pragma once

#include <optional>
#include <string_view>

#include "model/order.h"
#include "store/connection.h"
#include "store/list_clock.h"
#include "store/page.h"

namespace waybill::store::suppliers {

// Names are unique in a workspace without regard to case (R-PL-15).
// Fails with kConflict (supplier_exists).
Result<void> insert(Connection& connection, const model::Supplier& supplier);
// The same as a question, asked before anything is written. Fails with kConflict (supplier_exists),
// but not for the name that `own` has.
Result<void> check_name_free(Connection& connection, const model::WorkspaceId& workspace,
                             std::string_view name, const model::SupplierId& own = {});
// Writes everything but the id and the time it was made. Fails with kConflict (supplier_exists).
Result<void> update(Connection& connection, const model::Supplier& supplier);
// By its id in either form, or by its name without regard to case (R-PL-14, -15).
Result<std::optional<model::Supplier>> find(Connection& connection,
                                            const model::WorkspaceId& workspace,
                                            std::string_view id_or_name);
Result<Page<model::Supplier>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const PageRequest& page);
// In the order of their latest changes.
Result<list_clock::Page<model::Supplier>> list_changed(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const list_clock::Request& request);

}  // namespace waybill::store::suppliers
