// An ApiKey lets a program in. Its text is shown once; what is stored is a hash of it, and a prefix
// for people to tell keys apart (R-PL-2, R-PL-3, A-PL-15).

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "model/ids.h"

namespace waybill::model {

// Which surface a key opens, and so what its text looks like.
enum class KeyPlatform {
  kWaybill,    // "wbk_…", the management API; has scopes.
  kProcuLink,  // "plk_…" (R-PL-1).
  kProcureIq,  // "piq_live_…"; has scopes.
  kPrecoro,    // A token without a form of its own; belongs to a user.
  kProign,     // "pk_live_…"
};
std::string_view key_platform_name(KeyPlatform platform);
std::optional<KeyPlatform> parse_key_platform(std::string_view name);
std::vector<std::string_view> key_platform_names();

struct ApiKey {
  ApiKeyId id;
  WorkspaceId workspace_id;
  std::string workspace_slug;  // Of workspace_id, so that a request needs one look-up.
  KeyPlatform platform = KeyPlatform::kWaybill;
  std::string name;
  std::string prefix;  // The first characters of its text, for display.
  crypto::Digest hash{};
  std::vector<std::string> scopes;  // Empty for a platform that has none.
  Timestamp created_at{};
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> revoked_at;
  std::optional<UserId> user_id;  // Whose it is: of kPrecoro always, else never.

  // False once it is revoked or its time is over.
  bool is_usable(Timestamp now) const;
  // True if `scope` is among its scopes, or all of the scope's area is ("orders:*", "*").
  bool allows(std::string_view scope) const;
};

// The text of a new key: its platform's prefix and 192 random bits.
Secret new_key_text(KeyPlatform platform);
// How much of a key's text is kept for display: its platform's prefix and six characters.
std::string key_prefix(KeyPlatform platform, const Secret& text);
crypto::Digest key_hash(std::string_view text);

// The scopes a key of the management API can have, each with one sentence.
struct Scope {
  std::string_view name;
  std::string_view meaning;
};
const std::vector<Scope>& known_scopes();
// The same for the keys of a platform. Empty: its keys have none.
const std::vector<Scope>& known_scopes(KeyPlatform platform);
// Fails with kInvalid (scope_unknown), naming the scopes there are.
Result<void> check_scopes(KeyPlatform platform, const std::vector<std::string>& scopes);

}  // namespace waybill::model
