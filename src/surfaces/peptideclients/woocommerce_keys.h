// Finds the key whose secret a webhook of WooCommerce was signed with (A-PC-1): nothing else in the
// request says whose it is.
//
// Keys that the same site was last seen with are tried first, so that a known shop costs one HMAC;
// then all. Whatever is tried gives way to others every millisecond or so. Few searches among all
// keys run at once, and a bounded number waits for them. Each other end may have so many bytes
// hashed a second in vain, and as many in searches among all keys: whoever sends bodies that nobody
// has signed does not keep the hub from its work, nor a known shop out.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/task.h"
#include "crypto/hmac_key.h"
#include "model/api_key.h"
#include "surfaces/hash_budget.h"

namespace waybill::surfaces::peptideclients {

class WooCommerceKeys {
 public:
  using Key = std::shared_ptr<const model::ApiKey>;
  static constexpr int kSearchesMax = 4;  // Among all keys, at once.
  static constexpr std::size_t kWaitingMax = 64;
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
  // signature_search_busy (too many wait).
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
  using Rows = std::vector<const Prepared*>;
  struct Asked {
    Signed said;
    Bytes signature;
    std::string other_end;
    Timestamp now{};
  };
  class Running;

  std::shared_ptr<const Table> prepare(const std::vector<Key>& keys);
  Rows rows_of(const Table& table, const std::string& source) const;
  // Adds to `hashed` what that took.
  bool fits(const Prepared& prepared, const Asked& asked, std::int64_t& hashed);
  void remember(const std::string& source, const model::ApiKeyId& id);
  // Null: none of `rows`. What was hashed in vain is spent.
  Task<Key> try_all(Rows rows, const Asked& asked, HashBudget& budget);
  // As find(), of all keys.
  Task<Result<Key>> search(const Table& table, const Asked& asked);
  // Waits until one of kSearchesMax places is free. False: too many wait already.
  Task<bool> take_place();
  void leave_place();

  std::vector<Key> keys_;  // Of which table_ was made.
  std::shared_ptr<const Table> table_;
  std::unordered_map<std::string, std::vector<model::ApiKeyId>> sources_;
  HashBudget known_budget_;   // Of keys tried for the source that is named.
  HashBudget search_budget_;  // Of searches among all.
  int searches_ = 0;
  std::deque<boost::asio::steady_timer*> waiting_;
  std::uint64_t tried_ = 0;
};

}  // namespace waybill::surfaces::peptideclients
