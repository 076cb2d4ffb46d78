// The half of dialect.h that is about secrets and signatures.

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/random.h"
#include "dialect/dialect.h"
#include "dialect/foreign_headers.h"
#include "dialect/vocabulary.h"
#include "model/woocommerce.h"

namespace waybill::dialect {
namespace {

using Algorithm = SignatureScheme::Algorithm;
using TimeFormat = SignatureRules::TimeFormat;

constexpr std::size_t kNewKeyBytes = 32;
constexpr std::size_t kNewKeyTextBytes = 43;  // As many in base64url.
constexpr std::size_t kEd25519PublicBytes = 32;
// A sender signs with a handful of secrets; each more is work that anybody could ask for.
constexpr std::size_t kSignaturesMax = 16;

struct Key {
  const SignatureScheme* scheme = nullptr;
  bool is_public = false;
  Bytes bytes;
};

std::string describe(const SignatureScheme& scheme) {
  const std::string prefix =
      scheme.secret_prefix.empty() ? "" : fmt::format("\"{}\" and ", scheme.secret_prefix);
  if (scheme.algorithm == Algorithm::kEd25519) {
    return prefix + "an Ed25519 private key in base64";
  }
  return fmt::format(
      "{}{} to {} bytes{}", prefix, scheme.key_bytes_min, scheme.key_bytes_max,
      scheme.key_encoding == SignatureScheme::KeyEncoding::kBase64 ? " in base64" : " of text");
}

auto secret_invalid(const SignatureRules& rules) {
  std::vector<std::string> forms;
  for (const SignatureScheme& scheme : rules.schemes) forms.push_back(describe(scheme));
  return fail(Code::kInvalid, "secret_invalid",
              fmt::format("A secret of this dialect is {}.", fmt::join(forms, ", or ")));
}

bool has_good_size(const Key& key) {
  const std::size_t size = key.bytes.size();
  if (key.is_public) return size == kEd25519PublicBytes;
  if (key.scheme->algorithm == Algorithm::kEd25519) return size == 32 || size == 64;
  return size >= key.scheme->key_bytes_min && size <= key.scheme->key_bytes_max;
}

// The key in a secret's text, or in that of a public key; nothing if no scheme has such a form.
std::optional<Key> read_key(const SignatureRules& rules, std::string_view text) {
  for (const SignatureScheme& scheme : rules.schemes) {
    Key key{.scheme = &scheme, .is_public = false, .bytes = {}};
    std::string_view rest = text;
    if (!scheme.public_prefix.empty() && text.starts_with(scheme.public_prefix)) {
      key.is_public = true;
      rest.remove_prefix(scheme.public_prefix.size());
    } else if (text.starts_with(scheme.secret_prefix)) {
      rest.remove_prefix(scheme.secret_prefix.size());
    } else {
      continue;
    }
    using KeyEncoding = SignatureScheme::KeyEncoding;
    if (scheme.key_encoding != KeyEncoding::kBase64) {
      const bool decodes = scheme.key_encoding == KeyEncoding::kEntities;
      const std::string decoded = decodes ? model::woocommerce::decode_entities(rest) : "";
      const ByteView bytes = as_bytes(decodes ? decoded : rest);
      key.bytes.assign(bytes.begin(), bytes.end());
    } else if (std::optional<Bytes> bytes = parse_base64(rest)) {
      key.bytes = *std::move(bytes);
    }
    if (!has_good_size(key)) return std::nullopt;
    return key;
  }
  return std::nullopt;
}

std::optional<Timestamp> read_time(TimeFormat format, std::string_view text) {
  if (format == TimeFormat::kIso) return parse_iso_time(text);
  // Fourteen digits are beyond any date, and stay exact when seconds become milliseconds.
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.size() > 14 || text.front() == '-' || error != std::errc() ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  return from_unix_millis(format == TimeFormat::kUnix ? number * 1000 : number);
}

// The bytes under the signature.
std::string signed_text(const SignatureRules& rules, std::string_view id,
                        std::string_view timestamp, std::string_view body) {
  const std::array<Value, 3> scope = {Value(id), Value(timestamp), Value(body)};
  std::string text;
  text.reserve(id.size() + timestamp.size() + body.size() + 8);
  const Result<void> written = rules.signed_text.append_text(scope, text);
  WAYBILL_CHECK(written.has_value(), "everything a signed text can name is a text");
  return text;
}

Result<std::string> signature_text(const SignatureRules& rules, const Secret& secret,
                                   std::string_view text) {
  const std::optional<Key> key = read_key(rules, secret.reveal());
  if (!key || key->is_public) return secret_invalid(rules);

  Bytes raw;
  if (key->scheme->algorithm == Algorithm::kEd25519) {
    Result<Bytes> signature = crypto::ed25519_sign(key->bytes, text);
    if (!signature) return secret_invalid(rules);
    raw = *std::move(signature);
  } else {
    const crypto::Digest digest = crypto::hmac_sha256(key->bytes, {text});
    raw.assign(digest.begin(), digest.end());
  }
  const bool as_hex = key->scheme->encoding == SignatureScheme::Encoding::kHex;
  const std::string encoded = as_hex ? hex(raw) : base64(raw);
  const std::array<Value, 2> scope = {Value(encoded), Value(encoded)};
  std::string written;
  WAYBILL_TRY(key->scheme->text.append_text(scope, written));
  return written;
}

// A signature header's value, signed with each of `secrets`.
Result<std::string> header_value(const SignatureRules& rules, std::string_view timestamp,
                                 std::string_view text, std::span<const Secret> secrets) {
  std::string signatures;
  for (const Secret& secret : secrets) {
    const Result<std::string> signature = signature_text(rules, secret, text);
    if (!signature) return signature;
    if (!signatures.empty()) signatures += rules.separator;
    signatures += *signature;
  }
  const std::array<Value, 2> scope = {Value(timestamp), Value(signatures)};
  std::string value;
  for (const Template& part : rules.value) {
    if (&part != &rules.value.front()) value += rules.separator;
    WAYBILL_TRY(part.append_text(scope, value));
  }
  return value;
}

// A signature header taken apart. The views are into its value.
struct Received {
  std::vector<std::string_view> timestamps;
  std::vector<std::string_view> signatures;  // As written: "v1,{base64}".
};

// Puts what `part` finds in `text` where it belongs; false if the text is not of its form.
bool read_part(const Template& part, std::string_view text, Received& received) {
  const auto found = part.match(text);
  if (!found) return false;
  const std::vector<std::string_view> names = part.variables();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_time = names[i] == kSignatureVariables[kSignatureTimestamp].name;
    (is_time ? received.timestamps : received.signatures).push_back((*found)[i]);
  }
  return true;
}

std::optional<Received> read_header(const SignatureRules& rules, std::string_view value) {
  Received received;
  if (rules.separator.empty()) {
    const bool good = read_part(rules.value.front(), value, received);
    return good ? std::optional(received) : std::nullopt;
  }
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(rules.separator, at), value.size());
    const std::string_view element = trimmed(value.substr(at, end - at));
    at = end + rules.separator.size();
    bool known = false;
    for (const Template& part : rules.value) {
      // The part of the signatures is each one by itself, and would match anything.
      const bool is_signatures = part.variables().front() == kSignatureVariables[kSignatures].name;
      known = known || (!is_signatures && read_part(part, element, received));
    }
    if (!known) received.signatures.push_back(element);
  }
  return received;
}

// Whether one of the received signatures is one by `key` of `text`. All are looked at, so that the
// time tells nothing.
bool is_signed_by(const Key& key, std::string_view text, const Received& received) {
  crypto::Digest expected{};
  const bool symmetric = key.scheme->algorithm == Algorithm::kHmacSha256;
  Bytes public_key;
  if (symmetric) {
    expected = crypto::hmac_sha256(key.bytes, {text});
  } else if (key.is_public) {
    public_key = key.bytes;
  } else if (Result<Bytes> derived = crypto::ed25519_public_key(key.bytes)) {
    public_key = *std::move(derived);
  }
  bool good = false;
  for (const std::string_view signature : received.signatures) {
    const auto found = key.scheme->text.match(signature);
    if (!found) continue;
    const bool as_hex = key.scheme->encoding == SignatureScheme::Encoding::kHex;
    const std::optional<Bytes> raw =
        as_hex ? parse_hex(found->front()) : parse_base64(found->front());
    if (!raw) continue;
    good = (symmetric ? crypto::equal_in_constant_time(as_text(*raw), as_text(expected))
                      : crypto::ed25519_verify(public_key, text, *raw)) ||
           good;
  }
  return good;
}

auto refused(std::string_view reason, std::string message) {
  return fail(Code::kUnauthenticated, reason, std::move(message));
}

// What stands in a header that is signed along; empty for a dialect that has none.
Result<std::string_view> signed_header(std::span<const net::Header> headers,
                                       const std::string& name) {
  if (name.empty()) return std::string_view();
  const std::string* const value = net::find_header(headers, name);
  if (!value) {
    return fail(Code::kInvalid, "signed_header_missing",
                fmt::format("The header {}, which is signed, is missing.", name));
  }
  return std::string_view(*value);
}

// Checks what one signature header says.
Result<void> verify_header(const SignatureRules& rules, std::span<const net::Header> headers,
                           const std::string& value, std::string_view body,
                           std::span<const Key> keys, Timestamp now,
                           std::chrono::milliseconds tolerance) {
  const Result<std::string_view> id = signed_header(headers, rules.id_header);
  const Result<std::string_view> beside = signed_header(headers, rules.timestamp_header);
  if (!id) return refused("signature_malformed", id.error().message);
  if (!beside) return refused("signature_malformed", beside.error().message);

  std::optional<Received> received = read_header(rules, value);
  if (!received || received->signatures.size() > kSignaturesMax ||
      std::ranges::none_of(received->signatures, [&](std::string_view signature) {
        return std::ranges::any_of(rules.schemes, [&](const SignatureScheme& scheme) {
          return scheme.text.match(signature).has_value();
        });
      })) {
    return refused("signature_malformed", "The signature header does not have the dialect's form.");
  }
  if (!rules.timestamp_header.empty()) received->timestamps = {*beside};
  std::string_view timestamp;
  std::optional<Timestamp> signed_at;
  if (rules.tolerance) {
    if (received->timestamps.size() == 1) timestamp = received->timestamps.front();
    signed_at = read_time(rules.time_format, timestamp);
    if (!signed_at) return refused("signature_malformed", "The signed time is missing or no time.");
  }

  const std::string text = signed_text(rules, *id, timestamp, body);
  bool good = false;
  for (const Key& key : keys) good = is_signed_by(key, text, *received) || good;
  if (!good) return refused("signature_mismatch", "No key made this signature of these bytes.");
  if (signed_at && (*signed_at > now + tolerance || *signed_at < now - tolerance)) {
    return refused(
        "timestamp_out_of_tolerance",
        fmt::format("The signed time is more than {} from now.", format_duration(tolerance)));
  }
  return {};
}

}  // namespace

Secret Dialect::new_secret() const {
  WAYBILL_CHECK(signature.has_value(), "only a dialect that signs has secrets");
  const SignatureScheme& scheme = signature->schemes.front();
  if (scheme.algorithm == Algorithm::kEd25519) {
    Bytes key = crypto::random_bytes(kNewKeyBytes);
    const Bytes public_key = crypto::ed25519_public_key(key).value();
    key.insert(key.end(), public_key.begin(), public_key.end());
    return Secret(scheme.secret_prefix + base64(key));
  }
  const auto fitting = [&](std::size_t size) {
    return std::clamp(size, scheme.key_bytes_min, scheme.key_bytes_max);
  };
  if (scheme.key_encoding == SignatureScheme::KeyEncoding::kBase64) {
    return Secret(scheme.secret_prefix + base64(crypto::random_bytes(fitting(kNewKeyBytes))));
  }
  // A key of text is as long as its text.
  const std::size_t size = fitting(kNewKeyTextBytes);
  return Secret(scheme.secret_prefix + base64url(crypto::random_bytes(size)).substr(0, size));
}

Result<void> Dialect::check_secret(const Secret& secret) const {
  if (!signature) {
    return fail(Code::kInvalid, "secret_invalid",
                fmt::format("The dialect {} does not sign, so it has no secrets.", name));
  }
  const std::optional<Key> key = read_key(*signature, secret.reveal());
  if (!key || key->is_public) return secret_invalid(*signature);
  if (key->scheme->algorithm == Algorithm::kEd25519 && key->bytes.size() > kEd25519PublicBytes) {
    // A public half that is not its own would tell receivers a key that verifies nothing.
    const Bytes public_key = crypto::ed25519_public_key(key->bytes).value();
    if (!std::equal(public_key.begin(), public_key.end(), key->bytes.end() - kEd25519PublicBytes)) {
      return fail(Code::kInvalid, "secret_invalid",
                  "The public half of this private key does not belong to it.");
    }
  }
  return {};
}

Result<void> Dialect::check_verification_key(const Secret& key) const {
  const auto read = signature ? read_key(*signature, key.reveal()) : std::nullopt;
  return read && read->is_public ? Result<void>() : check_secret(key);
}

bool Dialect::is_asymmetric(const Secret& secret) const {
  const auto key = signature ? read_key(*signature, secret.reveal()) : std::nullopt;
  return key && key->scheme->algorithm == Algorithm::kEd25519;
}

std::string Dialect::verification_key(const Secret& secret) const {
  const std::optional<Key> key = signature ? read_key(*signature, secret.reveal()) : std::nullopt;
  WAYBILL_CHECK(key && !key->is_public, "the secret has been checked");
  if (key->scheme->algorithm == Algorithm::kHmacSha256) return secret.reveal();
  return key->scheme->public_prefix + base64(crypto::ed25519_public_key(key->bytes).value());
}

Result<std::vector<net::Header>> sign(const Dialect& dialect, std::span<const net::Header> headers,
                                      std::string_view body, Timestamp sent_at,
                                      std::span<const Secret> secrets) {
  if (!dialect.signature || secrets.empty()) return std::vector<net::Header>();
  const SignatureRules& rules = *dialect.signature;
  const Result<std::string_view> id = signed_header(headers, rules.id_header);
  if (!id) return fail(id.error());
  std::string timestamp;
  if (!rules.timestamp_header.empty()) {
    const Result<std::string_view> beside = signed_header(headers, rules.timestamp_header);
    if (!beside) return fail(beside.error());
    timestamp = *beside;
  } else if (rules.tolerance) {
    timestamp = signed_time(rules.time_format, sent_at);
  }
  const std::string text = signed_text(rules, *id, timestamp, body);

  std::vector<net::Header> made;
  const auto add = [&](const std::string& name, std::span<const Secret> by) -> Result<void> {
    Result<std::string> value = header_value(rules, timestamp, text, by);
    if (!value) return fail(std::move(value).error());
    made.push_back({name, *std::move(value)});
    return {};
  };
  if (!rules.separator.empty()) {
    WAYBILL_TRY(add(rules.header, secrets));
    return made;
  }
  WAYBILL_TRY(add(rules.header, secrets.last(1)));
  // Of a dialect that is received only, the platform's own words are not known for a second one.
  if (secrets.size() > 1 && !rules.rotation_header.empty()) {
    WAYBILL_TRY(add(rules.rotation_header, secrets.first(1)));
  }
  return made;
}

Result<void> verify(const Dialect& dialect, std::span<const net::Header> headers,
                    std::string_view body, std::span<const Secret> keys, Timestamp now,
                    std::optional<std::chrono::milliseconds> tolerance) {
  if (!dialect.signature) {
    return fail(
        Code::kInvalid, "dialect_unsigned",
        fmt::format("The dialect {} does not sign, so nothing can be verified.", dialect.name));
  }
  const SignatureRules& rules = *dialect.signature;
  const std::string* const value = net::find_header(headers, rules.header);
  if (!value) {
    return refused("signature_missing", fmt::format("The header {} is missing.", rules.header));
  }
  std::vector<Key> usable;
  for (const Secret& text : keys) {
    if (std::optional<Key> key = read_key(rules, text.reveal())) usable.push_back(*std::move(key));
  }
  const auto allowed = tolerance.value_or(rules.tolerance.value_or(std::chrono::milliseconds(0)));
  Result<void> verified = verify_header(rules, headers, *value, body, usable, now, allowed);
  if (verified || rules.rotation_header.empty()) return verified;
  // Our own sender puts a new secret's signature there while the former is still in use.
  const std::string* const next = net::find_header(headers, rules.rotation_header);
  if (next && verify_header(rules, headers, *next, body, usable, now, allowed)) return {};
  return verified;
}

}  // namespace waybill::dialect
