#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/api_keys.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/users.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::size_t kScopesMax = 100;

// Nobody can give what they do not have: else a key could make itself a stronger one.
Result<void> check_may_give(const Caller& caller, const std::vector<std::string>& scopes) {
  for (const std::string& scope : scopes) {
    if (caller.allows(scope)) continue;
    return fail(Code::kForbidden, "scope_missing",
                fmt::format("This key cannot give the scope {}, as it does not have it.", scope));
  }
  return {};
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
  if (!scopes && key.platform != model::KeyPlatform::kWaybill) {
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
std::optional<std::string> read_owner(ObjectReader& body, model::KeyPlatform platform) {
  auto user = read_user(body, "user");
  const bool has_user = platform == model::KeyPlatform::kPrecoro;
  if (user && !has_user) {
    body.refuse("user", "user_not_used", "Keys of this platform belong to no user.");
  }
  if (!user && has_user) {
    body.refuse("user", "member_missing",
                "\"user\" is missing: a key of Precoro belongs to a user.");
  }
  return user;
}

struct NewKey {
  model::ApiKey key;
  std::optional<std::string> user;  // As the caller names them.
};

Result<NewKey> read_key(const Call& call) {
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
  key.platform = platform.value_or(model::KeyPlatform::kWaybill);
  key.name = body.optional_text("name", {0, 200}).value_or("");
  read_scopes(body, key);
  made.user = read_owner(body, key.platform);
  key.expires_at = body.optional_time("expires_at");
  if (key.expires_at && *key.expires_at <= call.now) {
    body.refuse("expires_at", "member_invalid", "This time has passed already.");
  }
  WAYBILL_TRY(body.done());
  return made;
}

// What a key lets its holder do, at whichever door, as scopes of this API. There is none for the
// order ingress: who can make keys can make those.
std::vector<std::string> powers_of(const model::ApiKey& key) {
  switch (key.platform) {
    case model::KeyPlatform::kWaybill: return key.scopes;
    case model::KeyPlatform::kProcuLink: return {};
    case model::KeyPlatform::kProcureIq:
      return {"endpoints:read", "endpoints:write", "deliveries:read", "events:write"};
    case model::KeyPlatform::kPrecoro: return {"documents:read"};
    case model::KeyPlatform::kProign:
      return {"endpoints:read", "endpoints:write", "deliveries:read", "events:read",
              "events:write"};
    case model::KeyPlatform::kPeptideClients:
      if (key.kind == model::KeyKind::kIntegration) return {};
      return {"orders:read", "suppliers:read", "endpoints:write"};
  }
  return {"*"};
}

}  // namespace

Task<Result<Reply>> create_key(Call& call) {
  auto made = read_key(call);
  if (!made) co_return fail(made.error());
  model::ApiKey* const key = &made->key;
  WAYBILL_CO_TRY(check_may_give(call.caller, powers_of(*key)));
  const Secret text = model::new_key_text(key->platform, key->kind);
  key->id = call.services.ids.next_id<model::ApiKeyId>();
  key->workspace_id = call.workspace_id;
  key->prefix = model::key_prefix(key->platform, key->kind, text);
  key->hash = model::key_hash(text.reveal());
  key->created_at = call.now;

  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    if (made->user) {
      const auto user = find_named_user(connection, call.workspace_id, *made->user, "$.user");
      if (!user) return fail(user.error());
      key->user_id = *user;
    }
    WAYBILL_TRY(store::api_keys::insert(connection, *key));
    std::string answer;
    ObjectText object(answer);
    write(object, *key);
    object.add("key", text.reveal()).end();
    std::string detail;
    ObjectText(detail)
        .add("platform", model::key_platform_name(key->platform))
        .add("name", key->name)
        .add("prefix", key->prefix)
        .add("scopes", key->scopes)
        .add("user_id", key->user_id)
        .add("expires_at", key->expires_at)
        .end();
    return Change{201, answer, AuditNote{"key.create", key->id.text(), detail, {}}, {}};
  });
}

Task<Result<Reply>> list_keys(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::api_keys::list(connection, call.workspace_id, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_key(Call& call) {
  const auto id = path_id<model::ApiKeyId>(call.request, "key");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::api_keys::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

Task<Result<Reply>> revoke_key(Call& call) {
  const auto id = path_id<model::ApiKeyId>(call.request, "key");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto before = store::api_keys::find(connection, call.workspace_id, *id);
    if (!before) return fail(before.error());
    if (before->revoked_at) return Change{200, text_of(*before), {}, {}};
    const auto after = store::api_keys::revoke(connection, call.workspace_id, *id, call.now);
    if (!after) return fail(after.error());
    return Change{200, text_of(*after), AuditNote{"key.revoke", id->text(), "{}", {}},
                  [key = *id](const Services& services) { services.keys.forget(key); }};
  });
}

}  // namespace waybill::surfaces::native
