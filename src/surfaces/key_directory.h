// The KeyDirectory tells whose an API key is. It remembers usable keys by their hash, so that a
// request need not ask the store; unknown ones are looked up each time.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/task.h"
#include "model/api_key.h"
#include "net/rate_limiter.h"
#include "store/database.h"

namespace waybill::surfaces {

class KeyDirectory {
 public:
  static constexpr std::size_t kKeysMax = 100'000;  // Remembered; then all are forgotten at once.

  // `rate_limit`: so many requests a second with each key; 0: any number.
  KeyDirectory(store::Database& database, const Clock& clock, int rate_limit = 0)
      : database_(database), clock_(clock), rate_limit_(rate_limit), limiter_(rate_limit) {}

  // The usable key of `platform` with this text; a request is counted against its rate.
  // Fails with kUnauthenticated (key_missing for an empty text, key_unknown, key_revoked,
  // key_expired), with kUnavailable (rate_limited: in a second there is room for another), or as
  // Database::read().
  Task<Result<std::shared_ptr<const model::ApiKey>>> find(std::string text,
                                                          model::KeyPlatform platform);

  // A key was revoked. Call after the commit.
  void forget(const model::ApiKeyId& id);

  // False: what other nodes revoke may go unheard (store/changes.h), so nothing is remembered;
  // true: it is again, from now on.
  void trust(bool trusted);

 private:
  struct DigestHash {
    std::size_t operator()(const crypto::Digest& digest) const noexcept;
  };
  store::Database& database_;
  const Clock& clock_;
  std::unordered_map<crypto::Digest, std::shared_ptr<const model::ApiKey>, DigestHash> known_;
  const int rate_limit_;
  net::RateLimiter limiter_;
  std::uint64_t forgotten_ = 0;  // Counts forget(), so that a read under way is not remembered.
  bool trusted_ = true;
};

}  // namespace waybill::surfaces
