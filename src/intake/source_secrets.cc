#include "intake/source_secrets.h"

#include "base/check.h"
#include "base/json.h"
#include "base/json_text.h"
#include "crypto/digest.h"

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

std::string fingerprint(const Secret& secret) {
  return hex(crypto::sha256(secret.reveal())).substr(0, 8);
}

Bytes token_hash(std::string_view token) {
  const crypto::Digest digest = crypto::sha256(token);
  return Bytes(digest.begin(), digest.end());
}

}  // namespace waybill::intake
