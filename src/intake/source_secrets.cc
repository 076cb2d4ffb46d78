#include "intake/source_secrets.h"

#include <algorithm>

#include "base/check.h"
#include "base/json.h"
#include "base/json_text.h"
#include "crypto/digest.h"
#include "store/sources.h"
#include "store/workspaces.h"

namespace waybill::intake {

Result<std::vector<OpenSource::Key>> open_secrets(const crypto::SecretBox& secret_box,
                                                  const model::Source& source) {
  std::vector<OpenSource::Key> keys;
  if (source.secrets.empty()) return keys;
  const auto text = secret_box.open(source.secrets, source.id.bytes());
  if (!text) return fail(text.error());
  const auto read = parse_json(text->reveal());
  WAYBILL_CHECK(read && read->is_array(), "sealed secrets are the JSON we wrote");
  for (const json::value& one : read->get_array()) {
    const json::object& entry = one.as_object();
    OpenSource::Key key{Secret(std::string(std::string_view(entry.at("secret").as_string()))), {}};
    const json::value* expires_at = entry.if_contains("expires_at");
    if (expires_at && expires_at->is_int64()) {
      key.expires_at = Timestamp(std::chrono::milliseconds(expires_at->get_int64()));
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

Bytes seal_secrets(const crypto::SecretBox& secret_box, const model::SourceId& source,
                   const std::vector<OpenSource::Key>& keys) {
  if (keys.empty()) return {};
  std::string text;
  append_array(text, keys, [](std::string& out, const OpenSource::Key& key) {
    ObjectText entry(out);
    entry.add("secret", key.secret.reveal());
    if (key.expires_at) {
      entry.add("expires_at", std::int64_t{key.expires_at->time_since_epoch().count()});
    }
    entry.end();
  });
  return secret_box.seal(text, source.bytes());
}

Result<void> check_environment_of(store::Connection& connection,
                                  const crypto::SecretBox& secret_box, const model::Source& own,
                                  const Secret& secret) {
  const auto workspace = store::workspaces::find(connection, own.workspace_id);
  if (!workspace) return fail(workspace.error());
  const auto others = store::sources::of_dialect(connection, own.dialect);
  if (!others) return fail(others.error());
  const auto is_it = [&](const OpenSource::Key& key) {
    return crypto::equal_in_constant_time(key.secret.reveal(), secret.reveal());
  };
  for (const model::Source& other : *others) {
    if (other.workspace_id == own.workspace_id) continue;
    const auto keys = open_secrets(secret_box, other);
    // What cannot be opened verifies nothing, and must not keep others from their secrets.
    if (!keys || std::ranges::none_of(*keys, is_it)) continue;
    const auto its = store::workspaces::find(connection, other.workspace_id);
    if (!its) return fail(its.error());
    if (its->environment == workspace->environment) continue;
    return fail(Code::kConflict, "secret_in_use",
                "A source of this dialect in the other environment has this secret: production and "
                "sandbox each need their own.");
  }
  return {};
}

std::string fingerprint(const crypto::SecretBox& secret_box, const model::Source& source,
                        const Secret& secret) {
  const auto token = secret_box.open(source.token, source.id.bytes());
  // Where that is none of this master key's, no secret is, and none is shown.
  const std::string key = token ? token->reveal() : std::string();
  return hex(crypto::hmac_sha256(as_bytes(key), {secret.reveal()})).substr(0, 8);
}

Bytes token_hash(std::string_view token) {
  const crypto::Digest digest = crypto::sha256(token);
  return Bytes(digest.begin(), digest.end());
}

}  // namespace waybill::intake
