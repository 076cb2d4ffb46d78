#include "surfaces/peptideclients/pc_signature.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/bytes.h"
#include "base/text.h"

namespace waybill::surfaces::peptideclients {
namespace {

constexpr std::size_t kTimeDigitsMax = 15;

std::unexpected<Error> malformed() {
  return fail(Code::kUnauthenticated, "signature_invalid",
              "PC-Signature has to be t=<unix seconds>,v1=<hex of an HMAC-SHA256>.");
}

bool read_time(std::string_view text, PcSignature& signature) {
  const bool digits = !text.empty() && text.size() <= kTimeDigitsMax &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !signature.time_text.empty()) return false;
  signature.time_text = text;
  std::from_chars(text.data(), text.data() + text.size(), signature.time);
  return true;
}

bool read_digest(std::string_view text, PcSignature& signature) {
  const auto bytes = parse_hex(text);
  crypto::Digest digest;
  if (!bytes || bytes->size() != digest.size()) return false;
  if (signature.digests.size() == PcSignature::kDigestsMax) return false;
  std::ranges::copy(*bytes, digest.begin());
  signature.digests.push_back(digest);
  return true;
}

}  // namespace

Result<PcSignature> parse_pc_signature(std::string_view header) {
  if (header.size() > PcSignature::kHeaderBytesMax) return malformed();
  PcSignature signature;
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    const std::string_view part = trimmed(header.substr(0, comma));
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return malformed();
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (name == "t" && !read_time(value, signature)) return malformed();
    if (name == "v1" && !read_digest(value, signature)) return malformed();
  }
  if (signature.time_text.empty() || signature.digests.empty()) return malformed();
  return signature;
}

Result<void> verify_pc_signature(std::string_view header, std::string_view body,
                                 std::initializer_list<const Secret*> secrets, Timestamp wall_now) {
  const auto signature = parse_pc_signature(header);
  if (!signature) return fail(signature.error());
  const bool fits = std::ranges::any_of(secrets, [&](const Secret* secret) {
    if (secret->empty()) return false;
    const crypto::Digest expected =
        crypto::hmac_sha256(as_bytes(secret->reveal()), {signature->time_text, ".", body});
    return std::ranges::any_of(signature->digests, [&](const crypto::Digest& digest) {
      return crypto::equal_in_constant_time(as_text(digest), as_text(expected));
    });
  });
  if (!fits) {
    return fail(Code::kUnauthenticated, "signature_invalid",
                "PC-Signature is not that of these bytes with a signing secret of this key.");
  }
  const std::chrono::seconds skew(unix_seconds(wall_now) - signature->time);
  if (skew > kSkewMax || skew < -kSkewMax) {
    return fail(Code::kUnauthenticated, "signature_expired",
                "PC-Signature was made more than 300 seconds from now, by this hub's clock.");
  }
  return {};
}

Result<void> check_pc_signature(const std::optional<std::string_view>& header,
                                std::string_view body, const model::ApiKey& key, Timestamp now,
                                Timestamp wall_now) {
  if (!header) {
    if (!key.require_signature) return {};
    return fail(Code::kUnauthenticated, "signature_missing",
                "This key demands signed requests; send PC-Signature: t=…,v1=….");
  }
  static const Secret none;
  const auto ends_at = key.previous_signing_secret_expires_at;
  const Secret& previous = ends_at && now < *ends_at ? key.previous_signing_secret : none;
  return verify_pc_signature(*header, body, {&key.signing_secret, &previous}, wall_now);
}

}  // namespace waybill::surfaces::peptideclients
