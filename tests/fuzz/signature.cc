// dialect::verify() with whatever a stranger may send to any of the dialects: nothing passes that
// was not signed, and of what was signed nothing may be changed.
//
// An input is written as a request is:
//
//   standard-webhooks
//   webhook-id: msg_1
//   webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//
//   {"the": "body"}

#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/random.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"
#include "fuzz/target.h"

namespace waybill::fuzz {
namespace {

using dialect::Dialect;
using Headers = std::vector<net::Header>;

// A signed time of an input counts as fresh if it is this one.
constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

// The built-in dialects, and the forms of src/dialect/testdata that no built-in one has. A secret
// is new in every process, so that no input can know a signature made with it.
struct Signer {
  const Dialect* dialect;
  Secret secret;
  Secret verification_key;
};

const std::vector<Signer>& signers() {
  static const dialect::DialectRegistry registry =
      dialect::DialectRegistry::load(WAYBILL_SOURCE_DIR "/src/dialect/testdata").value();
  static const std::vector<Signer> all = [] {
    std::vector<Signer> made;
    for (const std::string& name : registry.names()) {
      const Dialect* const found = registry.find(name);
      if (!found->signature) continue;
      for (const auto& scheme : found->signature->schemes) {
        const bool asymmetric = scheme.algorithm == dialect::SignatureScheme::Algorithm::kEd25519;
        const Secret secret(scheme.secret_prefix + base64(crypto::random_bytes(32)));
        made.push_back({found, secret, Secret(found->verification_key(secret))});
        WAYBILL_CHECK(asymmetric == (made.back().verification_key != secret),
                      "only an asymmetric scheme has a public half");
      }
    }
    WAYBILL_CHECK(made.size() >= 5, "the dialects are there");
    return made;
  }();
  return all;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Headers take_headers(std::string_view& text) {
  Headers headers;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(": "), line.size());
    const std::string_view value = colon < line.size() ? line.substr(colon + 2) : "";
    headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  }
  return headers;
}

void check_verdict(const Result<void>& verdict) {
  WAYBILL_CHECK(!verdict.has_value(), "what nobody signed does not pass");
  constexpr std::string_view kReasons[] = {"signature_missing", "signature_malformed",
                                           "signature_mismatch"};
  WAYBILL_CHECK(verdict.error().code == Code::kUnauthenticated &&
                    std::ranges::find(kReasons, verdict.error().reason) != std::end(kReasons),
                "the reason is one of those that dialect.h lists for what nobody signed");
}

// What a reader may overlook: spaces around a part, the case of hex digits, base64's padding.
// Base64 has a case too, but to change that of one letter changes the signature.
std::string essence(std::string_view value) {
  std::string kept;
  for (const char c : value) {
    if (c != ' ' && c != '=') kept += c;
  }
  return kept;
}
bool is_respelled(const Signer& signer, std::string_view sent, std::string_view changed) {
  const bool is_hex = signer.dialect->signature->schemes.front().encoding ==
                      dialect::SignatureScheme::Encoding::kHex;
  const std::string a = essence(sent), b = essence(changed);
  return is_hex ? fold_case(a) == fold_case(b) : a == b;
}

// `at` and `byte` say what is changed.
void try_tampering(const Signer& signer, const Headers& given, const std::string& body,
                   std::size_t at, char byte) {
  const auto passes = [&](const Headers& headers, std::string_view text) {
    return dialect::verify(*signer.dialect, headers, text, {&signer.verification_key, 1}, kNow)
        .has_value();
  };
  const auto& rules = *signer.dialect->signature;
  Headers headers;
  for (const std::string& name : {rules.id_header, rules.timestamp_header}) {
    if (name.empty()) continue;
    const std::string* const value = net::find_header(given, name);
    headers.push_back({name, value ? *value : "1767225600"});
  }
  const auto made = dialect::sign(*signer.dialect, headers, body, kNow, {&signer.secret, 1});
  WAYBILL_CHECK(made.has_value(), "whatever it is, it can be signed");
  headers.insert(headers.end(), made->begin(), made->end());

  const bool fresh = rules.timestamp_header.empty() ||
                     net::find_header(headers, rules.timestamp_header)->starts_with("17672256");
  if (!passes(headers, body)) {
    WAYBILL_CHECK(!fresh || !rules.timestamp_header.empty(), "what is signed passes");
    return;
  }
  std::string other = body;
  if (!other.empty()) other[at % other.size()] = byte;
  WAYBILL_CHECK(other == body || !passes(headers, other), "a changed body does not pass");
  WAYBILL_CHECK(!passes(headers, body + byte), "a longer body does not pass");
  for (net::Header& header : headers) {
    const std::string sent = header.value;
    if (sent.empty()) continue;
    header.value[at % sent.size()] = byte;
    WAYBILL_CHECK(is_respelled(signer, sent, header.value) || !passes(headers, body),
                  "a changed header does not pass");
    header.value = sent;
  }
}

}  // namespace

void try_input(std::string_view input) {
  const std::size_t at = input.size() < 2 ? 0 : static_cast<unsigned char>(input[input.size() / 2]);
  const char byte = input.empty() ? 'x' : input.back();
  const std::string_view name = take_line(input);
  const Headers headers = take_headers(input);
  const std::string body(input);
  for (const Signer& signer : signers()) {
    if (signer.dialect->name != name) continue;
    check_verdict(
        dialect::verify(*signer.dialect, headers, body, {&signer.verification_key, 1}, kNow));
    try_tampering(signer, headers, body, at, byte);
    // A key is the operator's own, but its form is not ours to trust either.
    const Secret strange(body);
    if (signer.dialect->check_secret(strange)) {
      const Secret key(signer.dialect->verification_key(strange));
      WAYBILL_CHECK(!key.empty(), "a secret that can be used has a key to verify with");
    }
  }
}

}  // namespace waybill::fuzz
