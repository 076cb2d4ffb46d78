// SQL of the Product.

#pragma once

#include <optional>
#include <string_view>

#include "model/trade.h"
#include "store/connection.h"
#include "store/list_clock.h"
#include "store/page.h"

namespace waybill::store::products {

// Inserts it, or writes it over the one of its SKU, which keeps its id and the time it was made.
Result<void> put(Connection& connection, const model::Product& product);

// Fails with kNotFound (product_not_found).
Result<model::Product> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::ProductId& id);
Result<std::optional<model::Product>> find_by_sku(Connection& connection,
                                                  const model::WorkspaceId& workspace,
                                                  std::string_view sku);

// Those that are published, in the order of their latest changes.
Result<list_clock::Page<model::Product>> list_changed(Connection& connection,
                                                      const model::WorkspaceId& workspace,
                                                      const list_clock::Request& request);
// All, the newest first.
Result<Page<model::Product>> list(Connection& connection, const model::WorkspaceId& workspace,
                                  const PageRequest& page);

}  // namespace waybill::store::products
