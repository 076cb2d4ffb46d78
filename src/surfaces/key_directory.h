// The KeyDirectory tells whose an API key is, and whether a request may come with it. It remembers
// usable keys by their hash, so that a request need not ask the store; unknown ones are looked up
// each time.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "crypto/secret_box.h"
#include "model/api_key.h"
#include "net/http.h"
#include "net/quota.h"
#include "net/rate_limiter.h"
#include "store/api_keys.h"
#include "store/database.h"

namespace waybill::surfaces {

class KeyDirectory {
 public:
  using Key = std::shared_ptr<const model::ApiKey>;
  static constexpr std::size_t kKeysMax = 100'000;  // Remembered; then all are forgotten at once.

  // `rate_limit`: so many requests a second with each key that is found by its text; 0: any number.
  KeyDirectory(store::Database& database, const Clock& clock, const crypto::SecretBox& secret_box,
               int rate_limit = 0);

  // The usable key of `platform` with this text, with its signing secrets; `request`, which comes
  // with it, is counted against its rate. Notes in the request whose it is, also where it is
  // refused.
  // Fails with kUnauthenticated (key_missing for an empty text, key_unknown), as admit(), as
  // Database::read(), or with kInternal if a secret cannot be opened.
  Task<Result<Key>> find(const net::Request& request, std::string text,
                         model::KeyPlatform platform);

  // Whether `request` may come with `key`, found by other means than its text: by a signature. Then
  // it is counted, and the request notes whose it is either way. The hub's own rate_limit is none
  // of its: WooCommerce never sends again what is refused (W-8). The key's calls_per_minute is.
  // Fails with kUnauthenticated (key_revoked, key_expired), with kForbidden (ip_not_allowed), or
  // with kUnavailable (rate_limited: retry_after() says when to go on).
  Result<void> admit(const net::Request& request, const model::ApiKey& key);

  // When a request that was refused as rate_limited may come again, by the world's clock. At least
  // a second.
  std::chrono::seconds retry_after(const net::Request& request) const;

  // All usable keys of WooCommerce's orders, of all workspaces, with their signing secrets. One
  // whose secret cannot be opened is left out: it must not close the door to all others.
  // Fails as Database::read().
  Task<Result<std::vector<Key>>> woocommerce_keys();

  // A key was made, revoked, or given another secret. Call after the commit.
  void forget(const model::ApiKeyId& id);

  // False: what other nodes change may go unheard (store/changes.h), so nothing is remembered;
  // true: it is again, from now on.
  void trust(bool trusted);

 private:
  struct DigestHash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept;
  };
  Result<Key> open(store::api_keys::Stored stored) const;
  // But for rates.
  Result<void> check(const net::Request& request, const model::ApiKey& key) const;
  Result<void> count_call(const model::ApiKey& key);
  bool allow_call(const model::ApiKey& key, Timestamp now);

  store::Database& database_;
  const Clock& clock_;
  const crypto::SecretBox& secret_box_;
  std::unordered_map<crypto::Digest, Key, DigestHash> known_;
  std::shared_ptr<const std::vector<Key>> woocommerce_;  // Null: not known.
  const int rate_limit_;
  net::RateLimiter limiter_;
  std::map<int, net::Quota> quotas_;  // By calls_per_minute.
  // Keys that have made as many calls as they may, and until when.
  std::unordered_map<Uuid, Timestamp> full_until_;
  std::uint64_t forgotten_ = 0;  // Counts forget(), so that a read under way is not remembered.
  bool trusted_ = true;
};

}  // namespace waybill::surfaces
