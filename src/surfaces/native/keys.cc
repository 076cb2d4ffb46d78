#include <map>
#include <utility>

#include <fmt/format.h>

#include "store/api_keys.h"
#include "store/key_usage.h"
#include "store/stores.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/new_key.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/users.h"

namespace waybill::surfaces::native {
namespace {

// Nobody can give what they do not have: else a key could make itself a stronger one.
Result<void> check_may_give(const Caller& caller, const std::vector<std::string>& scopes) {
  for (const std::string& scope : scopes) {
    if (caller.allows(scope)) continue;
    return fail(Code::kForbidden, "scope_missing",
                fmt::format("This key cannot give the scope {}, as it does not have it.", scope));
  }
  return {};
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
    case model::KeyPlatform::kPeptideClients: {
      if (key.kind == model::KeyKind::kIntegration) return {"sales:write"};
      std::vector<std::string> powers = {"sales:read", "suppliers:read", "products:read"};
      if (key.allows("read_write")) powers.emplace_back("endpoints:write");
      return powers;
    }
  }
  return {"*"};
}

Result<store::key_usage::Usage> usage_of(store::Connection& connection, const Call& call,
                                         const model::ApiKey& key) {
  auto usage = store::key_usage::find(connection, key.workspace_id, key.id, key.id, call.now);
  if (!usage) return fail(usage.error());
  return (*usage)[key.id];
}

Result<std::string> shown(store::Connection& connection, const Call& call,
                          const model::ApiKey& key) {
  const auto usage = usage_of(connection, call, key);
  if (!usage) return fail(usage.error());
  return text_of(key, *usage, call.now);
}

std::string audit_detail(const model::ApiKey& key) {
  std::string detail;
  ObjectText(detail)
      .add("platform", model::key_platform_name(key.platform))
      .add("name", key.name)
      .add("prefix", key.prefix)
      .add("scopes", key.scopes)
      .add("user_id", key.user_id)
      .add("kind", model::key_kind_name(key.kind))
      .add("store_id", key.store_id)
      .add("require_signature", key.require_signature)
      .add("allowed_networks", key.allowed_networks)
      .add("calls_per_minute", key.calls_per_minute)
      .add("expires_at", key.expires_at)
      .end();
  return detail;
}

// What the answer has of a key whose secrets are new.
void write_signing_secret(ObjectText& object, const Secret& secret) {
  object.add("signing_secret", secret.empty() ? std::nullopt : std::optional(secret.reveal()));
}

struct Rotation {
  Secret secret;
  std::chrono::milliseconds overlap{0};
};

Result<Rotation> read_rotation(const json::object& object) {
  ObjectReader body(object);
  Rotation rotation;
  rotation.secret = read_signing_secret(body, "secret");
  rotation.overlap = body.optional_duration("overlap", std::chrono::milliseconds(0), kOverlapMax)
                         .value_or(std::chrono::hours(24));
  WAYBILL_TRY(body.done());
  return rotation;
}

}  // namespace

Task<Result<Reply>> create_key(Call& call) {
  auto made = read_new_key(call);
  if (!made) co_return fail(made.error());
  model::ApiKey* const key = &made->key;
  WAYBILL_CO_TRY(check_may_give(call.caller, powers_of(*key)));
  const Secret text = model::new_key_text(key->platform, key->kind);
  key->id = call.services.ids.next_id<model::ApiKeyId>();
  key->workspace_id = call.workspace_id;
  key->prefix = model::key_prefix(key->platform, key->kind, text);
  key->hash = model::key_hash(text.reveal());
  key->created_at = call.now;
  const Bytes sealed =
      key->signing_secret.empty()
          ? Bytes()
          : call.services.secret_box.seal(key->signing_secret.reveal(), key->id.bytes());

  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    if (made->user) {
      const auto user = find_named_user(connection, call.workspace_id, *made->user, "$.user");
      if (!user) return fail(user.error());
      key->user_id = *user;
    }
    if (made->store) {
      const auto store = store::stores::find(connection, call.workspace_id, *made->store);
      if (!store) return fail(store.error());
      if (!*store) {
        return fail(Code::kNotFound, "store_not_found", "There is no such store.", "$.store");
      }
      key->store_id = (*store)->id;
    }
    WAYBILL_TRY(store::api_keys::insert(connection, *key, sealed));
    std::string answer;
    ObjectText object(answer);
    write(object, *key, store::key_usage::Usage(), call.now);
    object.add("key", text.reveal());
    write_signing_secret(object, key->signing_secret);
    object.end();
    return Change{201, answer, AuditNote{"key.create", key->id.text(), audit_detail(*key), {}},
                  [id = key->id](const Services& services) { services.keys.forget(id); }};
  });
}

Task<Result<Reply>> list_keys(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  co_return co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<Reply> {
        const auto found = store::api_keys::list(connection, call.workspace_id, page);
        if (!found) return fail(found.error());
        std::map<model::ApiKeyId, store::key_usage::Usage> usage;
        if (!found->rows.empty()) {
          // Newest first.
          auto used = store::key_usage::find(connection, call.workspace_id, found->rows.back().id,
                                             found->rows.front().id, call.now);
          if (!used) return fail(used.error());
          usage = *std::move(used);
        }
        std::string out;
        ObjectText object(out);
        append_array(object.member("rows"), found->rows,
                     [&](std::string& text, const model::ApiKey& key) {
                       ObjectText shown(text);
                       write(shown, key, usage[key.id], call.now);
                       shown.end();
                     });
        object.add("next_cursor", found->next.transform(&Uuid::crockford)).end();
        return Reply{200, out};
      });
}

Task<Result<Reply>> get_key(Call& call) {
  const auto id = path_id<model::ApiKeyId>(call.request, "key");
  if (!id) co_return fail(id.error());
  co_return co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<Reply> {
        const auto found = store::api_keys::find(connection, call.workspace_id, *id);
        if (!found) return fail(found.error());
        auto text = shown(connection, call, *found);
        if (!text) return fail(text.error());
        return Reply{200, *std::move(text)};
      });
}

Task<Result<Reply>> revoke_key(Call& call) {
  const auto id = path_id<model::ApiKeyId>(call.request, "key");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto before = store::api_keys::find(connection, call.workspace_id, *id);
    if (!before) return fail(before.error());
    const auto after = before->revoked_at
                           ? before
                           : store::api_keys::revoke(connection, call.workspace_id, *id, call.now);
    if (!after) return fail(after.error());
    auto text = shown(connection, call, *after);
    if (!text) return fail(text.error());
    if (before->revoked_at) return Change{200, *std::move(text), {}, {}};
    return Change{200, *std::move(text), AuditNote{"key.revoke", id->text(), "{}", {}},
                  [key = *id](const Services& services) { services.keys.forget(key); }};
  });
}

Task<Result<Reply>> rotate_key_secret(Call& call) {
  const auto id = path_id<model::ApiKeyId>(call.request, "key");
  if (!id) co_return fail(id.error());
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  const auto rotation = read_rotation(*object);
  if (!rotation) co_return fail(rotation.error());
  const bool overlaps = rotation->overlap > std::chrono::milliseconds(0);
  const store::api_keys::Rotation change{
      rotation->secret, call.services.secret_box.seal(rotation->secret.reveal(), id->bytes()),
      overlaps ? std::optional(call.now + rotation->overlap) : std::nullopt};

  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto key = store::api_keys::find_to_change(connection, call.workspace_id, *id);
    if (!key) return fail(key.error());
    if (key->kind != model::KeyKind::kIntegration) {
      return fail(Code::kInvalid, "secret_not_used", "Only an integration's key signs requests.");
    }
    // Whoever knows the secret can sign orders, as whoever has the key.
    WAYBILL_TRY(check_may_give(call.caller, powers_of(*key)));
    if (key->revoked_at) {
      return fail(Code::kConflict, "key_revoked", "This key has been revoked.");
    }
    WAYBILL_TRY(store::api_keys::rotate_secret(connection, *key, change, call.now));
    model::ApiKey after = *key;
    after.previous_signing_secret_expires_at = change.former_until;
    const auto usage = usage_of(connection, call, *key);
    if (!usage) return fail(usage.error());
    std::string answer;
    ObjectText object_text(answer);
    write(object_text, after, *usage, call.now);
    write_signing_secret(object_text, change.secret);
    object_text.end();
    std::string detail;
    ObjectText(detail)
        .add("overlap", rotation->overlap)
        .add("previous_signing_secret_expires_at", change.former_until)
        .end();
    return Change{200, answer, AuditNote{"key.rotate_secret", id->text(), detail, {}},
                  [changed = *id](const Services& services) { services.keys.forget(changed); }};
  });
}

}  // namespace waybill::surfaces::native
