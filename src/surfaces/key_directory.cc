#include "surfaces/key_directory.h"

#include <cstring>

#include <fmt/format.h>

#include "store/api_keys.h"

namespace waybill::surfaces {

std::size_t KeyDirectory::DigestHash::operator()(const crypto::Digest& digest) const noexcept {
  std::size_t value;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

Task<Result<std::shared_ptr<const model::ApiKey>>> KeyDirectory::find(std::string text,
                                                                      model::KeyPlatform platform) {
  if (text.empty()) {
    co_return fail(Code::kUnauthenticated, "key_missing", "The request carries no API key.");
  }
  const crypto::Digest hash = model::key_hash(text);
  std::shared_ptr<const model::ApiKey> key;
  if (const auto found = known_.find(hash); found != known_.end()) {
    key = found->second;
  } else {
    const std::uint64_t forgotten = forgotten_;
    auto read = co_await database_.read([&hash](store::Connection& connection) {
      return store::api_keys::find_by_hash(connection, hash);
    });
    if (!read) co_return fail(read.error());
    if (*read) key = std::make_shared<const model::ApiKey>(**std::move(read));
    if (key && key->is_usable(clock_.now()) && trusted_ && forgotten == forgotten_) {
      if (known_.size() >= kKeysMax) known_.clear();
      known_.emplace(hash, key);
    }
  }
  if (!key || key->platform != platform) {
    co_return fail(Code::kUnauthenticated, "key_unknown", "There is no such API key.");
  }
  if (key->revoked_at) {
    co_return fail(Code::kUnauthenticated, "key_revoked", "This API key has been revoked.");
  }
  if (!key->is_usable(clock_.now())) {
    co_return fail(Code::kUnauthenticated, "key_expired", "This API key has expired.");
  }
  if (!limiter_.allow(key->id.uuid(), clock_.now())) {
    co_return fail(Code::kUnavailable, "rate_limited",
                   fmt::format("This API key may make {} requests a second; try again in a second.",
                               rate_limit_));
  }
  co_return key;
}

void KeyDirectory::forget(const model::ApiKeyId& id) {
  ++forgotten_;
  std::erase_if(known_, [&](const auto& entry) { return entry.second->id == id; });
}

void KeyDirectory::trust(bool trusted) {
  trusted_ = trusted;
  ++forgotten_;
  known_.clear();
}

}  // namespace waybill::surfaces
