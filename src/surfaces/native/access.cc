#include "surfaces/native/access.h"

#include <utility>

#include <fmt/format.h>

#include "store/workspaces.h"
#include "surfaces/api_key_text.h"

namespace waybill::surfaces::native {
Task<Result<Caller>> Access::identify(const net::Request& request) {
  const std::string_view token = bearer_token(request);
  if (token.empty()) {
    co_return fail(Code::kUnauthenticated,
                   "This address needs a token: Authorization: Bearer TOKEN.");
  }
  const crypto::Digest hash = crypto::sha256(token);
  if (crypto::equal_in_constant_time(as_text(hash), as_text(admin_token_hash_))) {
    co_return Caller{};
  }
  auto key = co_await keys_.find(request, std::string(token), model::KeyPlatform::kWaybill);
  if (!key) co_return fail(key.error());
  co_return Caller{*std::move(key)};
}

Task<Result<model::WorkspaceId>> Access::workspace(const Caller& caller,
                                                   const std::string& slug_or_id) {
  const auto id = model::WorkspaceId::parse(slug_or_id);
  if (!caller.is_admin()) {
    const model::ApiKey& key = *caller.key;
    if (slug_or_id == key.workspace_slug || id == key.workspace_id) co_return key.workspace_id;
    co_return fail(Code::kForbidden, "workspace_forbidden",
                   "This key does not open that workspace.");
  }
  if (const auto known = workspaces_.find(slug_or_id); known != workspaces_.end()) {
    co_return known->second;
  }
  auto found = co_await database_.read([&](store::Connection& connection) {
    return id ? store::workspaces::find(connection, *id)
              : store::workspaces::find_by_slug(connection, slug_or_id);
  });
  if (!found) co_return fail(found.error());
  if (workspaces_.size() >= kWorkspacesMax) workspaces_.clear();
  workspaces_.emplace(slug_or_id, found->id);
  co_return found->id;
}

Result<void> Access::check_scope(const Caller& caller, std::string_view scope) {
  if (scope == kNoToken || scope == kAnyToken || caller.is_admin()) return {};
  if (scope == kAdminToken) {
    return fail(Code::kForbidden, "scope_missing", "This needs the admin token.");
  }
  if (caller.key->allows(scope)) return {};
  return fail(Code::kForbidden, "scope_missing",
              fmt::format("This needs the scope {}, which this key does not have.", scope));
}

}  // namespace waybill::surfaces::native
