// SQL of idempotency: a request that made something, remembered by the key that makes its repeat
// the same request. Written in the transaction of what it made, so two posts with one key cannot
// both make.

#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "model/ids.h"
#include "store/connection.h"

namespace waybill::store::idempotency {

inline constexpr std::chrono::hours kKept{24};  // R-PL-19 and its like.

// Which request: `scope` keeps doors apart ("proculink", "native").
struct Key {
  model::WorkspaceId workspace_id;  // All zero: the hub itself.
  std::string_view scope;
  crypto::Digest hash;  // Of the Idempotency-Key, or of what stands for it.
};

// What was made.
struct Entry {
  crypto::Digest fingerprint{};  // Of the request's content.
  int status = 0;
  Bytes response;  // What the door needs to answer again.
};

// What is remembered and has not expired. Nothing: the request is new.
Result<std::optional<Entry>> find(Connection& connection, const Key& key, Timestamp now);

// Remembers, in the place of an entry that has expired. Returns what another request has written
// there meanwhile, or nothing: ours is in.
Result<std::optional<Entry>> claim(Connection& connection, const Key& key, const Entry& entry,
                                   Timestamp now);

}  // namespace waybill::store::idempotency
