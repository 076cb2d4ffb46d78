// SQL of the ApiKey.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/api_key.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::api_keys {

// A key with what the hub's master key opens: its signing secrets, each sealed for the key's id,
// and empty where there is none.
struct Stored {
  model::ApiKey key;
  Bytes signing_secret;
  Bytes previous_signing_secret;
};

// `signing_secret` is the key's, sealed. Tells the other nodes of a key of WooCommerce
// (store/changes.h). Fails with kConflict (signing_secret_taken) if such a key has a secret that is
// another's in any workspace, as a shop signs with it: a request names its key by nothing else
// (A-PC-1).
Result<void> insert(Connection& connection, const model::ApiKey& key,
                    const Bytes& signing_secret = {});
// Nothing if there is none; revoked and expired keys are found too.
Result<std::optional<Stored>> find_by_hash(Connection& connection, const crypto::Digest& hash);
// Without its secrets. Fails with kNotFound (key_not_found).
Result<model::ApiKey> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ApiKeyId& id);
// As find(), and nobody changes it until this transaction is over.
Result<model::ApiKey> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::ApiKeyId& id);
Result<Page<model::ApiKey>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page);
// Those of all workspaces whose orders WooCommerce sends, but for revoked ones.
Result<std::vector<Stored>> of_woocommerce(Connection& connection);
// Tells the other nodes (store/changes.h). Revoking twice keeps the first time. Fails with
// kNotFound (key_not_found).
Result<model::ApiKey> revoke(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ApiKeyId& id, Timestamp now);

struct Rotation {
  Secret secret;
  Bytes sealed;  // The same.
  // Until when the former one counts as well. Nothing: it does not.
  std::optional<Timestamp> former_until;
};
// Gives a key another signing secret (R-PC-21), and tells the other nodes. Fails as insert(), and
// with kNotFound (key_not_found). Requires: find_to_change() in the same transaction.
Result<void> rotate_secret(Connection& connection, const model::ApiKey& key,
                           const Rotation& rotation, Timestamp now);

}  // namespace waybill::store::api_keys
