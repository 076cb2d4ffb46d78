#include "model/api_key.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crypto/random.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<KeyPlatform, 5> kPlatforms{{{KeyPlatform::kWaybill, "waybill"},
                                            {KeyPlatform::kProcuLink, "proculink"},
                                            {KeyPlatform::kProcureIq, "procureiq"},
                                            {KeyPlatform::kPrecoro, "precoro"},
                                            {KeyPlatform::kProign, "proign"}}};
constexpr Names<KeyPlatform, 5> kTextPrefixes{{{KeyPlatform::kWaybill, "wbk_"},
                                               {KeyPlatform::kProcuLink, "plk_"},
                                               {KeyPlatform::kProcureIq, "piq_live_"},
                                               {KeyPlatform::kPrecoro, ""},
                                               {KeyPlatform::kProign, "pk_live_"}}};

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

Secret new_key_text(KeyPlatform platform) {
  return Secret(std::string(kTextPrefixes.name(platform)) +
                base64url(crypto::random_bytes(kKeyRandomBytes)));
}

std::string key_prefix(KeyPlatform platform, const Secret& text) {
  return text.reveal().substr(0, kTextPrefixes.name(platform).size() + kDisplayedChars);
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
      {"suppliers:write", "create suppliers"},
      {"orders:read", "list and read orders"},
      {"documents:read", "list and read documents"},
      {"documents:write", "put documents, and so tell of their changes"},
      {"endpoints:read", "list and read endpoints"},
      {"endpoints:write", "create, change, pause, resume, test and delete endpoints"},
      {"events:read", "list and read events"},
      {"events:write", "publish and replay events"},
      {"deliveries:read", "list and read deliveries"},
      {"deliveries:write", "retry deliveries, or make those of a paused endpoint oneself"},
      {"audit:read", "read the audit log"},
  };
  return scopes;
}

const std::vector<Scope>& known_scopes(KeyPlatform platform) {
  static const std::vector<Scope> none;
  static const std::vector<Scope> procureiq = {
      {"webhooks:manage", "register, change, test and delete webhooks, and replay deliveries"},
  };
  if (platform == KeyPlatform::kWaybill) return known_scopes();
  return platform == KeyPlatform::kProcureIq ? procureiq : none;
}

Result<void> check_scopes(KeyPlatform platform, const std::vector<std::string>& scopes) {
  const std::vector<Scope>& known_ones = known_scopes(platform);
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
