#include "store/api_keys.h"

#include <algorithm>
#include <string>

#include "model/woocommerce.h"
#include "store/changes.h"
#include "store/columns.h"

namespace waybill::store::api_keys {
namespace {

// The hub itself, to which the claims of secrets belong.
const Uuid kHub{};

constexpr std::string_view kColumns =
    "k.id, k.workspace_id, w.slug, k.platform, k.name, k.prefix, k.hash, k.scopes, k.created_at, "
    "k.expires_at, k.revoked_at, k.user_id, k.kind, k.store_id, k.source, k.payload_format, "
    "k.require_signature, k.allowed_networks, k.calls_per_minute, k.last_used_at, "
    "k.previous_signing_secret_expires_at, k.signing_secret, k.previous_signing_secret "
    "FROM api_keys k JOIN workspaces w ON w.workspace_id = k.workspace_id";

std::string select(std::string_view where) {
  return "SELECT " + std::string(kColumns) + " " + std::string(where);
}

// What is stored is what we wrote.
template <class T>
T known(const std::optional<T>& parsed) {
  WAYBILL_CHECK(parsed.has_value(), "a stored word of a key is one we wrote");
  return *parsed;
}

model::ApiKey read(const Row& row) {
  model::ApiKey key;
  key.id = row.id<model::ApiKeyId>(0);
  key.workspace_id = row.id<model::WorkspaceId>(1);
  key.workspace_slug = row.string(2);
  key.platform = known(model::parse_key_platform(row.text(3)));
  key.name = row.string(4);
  key.prefix = row.string(5);
  const ByteView hash = row.bytes(6);
  WAYBILL_CHECK(hash.size() == key.hash.size(), "a stored hash is a SHA-256");
  std::copy(hash.begin(), hash.end(), key.hash.begin());
  key.scopes = list_from_column(row.text(7));
  key.created_at = row.time(8);
  key.expires_at = row.time_or_null(9);
  key.revoked_at = row.time_or_null(10);
  key.user_id = row.id_or_null<model::UserId>(11);
  key.kind = known(model::parse_key_kind(row.text(12)));
  key.store_id = row.id_or_null<model::StoreId>(13);
  key.source = row.string(14);
  key.payload_format = known(model::parse_payload_format(row.text(15)));
  key.require_signature = row.integer(16) != 0;
  key.allowed_networks = list_from_column(row.text(17));
  if (!row.is_null(18)) key.calls_per_minute = static_cast<int>(row.integer(18));
  key.last_used_at = row.time_or_null(19);
  key.previous_signing_secret_expires_at = row.time_or_null(20);
  return key;
}

Stored read_stored(const Row& row) { return {read(row), row.byte_string(21), row.byte_string(22)}; }

// By what is signed with: two texts of it can be one to a shop (W-3).
crypto::Digest digest_of(const Secret& secret) {
  return crypto::sha256(model::woocommerce::decode_entities(secret.reveal()));
}

// Makes `secret` this key's alone, or finds that it is another's: one that works still, and whose
// claim has not ended.
Result<void> claim_secret(Connection& connection, const model::ApiKey& key, const Secret& secret,
                          Timestamp now) {
  const crypto::Digest digest = digest_of(secret);
  const auto claimed = connection.execute(
      "INSERT INTO signing_secrets (workspace_id, digest, owner_workspace_id, owner_id, expires_at)"
      " VALUES ($1, $2, $3, $4, NULL) ON CONFLICT (workspace_id, digest) DO NOTHING",
      {kHub, ByteView(digest), key.workspace_id, key.id});
  if (!claimed) return fail(claimed.error());
  if (*claimed == 1) return {};
  bool is_ours = false;
  const auto others = connection.query(
      "SELECT s.owner_id FROM signing_secrets s JOIN api_keys k "
      "ON k.workspace_id = s.owner_workspace_id AND k.id = s.owner_id "
      "WHERE s.workspace_id = $1 AND s.digest = $2 "
      "AND (s.expires_at IS NULL OR s.expires_at > $3) "
      "AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)",
      {kHub, ByteView(digest), now},
      [&](const Row& row) { is_ours = row.id<model::ApiKeyId>(0) == key.id; });
  if (!others) return fail(others.error());
  if (*others > 0 && !is_ours) {
    return fail(Code::kConflict, "signing_secret_taken",
                "Another key has this signing secret already, and a request of WooCommerce says by "
                "nothing else which key it comes with. Choose another.");
  }
  WAYBILL_TRY(connection.execute(
      "UPDATE signing_secrets SET owner_workspace_id = $3, owner_id = $4, expires_at = NULL "
      "WHERE workspace_id = $1 AND digest = $2",
      {kHub, ByteView(digest), key.workspace_id, key.id}));
  return {};
}

bool claims_secrets(const model::ApiKey& key) {
  return key.payload_format == model::PayloadFormat::kWooCommerce;
}

Result<model::ApiKey> find_one(Connection& connection, std::string_view sql,
                               const model::WorkspaceId& workspace, const model::ApiKeyId& id) {
  std::optional<model::ApiKey> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "key_not_found", "There is no such key.");
  return *std::move(found);
}

}  // namespace

Result<void> insert(Connection& connection, const model::ApiKey& key, const Bytes& signing_secret) {
  if (claims_secrets(key)) {
    WAYBILL_TRY(claim_secret(connection, key, key.signing_secret, key.created_at));
  }
  WAYBILL_TRY(connection.execute(
      "INSERT INTO api_keys (workspace_id, id, platform, name, prefix, hash, scopes, created_at, "
      "expires_at, revoked_at, user_id, kind, store_id, source, payload_format, "
      "require_signature, allowed_networks, calls_per_minute, last_used_at, signing_secret) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
      "$19, $20)",
      {key.workspace_id,
       key.id,
       model::key_platform_name(key.platform),
       key.name,
       key.prefix,
       ByteView(key.hash),
       list_to_column(key.scopes),
       key.created_at,
       key.expires_at,
       key.revoked_at,
       key.user_id,
       model::key_kind_name(key.kind),
       key.store_id,
       key.source,
       model::payload_format_name(key.payload_format),
       int{key.require_signature},
       list_to_column(key.allowed_networks),
       key.calls_per_minute,
       key.last_used_at,
       signing_secret.empty() ? Param(std::nullopt) : Param(signing_secret)}));
  // Nobody has looked for any other yet.
  return claims_secrets(key) ? changes::key_changed(connection, key.id) : Result<void>();
}

Result<std::optional<Stored>> find_by_hash(Connection& connection, const crypto::Digest& hash) {
  std::optional<Stored> found;
  static const std::string sql = select("WHERE k.hash = $1");
  WAYBILL_TRY(
      connection.query(sql, {ByteView(hash)}, [&](const Row& row) { found = read_stored(row); }));
  return found;
}

Result<model::ApiKey> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ApiKeyId& id) {
  static const std::string sql = select("WHERE k.workspace_id = $1 AND k.id = $2");
  return find_one(connection, sql, workspace, id);
}

Result<model::ApiKey> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::ApiKeyId& id) {
  const std::string sql = "SELECT id FROM api_keys WHERE workspace_id = $1 AND id = $2 " +
                          std::string(connection.row_lock());
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [](const Row&) {}));
  return find(connection, workspace, id);
}

Result<Page<model::ApiKey>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page) {
  static const std::string sql = "SELECT * FROM (SELECT " + std::string(kColumns) + ") AS keys";
  Select select(sql);
  select.where("workspace_id =", workspace);
  return select.page<model::ApiKey>(connection, page, read,
                                    [](const model::ApiKey& key) { return key.id.uuid(); });
}

Result<std::vector<Stored>> of_woocommerce(Connection& connection) {
  std::vector<Stored> all;
  static const std::string sql =
      select("WHERE k.payload_format = 'woocommerce' AND k.revoked_at IS NULL");
  WAYBILL_TRY(connection.query(sql, {}, [&](const Row& row) { all.push_back(read_stored(row)); }));
  return all;
}

Result<model::ApiKey> revoke(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ApiKeyId& id, Timestamp now) {
  const auto revoked = connection.execute(
      "UPDATE api_keys SET revoked_at = $3 "
      "WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL",
      {workspace, id, now});
  if (!revoked) return fail(revoked.error());
  if (*revoked > 0) {
    WAYBILL_TRY(connection.execute(
        "DELETE FROM signing_secrets WHERE workspace_id = $1 AND owner_id = $2", {kHub, id}));
    WAYBILL_TRY(changes::key_changed(connection, id));
  }
  return find(connection, workspace, id);
}

Result<void> rotate_secret(Connection& connection, const model::ApiKey& key,
                           const Rotation& rotation, Timestamp now) {
  if (claims_secrets(key)) {
    WAYBILL_TRY(claim_secret(connection, key, rotation.secret, now));
    const crypto::Digest digest = digest_of(rotation.secret);
    // The former one, and what has ended since: whoever comes first after that may have it.
    WAYBILL_TRY(connection.execute(
        "UPDATE signing_secrets SET expires_at = $4 WHERE workspace_id = $1 AND owner_id = $2 "
        "AND digest <> $3 AND expires_at IS NULL",
        {kHub, key.id, ByteView(digest), rotation.former_until.value_or(now)}));
    WAYBILL_TRY(
        connection.execute("DELETE FROM signing_secrets WHERE workspace_id = $1 AND owner_id = $2 "
                           "AND expires_at <= $3",
                           {kHub, key.id, now}));
  }
  const auto changed =
      rotation.former_until
          ? connection.execute(
                "UPDATE api_keys SET previous_signing_secret = signing_secret, signing_secret = "
                "$3, previous_signing_secret_expires_at = $4 WHERE workspace_id = $1 AND id = $2",
                {key.workspace_id, key.id, rotation.sealed, *rotation.former_until})
          : connection.execute(
                "UPDATE api_keys SET previous_signing_secret = NULL, signing_secret = $3, "
                "previous_signing_secret_expires_at = NULL WHERE workspace_id = $1 AND id = $2",
                {key.workspace_id, key.id, rotation.sealed});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(Code::kNotFound, "key_not_found", "There is no such key.");
  return changes::key_changed(connection, key.id);
}

}  // namespace waybill::store::api_keys
