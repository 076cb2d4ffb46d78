#include "surfaces/native/new_key.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crypto/random.h"
#include "net/network.h"
#include "surfaces/native/users.h"

namespace waybill::surfaces::native {
namespace {

using model::KeyKind;
using model::KeyPlatform;
using model::PayloadFormat;

constexpr std::size_t kScopesMax = 100;
constexpr std::size_t kNetworksMax = 50;
constexpr int kCallsMax = 1'000'000;
constexpr std::size_t kSourceMax = 50;
// WooCommerce's own secrets have 50.
constexpr ObjectReader::Length kSecretLength{16, 200};
constexpr std::size_t kSecretBytes = 32;

// The word of a member that has to be one of a few.
template <class T>
std::optional<T> read_word(ObjectReader& body, std::string_view name,
                           std::optional<T> (*parse)(std::string_view), std::string_view wanted) {
  const auto text = body.optional_text(name, {1, 200});
  if (!text) return std::nullopt;
  const auto value = parse(*text);
  if (!value) {
    body.refuse(name, "member_invalid", fmt::format("This has to be one of: {}.", wanted));
  }
  return value;
}

std::optional<KeyKind> parse_given_kind(std::string_view name) {
  const auto kind = model::parse_key_kind(name);
  return kind == KeyKind::kNone ? std::nullopt : kind;
}

void read_scopes(ObjectReader& body, model::ApiKey& key) {
  const auto scopes = body.optional_texts("scopes", {1, kScopesMax}, {1, 100});
  const std::vector<model::Scope>& known = model::known_scopes(key.platform, key.kind);
  if (known.empty()) {
    if (scopes) {
      body.refuse("scopes", "scopes_not_used", "Keys of this platform have no scopes.");
    }
    return;
  }
  if (!scopes && key.kind == KeyKind::kPublic) {
    key.scopes = {"read_only"};
    return;
  }
  if (!scopes && key.platform != KeyPlatform::kWaybill) {
    // A platform's own keys reach its own subjects only: all of them, unless fewer are asked for.
    for (const model::Scope& scope : known) key.scopes.emplace_back(scope.name);
    return;
  }
  if (!scopes) {
    body.refuse("scopes", "member_missing",
                "\"scopes\" is missing: a key of the platform waybill has at least one.");
    return;
  }
  body.check("scopes", model::check_scopes(key.platform, key.kind, *scopes));
  key.scopes = *scopes;
}

// Whom a key of Precoro belongs to: it shows what they may see.
std::optional<std::string> read_owner(ObjectReader& body, KeyPlatform platform) {
  auto user = read_user(body, "user");
  const bool has_user = platform == KeyPlatform::kPrecoro;
  if (user && !has_user) {
    body.refuse("user", "user_not_used", "Keys of this platform belong to no user.");
  }
  if (!user && has_user) {
    body.refuse("user", "member_missing",
                "\"user\" is missing: a key of Precoro belongs to a user.");
  }
  return user;
}

// Refuses the members that only others have.
void refuse_members(ObjectReader& body, std::initializer_list<std::string_view> names,
                    std::string_view whose) {
  for (const std::string_view name : names) {
    if (!body.has(name)) continue;
    body.refuse(name, "member_not_used", fmt::format("Only {} has this.", whose));
  }
}

void read_integration(ObjectReader& body, NewKey& made) {
  model::ApiKey& key = made.key;
  made.store = body.text("store", {1, 200});
  key.payload_format =
      read_word(body, "payload_format", model::parse_payload_format, "peptideclients, woocommerce")
          .value_or(PayloadFormat::kPeptideClients);
  const bool is_woocommerce = key.payload_format == PayloadFormat::kWooCommerce;
  key.source = body.optional_text("source", {1, kSourceMax})
                   .value_or(is_woocommerce ? "woocommerce" : "api");
  const auto demanded = body.optional_flag("require_signature");
  if (is_woocommerce && demanded == false) {
    body.refuse("require_signature", "member_invalid",
                "WooCommerce's orders come without a key, so they have to be signed.");
  }
  key.require_signature = demanded.value_or(is_woocommerce);
  key.signing_secret = read_signing_secret(body, "signing_secret");
}

void read_kind(ObjectReader& body, NewKey& made) {
  model::ApiKey& key = made.key;
  if (key.platform != KeyPlatform::kPeptideClients) {
    refuse_members(body, {"kind"}, "a key of the platform peptideclients");
  } else {
    key.kind = read_word(body, "kind", parse_given_kind, "integration, public")
                   .value_or(body.has("store") ? KeyKind::kIntegration : KeyKind::kPublic);
  }
  if (key.kind == KeyKind::kIntegration) {
    read_integration(body, made);
  } else {
    refuse_members(body,
                   {"store", "source", "payload_format", "require_signature", "signing_secret"},
                   "an integration's key");
  }
}

// Who may use it, and how often: of every platform's keys.
void read_bounds(ObjectReader& body, model::ApiKey& key, Timestamp now) {
  const auto networks = body.optional_texts("allowed_networks", {1, kNetworksMax}, {1, 100});
  for (const std::string& text : networks.value_or(std::vector<std::string>())) {
    const auto network = net::Network::parse(text);
    if (!network) body.check("allowed_networks", fail(network.error()));
    key.allowed_networks.push_back(text);
  }
  if (const auto calls = body.optional_integer("calls_per_minute", 1, kCallsMax)) {
    key.calls_per_minute = static_cast<int>(*calls);
  }
  key.expires_at = body.optional_time("expires_at");
  if (key.expires_at && *key.expires_at <= now) {
    body.refuse("expires_at", "member_invalid", "This time has passed already.");
  }
}

}  // namespace

Secret read_signing_secret(ObjectReader& body, std::string_view member) {
  if (auto given = body.optional_text(member, kSecretLength)) return Secret(*std::move(given));
  return Secret(base64url(crypto::random_bytes(kSecretBytes)));
}

Result<NewKey> read_new_key(const Call& call) {
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  NewKey made;
  model::ApiKey& key = made.key;
  const auto platform = model::parse_key_platform(body.text("platform", {1, 200}));
  if (!platform) {
    body.refuse(
        "platform", "member_invalid",
        fmt::format("This has to be one of: {}.", fmt::join(model::key_platform_names(), ", ")));
  }
  key.platform = platform.value_or(KeyPlatform::kWaybill);
  key.name = body.optional_text("name", {0, 200}).value_or("");
  read_kind(body, made);
  read_scopes(body, key);
  made.user = read_owner(body, key.platform);
  read_bounds(body, key, call.now);
  WAYBILL_TRY(body.done());
  return made;
}

}  // namespace waybill::surfaces::native
