// PC-Signature: what is read of a header says the same when it is written again, and nothing passes
// that was not signed with the secret.

#include "surfaces/peptideclients/pc_signature.h"

#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace waybill::fuzz {
namespace {

using namespace surfaces::peptideclients;

constexpr std::string_view kBody = R"({"external_id":"1"})";
constexpr std::int64_t kSignedAt = 1779249317;

std::string digest_of(const Secret& secret, std::string_view time) {
  return hex(crypto::hmac_sha256(as_bytes(secret.reveal()), {time, ".", kBody}));
}

std::string write(const PcSignature& signature) {
  std::string header = "t=" + std::string(signature.time_text);
  for (const crypto::Digest& digest : signature.digests) header += ",v1=" + hex(digest);
  return header;
}

}  // namespace

void try_input(std::string_view input) {
  static const Secret secret("the-signing-secret");
  const Timestamp now{std::chrono::seconds(kSignedAt)};
  const auto verdict = verify_pc_signature(input, kBody, {&secret}, now);
  const auto read = parse_pc_signature(input);
  if (!read) {
    WAYBILL_CHECK(read.error().reason == "signature_invalid", "a bad header says so");
    WAYBILL_CHECK(!verdict && verdict.error().reason == "signature_invalid", "and does not pass");
    return;
  }
  WAYBILL_CHECK(!read->digests.empty() && read->digests.size() <= PcSignature::kDigestsMax,
                "there is something to compare");
  WAYBILL_CHECK(read->time >= 0, "no time is before 1970");
  const std::string written = write(*read);
  const auto again = parse_pc_signature(written);
  WAYBILL_CHECK(again.has_value() && again->time == read->time && again->digests == read->digests,
                "a signature reads back");

  const std::string right = digest_of(secret, read->time_text);
  const bool is_signed = written.contains("v1=" + right);
  const std::int64_t skew = read->time - kSignedAt;
  const bool in_time = skew >= -kSkewMax.count() && skew <= kSkewMax.count();
  WAYBILL_CHECK(verdict.has_value() == (is_signed && in_time), "what passes was signed, in time");

  // The same time, signed rightly: passes if it is not too old.
  const auto signed_now = verify_pc_signature(
      written.size() < 1900 ? written + ",v1=" + right : written, kBody, {&secret}, now);
  WAYBILL_CHECK(signed_now || signed_now.error().reason == "signature_expired" ||
                    read->digests.size() == PcSignature::kDigestsMax || written.size() >= 1900,
                "a right signature among others is enough");
}

}  // namespace waybill::fuzz
