#include "surfaces/peptideclients/woocommerce_keys.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace waybill::surfaces::peptideclients {
namespace {

constexpr std::chrono::microseconds kTurn{1'000};

struct Entity {
  std::string_view text;
  char character;
};
constexpr Entity kEntities[] = {{"&amp;", '&'},   {"&#038;", '&'}, {"&#38;", '&'},  {"&lt;", '<'},
                                {"&gt;", '>'},    {"&quot;", '"'}, {"&#034;", '"'}, {"&#34;", '"'},
                                {"&#039;", '\''}, {"&#39;", '\''}, {"&#x27;", '\''}};

std::unexpected<Error> invalid() {
  return fail(Code::kUnauthenticated, "signature_invalid",
              "X-WC-Webhook-Signature is not that of these bytes with the secret of any key.");
}

Uuid caller_of(std::string_view peer) {
  const crypto::Digest digest = crypto::sha256(peer);
  return Uuid::from_bytes(ByteView(digest).first(Uuid::kSize)).value();
}

// Counts itself as one of those that run.
class Running {
 public:
  explicit Running(int& count) : count_(count) { ++count_; }
  ~Running() { --count_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  int& count_;
};

}  // namespace

std::string decode_entities(std::string_view secret) {
  std::string out;
  while (!secret.empty()) {
    const auto* found = std::ranges::find_if(
        kEntities, [&](const Entity& entity) { return secret.starts_with(entity.text); });
    if (found == std::end(kEntities)) {
      out += secret.front();
      secret.remove_prefix(1);
    } else {
      out += found->character;
      secret.remove_prefix(found->text.size());
    }
  }
  return out;
}

std::shared_ptr<const WooCommerceKeys::Table> WooCommerceKeys::prepare(
    const std::vector<Key>& keys) {
  if (table_ && keys == keys_) return table_;
  auto table = std::make_shared<Table>();
  table->reserve(keys.size());
  const auto of = [](const Secret& secret) {
    return crypto::HmacKey(as_bytes(decode_entities(secret.reveal())));
  };
  for (const Key& key : keys) {
    if (key->signing_secret.empty()) continue;
    table->push_back({key, of(key->signing_secret), {}});
    if (!key->previous_signing_secret.empty()) {
      table->back().previous.push_back(of(key->previous_signing_secret));
    }
  }
  keys_ = keys;
  table_ = std::move(table);
  return table_;
}

bool WooCommerceKeys::fits(const Prepared& prepared, const Signed& said, const Bytes& signature,
                           Timestamp now) {
  ++tried_;
  const auto is_of = [&](const crypto::HmacKey& key) {
    return crypto::equal_in_constant_time(as_text(key.sign(said.body)), as_text(signature));
  };
  const model::ApiKey& key = *prepared.key;
  if (!key.is_usable(now)) return false;
  if (is_of(prepared.current)) return true;
  return !prepared.previous.empty() && key.previous_signing_secret_expires_at &&
         now < *key.previous_signing_secret_expires_at && is_of(prepared.previous.front());
}

void WooCommerceKeys::remember(const std::string& source, const model::ApiKeyId& id) {
  if (sources_.size() >= kSourcesMax && !sources_.contains(source)) sources_.clear();
  auto& ids = sources_[source];
  std::erase(ids, id);
  ids.insert(ids.begin(), id);
  if (ids.size() > kKeysOfSourceMax) ids.pop_back();
}

Task<WooCommerceKeys::Key> WooCommerceKeys::search(std::shared_ptr<const Table> table,
                                                   const Signed& said, const Bytes& signature,
                                                   Timestamp now) {
  Stopwatch turn;
  for (const Prepared& prepared : *table) {
    if (fits(prepared, said, signature, now)) co_return prepared.key;
    if (turn.elapsed() < kTurn) continue;
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
    turn = Stopwatch();
  }
  co_return nullptr;
}

Task<Result<WooCommerceKeys::Key>> WooCommerceKeys::find(std::vector<Key> keys, Signed said,
                                                         Timestamp now) {
  const auto signature = parse_base64(said.signature);
  if (!signature || signature->size() != crypto::Digest().size()) co_return invalid();
  const auto table = prepare(keys);
  if (said.source.empty()) said.source = "from " + said.peer;
  if (const auto known = sources_.find(said.source); known != sources_.end()) {
    for (const Prepared& prepared : *table) {
      if (std::ranges::find(known->second, prepared.key->id) == known->second.end()) continue;
      if (fits(prepared, said, *signature, now)) co_return prepared.key;
    }
  }
  if (!limiter_.allow(caller_of(said.peer), now)) {
    co_return fail(Code::kUnavailable, "rate_limited",
                   "Too many requests that no known key has signed; try again in a second.");
  }
  if (searches_ >= kSearchesMax) {
    co_return fail(Code::kUnavailable, "signature_search_busy",
                   "The hub looks for the keys of other requests; try again in a second.");
  }
  const Running running(searches_);
  Key key = co_await search(table, said, *signature, now);
  if (!key) co_return invalid();
  remember(said.source, key->id);
  co_return key;
}

}  // namespace waybill::surfaces::peptideclients
