// Access decides who may call what: the admin token opens everything, a workspace key what its
// scopes allow in its own workspace.
//
// Used from the thread of the io_context only.

#pragma once

#include <map>
#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/native/call.h"

namespace waybill::surfaces::native {

// What an operation demands, beside the scopes of model::known_scopes().
inline constexpr std::string_view kNoToken = "none";      // Anybody may.
inline constexpr std::string_view kAnyToken = "any";      // Any valid token.
inline constexpr std::string_view kAdminToken = "admin";  // The admin token alone.

class Access {
 public:
  // Everything given outlives it.
  Access(KeyDirectory& keys, store::Database& database, const crypto::Digest& admin_token_hash)
      : keys_(keys), database_(database), admin_token_hash_(admin_token_hash) {}

  // Whose the request's bearer token is.
  // Fails with kUnauthenticated (unauthenticated where there is no bearer token), or as
  // KeyDirectory::find().
  Task<Result<Caller>> identify(const net::Request& request);

  // The workspace with this slug or id.
  // Fails with kForbidden (workspace_forbidden) for any other than the key's own, whether it exists
  // or not; with kNotFound (workspace_not_found), or as Database::read(), for the admin.
  Task<Result<model::WorkspaceId>> workspace(const Caller& caller, const std::string& slug_or_id);

  // Fails with kForbidden (scope_missing), naming the scope.
  static Result<void> check_scope(const Caller& caller, std::string_view scope);

 private:
  static constexpr std::size_t kWorkspacesMax =
      10'000;  // Remembered; then all are forgotten at once.

  KeyDirectory& keys_;
  store::Database& database_;
  const crypto::Digest admin_token_hash_;
  // By slug or id, as the admin wrote it. Neither ever changes, and no workspace is deleted.
  std::map<std::string, model::WorkspaceId, std::less<>> workspaces_;
};

}  // namespace waybill::surfaces::native
