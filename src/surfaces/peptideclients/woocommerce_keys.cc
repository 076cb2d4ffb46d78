#include "surfaces/peptideclients/woocommerce_keys.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "model/woocommerce.h"

namespace waybill::surfaces::peptideclients {
namespace {

constexpr std::chrono::microseconds kTurn{1'000};
constexpr std::int64_t kHashedBesides = 128;  // Of one HMAC: what pads it, and the outer hash.

std::unexpected<Error> invalid() {
  return fail(Code::kUnauthenticated, "signature_invalid",
              "X-WC-Webhook-Signature is not that of these bytes with the secret of any key.");
}

std::unexpected<Error> too_much() {
  return fail(Code::kUnavailable, "rate_limited",
              "Too much that no known key has signed; try again in a second.");
}

}  // namespace

// Leaves its place to the next.
class WooCommerceKeys::Running {
 public:
  explicit Running(WooCommerceKeys& keys) : keys_(keys) {}
  ~Running() { keys_.leave_place(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  WooCommerceKeys& keys_;
};

std::shared_ptr<const WooCommerceKeys::Table> WooCommerceKeys::prepare(
    const std::vector<Key>& keys) {
  if (table_ && keys == keys_) return table_;
  auto table = std::make_shared<Table>();
  table->reserve(keys.size());
  const auto of = [](const Secret& secret) {
    return crypto::HmacKey(as_bytes(model::woocommerce::decode_entities(secret.reveal())));
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

WooCommerceKeys::Rows WooCommerceKeys::rows_of(const Table& table,
                                               const std::string& source) const {
  Rows rows;
  const auto known = sources_.find(source);
  if (known == sources_.end()) return rows;
  for (const Prepared& prepared : table) {
    if (std::ranges::find(known->second, prepared.key->id) == known->second.end()) continue;
    rows.push_back(&prepared);
  }
  return rows;
}

bool WooCommerceKeys::fits(const Prepared& prepared, const Asked& asked, std::int64_t& hashed) {
  ++tried_;
  const auto is_of = [&](const crypto::HmacKey& key) {
    hashed += kHashedBesides + std::ssize(asked.said.body);
    return crypto::equal_in_constant_time(as_text(key.sign(asked.said.body)),
                                          as_text(asked.signature));
  };
  const model::ApiKey& key = *prepared.key;
  if (!key.is_usable(asked.now)) return false;
  if (is_of(prepared.current)) return true;
  return !prepared.previous.empty() && key.previous_signing_secret_expires_at &&
         asked.now < *key.previous_signing_secret_expires_at && is_of(prepared.previous.front());
}

void WooCommerceKeys::remember(const std::string& source, const model::ApiKeyId& id) {
  if (sources_.size() >= kSourcesMax && !sources_.contains(source)) sources_.clear();
  auto& ids = sources_[source];
  std::erase(ids, id);
  ids.insert(ids.begin(), id);
  if (ids.size() > kKeysOfSourceMax) ids.pop_back();
}

Task<WooCommerceKeys::Key> WooCommerceKeys::try_all(Rows rows, const Asked& asked,
                                                    HashBudget& budget) {
  std::int64_t hashed = 0;
  std::int64_t spent = 0;
  Stopwatch turn;
  for (const Prepared* prepared : rows) {
    if (fits(*prepared, asked, hashed)) {
      budget.spend(asked.other_end, -spent, asked.now);
      co_return prepared->key;
    }
    if (turn.elapsed() < kTurn) continue;
    // Before others have their turn, which may be of the same other end.
    budget.spend(asked.other_end, hashed, asked.now);
    spent += std::exchange(hashed, 0);
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
    turn = Stopwatch();
  }
  budget.spend(asked.other_end, hashed, asked.now);
  co_return nullptr;
}

Task<bool> WooCommerceKeys::take_place() {
  if (searches_ < kSearchesMax) {
    ++searches_;
    co_return true;
  }
  if (waiting_.size() >= kWaitingMax) co_return false;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor,
                                  boost::asio::steady_timer::time_point::max());
  waiting_.push_back(&timer);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return true;
}

void WooCommerceKeys::leave_place() {
  if (waiting_.empty()) {
    --searches_;
    return;
  }
  // The place goes from hand to hand, or whoever comes meanwhile would take it.
  boost::asio::steady_timer* next = waiting_.front();
  waiting_.pop_front();
  next->cancel();
}

Task<Result<WooCommerceKeys::Key>> WooCommerceKeys::search(const Table& table, const Asked& asked) {
  if (!search_budget_.may_begin(asked.other_end, asked.now)) co_return too_much();
  if (!co_await take_place()) {
    co_return fail(Code::kUnavailable, "signature_search_busy",
                   "The hub looks for the keys of other requests; try again in a second.");
  }
  const Running running(*this);
  // Those of the same other end that were before it may have spent everything.
  if (!search_budget_.may_begin(asked.other_end, asked.now)) co_return too_much();
  Rows all;
  all.reserve(table.size());
  for (const Prepared& prepared : table) all.push_back(&prepared);
  Key key = co_await try_all(std::move(all), asked, search_budget_);
  if (!key) co_return invalid();
  co_return key;
}

Task<Result<WooCommerceKeys::Key>> WooCommerceKeys::find(std::vector<Key> keys, Signed said,
                                                         Timestamp now) {
  auto signature = parse_base64(said.signature);
  if (!signature || signature->size() != crypto::Digest().size()) co_return invalid();
  const auto table = prepare(keys);
  if (said.source.empty()) said.source = "from " + said.peer;
  Asked asked{std::move(said), *std::move(signature), {}, now};
  asked.other_end = other_end_of(asked.said.peer);
  Rows known = rows_of(*table, asked.said.source);
  if (!known.empty() && known_budget_.may_begin(asked.other_end, now)) {
    Key key = co_await try_all(std::move(known), asked, known_budget_);
    if (key) co_return key;
  }
  auto found = co_await search(*table, asked);
  if (found) remember(asked.said.source, (*found)->id);
  co_return found;
}

}  // namespace waybill::surfaces::peptideclients
