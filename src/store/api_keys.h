// SQL of the ApiKey.

#pragma once

#include <optional>

#include "model/api_key.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::api_keys {

Result<void> insert(Connection& connection, const model::ApiKey& key);
// Nothing if there is none; revoked and expired keys are found too.
Result<std::optional<model::ApiKey>> find_by_hash(Connection& connection,
                                                  const crypto::Digest& hash);
// Fails with kNotFound (key_not_found).
Result<model::ApiKey> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ApiKeyId& id);
Result<Page<model::ApiKey>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page);
// Tells the other nodes (store/changes.h). Revoking twice keeps the first time. Fails with
// kNotFound (key_not_found).
Result<model::ApiKey> revoke(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ApiKeyId& id, Timestamp now);

}  // namespace waybill::store::api_keys
