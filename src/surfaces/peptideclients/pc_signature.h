// PC-Signature, by which a request to the integration API shows that whoever holds the key's
// signing secret has sent these very bytes, and when (R-PC-16, R-PC-18):
//
//   PC-Signature: t=<unix seconds>,v1=<hex>
//
// hex is the HMAC-SHA256 of t, a dot and the raw body. Someone who signs with two secrets while one
// replaces the other sends a v1 of each; one that fits is enough.

#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "model/api_key.h"

namespace waybill::surfaces::peptideclients {

inline constexpr std::string_view kSignatureHeader = "PC-Signature";
// A signature of so long ago, or of so far ahead, still counts (A-PC-8).
inline constexpr std::chrono::seconds kSkewMax{300};

struct PcSignature {
  static constexpr std::size_t kHeaderBytesMax = 2048;
  static constexpr std::size_t kDigestsMax = 10;

  std::string_view time_text;  // As it was signed: a part of the header.
  std::int64_t time = 0;
  std::vector<crypto::Digest> digests;
};

// The parts in any order, with spaces around them; parts of other names mean nothing here. `t` is
// there once, of at most 15 digits; `v1` is 64 hex digits, in either case.
// Fails with kUnauthenticated (signature_invalid).
Result<PcSignature> parse_pc_signature(std::string_view header);

// Whether `body` was signed with one of the secrets (empty ones sign nothing), at most kSkewMax
// from `wall_now`. Takes as long whichever byte differs. Fails with kUnauthenticated
// (signature_invalid; signature_expired for one that is right but for its time).
Result<void> verify_pc_signature(std::string_view header, std::string_view body,
                                 std::initializer_list<const Secret*> secrets, Timestamp wall_now);

// The same for a key's request: with its secret, or until its time is over with the one before
// (R-PC-21). `header`: nothing if there is none. `now` is the hub's time, by which secrets end.
// Fails as verify_pc_signature(), or with kUnauthenticated (signature_missing) for a key that
// demands signed requests (R-PC-17).
Result<void> check_pc_signature(const std::optional<std::string_view>& header,
                                std::string_view body, const model::ApiKey& key, Timestamp now,
                                Timestamp wall_now);

}  // namespace waybill::surfaces::peptideclients
