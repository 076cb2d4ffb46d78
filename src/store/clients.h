// SQL of the Client.

#pragma once

#include <optional>
#include <string_view>

#include "model/trade.h"
#include "store/connection.h"
#include "store/list_clock.h"

namespace waybill::store::clients {

// Fails with kConflict (client_exists) for an external id that the store has.
Result<void> insert(Connection& connection, const model::Client& client);
// Writes everything but the id, the store, the source and the time it was made. Requires: no other
// client of the store has the external id.
Result<void> update(Connection& connection, const model::Client& client);

// Fails with kNotFound (client_not_found).
Result<model::Client> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ClientId& id);
Result<std::optional<model::Client>> find_by_external(Connection& connection,
                                                      const model::WorkspaceId& workspace,
                                                      const model::StoreId& store,
                                                      std::string_view external_id);
// The oldest with this e-mail, in any case. `only_nameless`: of those without an external id.
Result<std::optional<model::Client>> find_by_email(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const model::StoreId& store,
                                                   std::string_view email,
                                                   bool only_nameless = false);

// In the order of their latest changes.
Result<list_clock::Page<model::Client>> list_changed(Connection& connection,
                                                     const model::WorkspaceId& workspace,
                                                     const list_clock::Request& request);

}  // namespace waybill::store::clients
