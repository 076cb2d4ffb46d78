// Finds the key whose secret a webhook of WooCommerce was signed with (A-PC-1): nothing else in the
// request says whose it is.
//
// Keys that the same site was last seen with are tried first, so that a known shop costs one HMAC;
// then all. A search gives way to others every millisecond or so, few run at once, and each other
// end has few of them a second: whoever sends bodies that nobody has signed does not keep the hub
// from its work.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "crypto/hmac_key.h"
#include "model/api_key.h"
#include "net/rate_limiter.h"

namespace waybill::surfaces::peptideclients {

// The text that WooCommerce signs with: it decodes what PHP's wp_specialchars_decode() does (W-3).
std::string decode_entities(std::string_view secret);

class WooCommerceKeys {
 public:
  using Key = std::shared_ptr<const model::ApiKey>;
  static constexpr int kSearchesPerSecond = 20;  // Of one other end.
  static constexpr int kSearchesMax = 4;         // At once.
  static constexpr std::size_t kSourcesMax = 10'000;
  static constexpr std::size_t kKeysOfSourceMax = 8;

  struct Signed {
    std::string source;  // The site; where there is none, the other end stands for it.
    std::string peer;
    std::string_view body;  // Lives as long as the search.
    std::string signature;  // Base64.
  };

  // Which of `keys` signed it, with its present or its former secret.
  // Fails with kUnauthenticated (signature_invalid), or with kUnavailable: rate_limited,
  // signature_search_busy.
  Task<Result<Key>> find(std::vector<Key> keys, Signed said, Timestamp now);

  // How many keys were tried so far, for tests.
  std::uint64_t tried() const { return tried_; }

 private:
  struct Prepared {
    Key key;
    crypto::HmacKey current;
    std::vector<crypto::HmacKey> previous;  // At most one.
  };
  using Table = std::vector<Prepared>;

  std::shared_ptr<const Table> prepare(const std::vector<Key>& keys);
  bool fits(const Prepared& prepared, const Signed& said, const Bytes& signature, Timestamp now);
  void remember(const std::string& source, const model::ApiKeyId& id);
  Task<Key> search(std::shared_ptr<const Table> table, const Signed& said, const Bytes& signature,
                   Timestamp now);

  std::vector<Key> keys_;  // Of which table_ was made.
  std::shared_ptr<const Table> table_;
  std::unordered_map<std::string, std::vector<model::ApiKeyId>> sources_;
  net::RateLimiter limiter_{kSearchesPerSecond};
  int searches_ = 0;
  std::uint64_t tried_ = 0;
};

}  // namespace waybill::surfaces::peptideclients
