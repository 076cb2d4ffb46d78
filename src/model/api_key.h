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
  // "pck_int_…", or "pck_live_…", by its KeyKind; has scopes (R-PC-1, R-PC-22).
  kPeptideClients,
};
std::string_view key_platform_name(KeyPlatform platform);
std::optional<KeyPlatform> parse_key_platform(std::string_view name);
std::vector<std::string_view> key_platform_names();

// Which half of PeptideClients' API a key opens.
enum class KeyKind {
  kNone,         // Of every other platform.
  kIntegration,  // The writes of /integrations/v1; pinned to a store (R-PC-2).
  kPublic,       // The reads of /v1.
};
std::string_view key_kind_name(KeyKind kind);  // "", "integration", "public"
std::optional<KeyKind> parse_key_kind(std::string_view name);

// Whose words a key of the integration API is sent orders in.
enum class PayloadFormat { kPeptideClients, kWooCommerce };
std::string_view payload_format_name(PayloadFormat format);  // "peptideclients", "woocommerce"
std::optional<PayloadFormat> parse_payload_format(std::string_view name);

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

  // Whence it may be used: addresses and networks in CIDR form. Empty: from anywhere.
  std::vector<std::string> allowed_networks;
  std::optional<int> calls_per_minute;    // Nothing: as many as the hub's setting says.
  std::optional<Timestamp> last_used_at;  // By a call that was not refused.

  // Of kIntegration alone, from here on.
  KeyKind kind = KeyKind::kNone;  // Of kPeptideClients.
  std::optional<StoreId> store_id;
  std::string source;  // What its orders are said to come from: "woocommerce", "shopify", "api".
  PayloadFormat payload_format = PayloadFormat::kPeptideClients;
  bool require_signature = false;
  // What its requests are signed with (R-PC-16), and until when also by what (R-PC-21). Empty where
  // a key was read without its secrets.
  Secret signing_secret;
  Secret previous_signing_secret;
  std::optional<Timestamp> previous_signing_secret_expires_at;

  // False once it is revoked or its time is over.
  bool is_usable(Timestamp now) const;
  // True if `scope` is among its scopes, or all of the scope's area is ("orders:*", "*").
  bool allows(std::string_view scope) const;
};

// The text of a new key: its platform's prefix and 192 random bits.
Secret new_key_text(KeyPlatform platform, KeyKind kind = KeyKind::kNone);
// How much of a key's text is kept for display: its platform's prefix and six characters.
std::string key_prefix(KeyPlatform platform, KeyKind kind, const Secret& text);
crypto::Digest key_hash(std::string_view text);

// The scopes a key of the management API can have, each with one sentence.
struct Scope {
  std::string_view name;
  std::string_view meaning;
};
const std::vector<Scope>& known_scopes();
// The same for the keys of a platform. Empty: its keys have none.
const std::vector<Scope>& known_scopes(KeyPlatform platform, KeyKind kind = KeyKind::kNone);
// Fails with kInvalid (scope_unknown), naming the scopes there are.
Result<void> check_scopes(KeyPlatform platform, KeyKind kind,
                          const std::vector<std::string>& scopes);

}  // namespace waybill::model
