#include "model/api_key.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crypto/random.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<KeyPlatform, 6> kPlatforms{{{KeyPlatform::kWaybill, "waybill"},
                                            {KeyPlatform::kProcuLink, "proculink"},
                                            {KeyPlatform::kProcureIq, "procureiq"},
                                            {KeyPlatform::kPrecoro, "precoro"},
                                            {KeyPlatform::kProign, "proign"},
                                            {KeyPlatform::kPeptideClients, "peptideclients"}}};
constexpr Names<KeyKind, 3> kKinds{
    {{KeyKind::kNone, ""}, {KeyKind::kIntegration, "integration"}, {KeyKind::kPublic, "public"}}};
constexpr Names<PayloadFormat, 2> kPayloadFormats{
    {{PayloadFormat::kPeptideClients, "peptideclients"},
     {PayloadFormat::kWooCommerce, "woocommerce"}}};

// What the text of a key begins with.
std::string_view text_prefix(KeyPlatform platform, KeyKind kind) {
  switch (platform) {
    case KeyPlatform::kWaybill: return "wbk_";
    case KeyPlatform::kProcuLink: return "plk_";
    case KeyPlatform::kProcureIq: return "piq_live_";
    case KeyPlatform::kPrecoro: return "";
    case KeyPlatform::kProign: return "pk_live_";
    case KeyPlatform::kPeptideClients:
      return kind == KeyKind::kIntegration ? "pck_int_" : "pck_live_";
  }
  return "";
}

constexpr std::size_t kKeyRandomBytes = 24;  // 192 bits
constexpr std::size_t kDisplayedChars = 6;   // After the platform's prefix.

}  // namespace

std::string_view key_platform_name(KeyPlatform platform) { return kPlatforms.name(platform); }
std::optional<KeyPlatform> parse_key_platform(std::string_view name) {
  return kPlatforms.parse(name);
}

std::vector<std::string_view> key_platform_names() {
  std::vector<std::string_view> names;
  for (const auto& [platform, name] : kPlatforms.all) names.push_back(name);
  return names;
}

std::string_view key_kind_name(KeyKind kind) { return kKinds.name(kind); }
std::optional<KeyKind> parse_key_kind(std::string_view name) { return kKinds.parse(name); }
std::string_view payload_format_name(PayloadFormat format) { return kPayloadFormats.name(format); }
std::optional<PayloadFormat> parse_payload_format(std::string_view name) {
  return kPayloadFormats.parse(name);
}

bool ApiKey::is_usable(Timestamp now) const {
  return !revoked_at && (!expires_at || now < *expires_at);
}

bool ApiKey::allows(std::string_view scope) const {
  const std::string_view area = scope.substr(0, scope.find(':'));
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& held) {
    return held == scope || held == "*" ||
           (held.size() == area.size() + 2 && held.starts_with(area) && held.ends_with(":*"));
  });
}

Secret new_key_text(KeyPlatform platform, KeyKind kind) {
  return Secret(std::string(text_prefix(platform, kind)) +
                base64url(crypto::random_bytes(kKeyRandomBytes)));
}

std::string key_prefix(KeyPlatform platform, KeyKind kind, const Secret& text) {
  return text.reveal().substr(0, text_prefix(platform, kind).size() + kDisplayedChars);
}

crypto::Digest key_hash(std::string_view text) { return crypto::sha256(text); }

const std::vector<Scope>& known_scopes() {
  static const std::vector<Scope> scopes = {
      {"workspace:read", "read the workspace itself"},
      {"keys:read", "list API keys"},
      {"keys:write", "create and revoke API keys"},
      {"users:read", "list users and their roles"},
      {"users:write", "create, change and delete users"},
      {"suppliers:read", "list suppliers"},
      {"suppliers:write", "create and change suppliers"},
      {"stores:read", "list and read stores"},
      {"stores:write", "create stores"},
      {"products:read", "list and read products"},
      {"products:write", "put products"},
      {"orders:read", "list and read orders"},
      {"sales:read", "list and read sales orders, with payments and shipments"},
      {"sales:write", "ship, deliver and cancel sales orders"},
      {"documents:read", "list and read documents"},
      {"documents:write", "put documents, and so tell of their changes"},
      {"endpoints:read", "list and read endpoints"},
      {"endpoints:write", "create, change, pause, resume, test and delete endpoints"},
      {"sources:read", "list and read sources and handlers"},
      {"sources:write", "create, change and delete sources and handlers, and see their addresses"},
      {"messages:read", "list and read what sources have received"},
      {"events:read", "list and read events"},
      {"events:write", "publish and replay events"},
      {"deliveries:read", "list and read deliveries"},
      {"deliveries:write", "retry deliveries, or make those of a paused endpoint oneself"},
      {"woocommerce:read", "see what WooCommerce's statuses mean, and how its shops are asked"},
      {"woocommerce:write", "change that, and have a shop asked"},
      {"audit:read", "read the audit log"},
      {"requests:read", "read the request log"},
  };
  return scopes;
}

const std::vector<Scope>& known_scopes(KeyPlatform platform, KeyKind kind) {
  static const std::vector<Scope> none;
  static const std::vector<Scope> procureiq = {
      {"webhooks:manage", "register, change, test and delete webhooks, and replay deliveries"},
  };
  static const std::vector<Scope> integration = {
      {"orders:write", "push orders in"},
      {"orders:cancel", "cancel orders"},
      {"payments:write", "record payments"},
      {"payments:refund", "refund payments"},
      {"clients:write", "add and change clients without an order"},
  };
  static const std::vector<Scope> reading = {
      {"read_only", "read orders, vendors, clients and products"},
      {"read_write", "the same, and fire test webhooks"},
  };
  switch (platform) {
    case KeyPlatform::kWaybill: return known_scopes();
    case KeyPlatform::kProcureIq: return procureiq;
    case KeyPlatform::kPeptideClients: return kind == KeyKind::kIntegration ? integration : reading;
    case KeyPlatform::kProcuLink:
    case KeyPlatform::kPrecoro:
    case KeyPlatform::kProign: return none;
  }
  return none;
}

Result<void> check_scopes(KeyPlatform platform, KeyKind kind,
                          const std::vector<std::string>& scopes) {
  const std::vector<Scope>& known_ones = known_scopes(platform, kind);
  for (const std::string& scope : scopes) {
    const bool known =
        scope == "*" ||
        std::any_of(known_ones.begin(), known_ones.end(), [&](const Scope& candidate) {
          const std::string_view area = candidate.name.substr(0, candidate.name.find(':'));
          return scope == candidate.name || scope == fmt::format("{}:*", area);
        });
    if (known) continue;
    std::vector<std::string_view> names;
    for (const Scope& candidate : known_ones) names.push_back(candidate.name);
    return fail(Code::kInvalid, "scope_unknown",
                fmt::format("There is no scope \"{}\". There are: *, {}; AREA:* is all of an area.",
                            scope, fmt::join(names, ", ")));
  }
  return {};
}

}  // namespace waybill::model
