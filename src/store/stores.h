// SQL of the Store.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/trade.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::stores {

// Names are unique in a workspace without regard to case. Fails with kConflict (store_exists).
Result<void> insert(Connection& connection, const model::Store& store);
// By its id in either form, or by its name without regard to case.
Result<std::optional<model::Store>> find(Connection& connection,
                                         const model::WorkspaceId& workspace,
                                         std::string_view id_or_name);
Result<Page<model::Store>> list(Connection& connection, const model::WorkspaceId& workspace,
                                const PageRequest& page);

// 1, 2 …: the next order's of the store, without its prefix. Nobody else is given one until this
// transaction is over. Fails with kNotFound (store_not_found).
Result<std::int64_t> next_number(Connection& connection, const model::WorkspaceId& workspace,
                                 const model::StoreId& store);

}  // namespace waybill::store::stores
