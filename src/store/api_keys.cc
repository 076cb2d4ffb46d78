#include "store/api_keys.h"

#include <algorithm>

#include "store/changes.h"
#include "store/columns.h"

namespace waybill::store::api_keys {
namespace {

constexpr std::string_view kSelect =
    "SELECT k.id, k.workspace_id, w.slug, k.platform, k.name, k.prefix, k.hash, k.scopes, "
    "k.created_at, k.expires_at, k.revoked_at, k.user_id "
    "FROM api_keys k JOIN workspaces w ON w.workspace_id = k.workspace_id";

model::ApiKey read(const Row& row) {
  model::ApiKey key;
  key.id = row.id<model::ApiKeyId>(0);
  key.workspace_id = row.id<model::WorkspaceId>(1);
  key.workspace_slug = row.string(2);
  const auto platform = model::parse_key_platform(row.text(3));
  WAYBILL_CHECK(platform.has_value(), "a stored platform is one we wrote");
  key.platform = *platform;
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
  return key;
}

}  // namespace

Result<void> insert(Connection& connection, const model::ApiKey& key) {
  WAYBILL_TRY(connection.execute(
      "INSERT INTO api_keys (workspace_id, id, platform, name, prefix, hash, scopes, created_at, "
      "expires_at, revoked_at, user_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      {key.workspace_id, key.id, model::key_platform_name(key.platform), key.name, key.prefix,
       ByteView(key.hash), list_to_column(key.scopes), key.created_at, key.expires_at,
       key.revoked_at, key.user_id}));
  return {};
}

Result<std::optional<model::ApiKey>> find_by_hash(Connection& connection,
                                                  const crypto::Digest& hash) {
  std::optional<model::ApiKey> found;
  static const std::string sql = std::string(kSelect) + " WHERE k.hash = $1";
  WAYBILL_TRY(connection.query(sql, {ByteView(hash)}, [&](const Row& row) { found = read(row); }));
  return found;
}

Result<model::ApiKey> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ApiKeyId& id) {
  std::optional<model::ApiKey> found;
  static const std::string sql = std::string(kSelect) + " WHERE k.workspace_id = $1 AND k.id = $2";
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "key_not_found", "There is no such key.");
  return *std::move(found);
}

Result<Page<model::ApiKey>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const PageRequest& page) {
  Select select(
      "SELECT id, workspace_id, slug, platform, name, prefix, hash, scopes, created_at, "
      "expires_at, "
      "revoked_at, user_id FROM (SELECT k.id, k.workspace_id, w.slug, k.platform, k.name, "
      "k.prefix, k.hash, "
      "k.scopes, k.created_at, k.expires_at, k.revoked_at, k.user_id FROM api_keys k JOIN "
      "workspaces w "
      "ON w.workspace_id = k.workspace_id) AS keys");
  select.where("workspace_id =", workspace);
  return select.page<model::ApiKey>(connection, page, read,
                                    [](const model::ApiKey& key) { return key.id.uuid(); });
}

Result<model::ApiKey> revoke(Connection& connection, const model::WorkspaceId& workspace,
                             const model::ApiKeyId& id, Timestamp now) {
  const auto revoked = connection.execute(
      "UPDATE api_keys SET revoked_at = $3 "
      "WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL",
      {workspace, id, now});
  if (!revoked) return fail(revoked.error());
  if (*revoked > 0) WAYBILL_TRY(changes::key_revoked(connection, id));
  return find(connection, workspace, id);
}

}  // namespace waybill::store::api_keys
