// What is stored sealed (crypto::SecretBox), and by which master key it can be told that the right
// one is at hand. A new column with sealed bytes belongs into reseal_all(), and its test.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "store/connection.h"

namespace waybill::store::sealed {

// The check: a known text, sealed with the key of all the rest. Nothing: no key was used yet.
Result<std::optional<Bytes>> find_check(Connection& connection);
Result<void> set_check(Connection& connection, const Bytes& sealed);
// The first one. Returns false, and changes nothing, if there is one: another node was faster.
Result<bool> add_check(Connection& connection, const Bytes& sealed);

// Whether the answers that are remembered for the Idempotency-Keys of `scope` are sealed: those of
// every door where an answer may hold a new secret (surfaces/native/change.h).
bool are_answers_sealed(std::string_view scope);

// Opens what was sealed for `context` and seals it again, or says why it cannot.
using Reseal = std::function<Result<Bytes>(ByteView sealed, ByteView context)>;

// Replaces everything sealed but the check. Returns how many texts there were.
// Fails as `reseal`, and as Connection::execute().
Result<std::int64_t> reseal_all(Connection& connection, const Reseal& reseal);

}  // namespace waybill::store::sealed
