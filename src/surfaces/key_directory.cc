#include "surfaces/key_directory.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "net/network.h"

namespace waybill::surfaces {
namespace {

bool may_come_from(const model::ApiKey& key, const std::string& peer) {
  if (key.allowed_networks.empty()) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(peer, error);
  if (error) return false;
  return std::ranges::any_of(key.allowed_networks, [&](const std::string& text) {
    const auto network = net::Network::parse(text);
    return network && network->contains(address);
  });
}

}  // namespace

std::size_t KeyDirectory::DigestHash::operator()(const crypto::Digest& digest) const noexcept {
  std::size_t value;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

KeyDirectory::KeyDirectory(store::Database& database, const Clock& clock,
                           const crypto::SecretBox& secret_box, int rate_limit)
    : database_(database),
      clock_(clock),
      secret_box_(secret_box),
      rate_limit_(rate_limit),
      limiter_(rate_limit) {}

Result<KeyDirectory::Key> KeyDirectory::open(store::api_keys::Stored stored) const {
  model::ApiKey& key = stored.key;
  const auto open_into = [&](const Bytes& sealed, Secret& secret) -> Result<void> {
    if (sealed.empty()) return {};
    auto opened = secret_box_.open(sealed, key.id.bytes());
    if (!opened) return fail(opened.error());
    secret = *std::move(opened);
    return {};
  };
  WAYBILL_TRY(open_into(stored.signing_secret, key.signing_secret));
  WAYBILL_TRY(open_into(stored.previous_signing_secret, key.previous_signing_secret));
  return std::make_shared<const model::ApiKey>(std::move(key));
}

Task<Result<KeyDirectory::Key>> KeyDirectory::find(const net::Request& request, std::string text,
                                                   model::KeyPlatform platform) {
  if (text.empty()) {
    co_return fail(Code::kUnauthenticated, "key_missing", "The request carries no API key.");
  }
  const crypto::Digest hash = model::key_hash(text);
  Key key;
  if (const auto found = known_.find(hash); found != known_.end()) {
    key = found->second;
  } else {
    const std::uint64_t forgotten = forgotten_;
    auto read = co_await database_.read([&hash](store::Connection& connection) {
      return store::api_keys::find_by_hash(connection, hash);
    });
    if (!read) co_return fail(read.error());
    if (*read) {
      auto opened = open(**std::move(read));
      if (!opened) co_return fail(opened.error());
      key = *std::move(opened);
    }
    if (key && key->is_usable(clock_.now()) && trusted_ && forgotten == forgotten_) {
      if (known_.size() >= kKeysMax) known_.clear();
      known_.emplace(hash, key);
    }
  }
  if (!key || key->platform != platform) {
    co_return fail(Code::kUnauthenticated, "key_unknown", "There is no such API key.");
  }
  WAYBILL_CO_TRY(check(request, *key));
  if (!limiter_.allow(key->id.uuid(), clock_.now())) {
    co_return fail(Code::kUnavailable, "rate_limited",
                   fmt::format("This API key may make {} requests a second; try again in a second.",
                               rate_limit_));
  }
  WAYBILL_CO_TRY(count_call(*key));
  co_return key;
}

Result<void> KeyDirectory::admit(const net::Request& request, const model::ApiKey& key) {
  WAYBILL_TRY(check(request, key));
  return count_call(key);
}

Result<void> KeyDirectory::check(const net::Request& request, const model::ApiKey& key) const {
  request.workspace = key.workspace_id.uuid();
  request.api_key = key.id.uuid();
  if (key.revoked_at) {
    return fail(Code::kUnauthenticated, "key_revoked", "This API key has been revoked.");
  }
  if (!key.is_usable(clock_.now())) {
    return fail(Code::kUnauthenticated, "key_expired", "This API key has expired.");
  }
  if (!may_come_from(key, request.peer)) {
    return fail(Code::kForbidden, "ip_not_allowed",
                fmt::format("This API key may not be used from {}.", request.peer));
  }
  return {};
}

Result<void> KeyDirectory::count_call(const model::ApiKey& key) {
  if (allow_call(key, clock_.now())) return {};
  return fail(Code::kUnavailable, "rate_limited",
              fmt::format("This API key may make {} calls a minute; try again in the next.",
                          *key.calls_per_minute));
}

bool KeyDirectory::allow_call(const model::ApiKey& key, Timestamp now) {
  if (!key.calls_per_minute) return true;
  const net::Quota::Window window{std::chrono::minutes(1), *key.calls_per_minute};
  net::Quota& quota =
      quotas_.try_emplace(*key.calls_per_minute, std::vector<net::Quota::Window>{window})
          .first->second;
  if (quota.allow(key.id.uuid(), now)) return true;
  if (full_until_.size() >= kKeysMax) full_until_.clear();
  full_until_[key.id.uuid()] = quota.states(key.id.uuid(), now).front().ends_at;
  return false;
}

std::chrono::seconds KeyDirectory::retry_after(const net::Request& request) const {
  constexpr std::chrono::seconds least{1};
  if (!request.api_key) return least;
  const auto full = full_until_.find(*request.api_key);
  if (full == full_until_.end()) return least;
  // The caller waits by the world's clock, which may be slower than the hub's.
  using std::chrono::milliseconds;
  const auto wait =
      (full->second - clock_.now()) * 1'000 / clock_.hub_time(milliseconds(1'000)).count();
  return std::max(least, std::chrono::ceil<std::chrono::seconds>(wait));
}

Task<Result<std::vector<KeyDirectory::Key>>> KeyDirectory::woocommerce_keys() {
  std::shared_ptr<const std::vector<Key>> all = woocommerce_;
  if (!all) {
    const std::uint64_t forgotten = forgotten_;
    auto read = co_await database_.read(store::api_keys::of_woocommerce);
    if (!read) co_return fail(read.error());
    std::vector<Key> opened;
    opened.reserve(read->size());
    for (store::api_keys::Stored& stored : *read) {
      if (auto key = open(std::move(stored))) opened.push_back(*std::move(key));
    }
    all = std::make_shared<const std::vector<Key>>(std::move(opened));
    if (trusted_ && forgotten == forgotten_) woocommerce_ = all;
  }
  const Timestamp now = clock_.now();
  std::vector<Key> usable;
  usable.reserve(all->size());
  std::ranges::copy_if(*all, std::back_inserter(usable),
                       [&](const Key& key) { return key->is_usable(now); });
  co_return usable;
}

void KeyDirectory::forget(const model::ApiKeyId& id) {
  ++forgotten_;
  woocommerce_.reset();
  std::erase_if(known_, [&](const auto& entry) { return entry.second->id == id; });
}

void KeyDirectory::trust(bool trusted) {
  trusted_ = trusted;
  ++forgotten_;
  woocommerce_.reset();
  known_.clear();
}

}  // namespace waybill::surfaces
