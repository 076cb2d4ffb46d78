// A Dialect is how one platform writes webhooks on the wire. It is data, read from
// dialects/NAME.toml: headers, envelope, signature, what counts as success, when to try again, when
// an endpoint is switched off, and which events there are. Nothing about a platform is in C++ here.
//
//   send:     Dialect::event_type_for() → render_body() once per event and dialect
//             → request_headers() → sign() once per attempt
//   test:     the same with model::kTestEvent, which every dialect can send (test_event)
//   receive:  verify(), and dialect/receipt.h
//
// A Dialect is immutable once loaded (dialect/loader.h) and may be shared by any number of threads.
// Nothing here reads the clock: the time of an attempt is an argument.
//
// To add a platform: write dialects/NAME.toml (dialects/README.md), and name it in CMakeLists.txt.

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "dialect/receipt.h"
#include "dialect/schema.h"
#include "dialect/template.h"
#include "model/retry_schedule.h"
#include "net/header.h"

namespace waybill::dialect {

// [endpoint]: the rules for a subscription that speaks this dialect.
struct EndpointRules {
  // Whether an endpoint has a signing secret, and who chooses it: kNone for dialects that do not
  // sign; kOptional if the subscriber may set one (R-PL-26); kGenerated if the hub makes one unless
  // the subscriber brings one.
  enum class SecretRule { kNone, kOptional, kGenerated };
  SecretRule secret = SecretRule::kGenerated;
  bool https_required = false;
  bool editable = true;      // R-PL-35: false is delete and add again.
  int deactivate_after = 0;  // Consecutive failures that switch it off; 0 is never.
  int endpoints_max = 0;     // In one workspace; 0 is no limit.
  // Whether endpoints_max counts active endpoints only (R-PC-35), or all there are (R-PR-2).
  bool endpoints_max_of_active = false;
  bool url_unique = false;  // Whether a workspace has one endpoint of this dialect for a URL.
};

// [delivery]
struct DeliveryRules {
  struct StatusRange {
    int first = 200, last = 299;
  };
  std::vector<StatusRange> success;  // ["2xx"], ["200", "201"], ["200-302"]
  std::chrono::milliseconds timeout{std::chrono::seconds(30)};
  // May list more waits than attempts_max tries need: an endpoint may ask for more tries.
  model::RetrySchedule retry;
  int attempts_max = 1;  // Tries of one delivery, the first included.
  // What becomes of the endpoint when a delivery's tries have run out: nothing, or it is switched
  // off (R-PR-19). The delivery is dropped in any case.
  bool exhausted_deactivates = false;

  bool is_success(int status) const;
};

// [coalescing]: the same again within the window is sent to an endpoint once (R-PR-17).
struct CoalescingRules {
  enum class Edge {
    kLeading,   // The first is sent at once, and what follows in the window is not.
    kTrailing,  // The last is sent, when the window ends.
  };
  std::chrono::milliseconds window{0};
  Edge edge = Edge::kLeading;
  Template key;  // Text: what makes two events the same, beside their type.
};

// [[signature.schemes]]: one way of signing, of one or more that share a header: Standard Webhooks
// has v1 and v1a.
struct SignatureScheme {
  enum class Algorithm { kHmacSha256, kEd25519 };
  // Of the secret after its prefix; kEntities: text whose HTML entities are decoded (W-3).
  enum class KeyEncoding { kText, kBase64, kEntities };
  enum class Encoding { kHex, kBase64 };  // Of the signature. Hex is written in lower case.
  Algorithm algorithm = Algorithm::kHmacSha256;
  KeyEncoding key_encoding = KeyEncoding::kText;
  Encoding encoding = Encoding::kHex;
  std::size_t key_bytes_min = 1;  // Of kHmacSha256, once decoded.
  std::size_t key_bytes_max = 256;
  std::string secret_prefix;  // "whsec_", "whsk_": tells schemes apart; may be empty for the last.
  std::string public_prefix;  // "whpk_": what a verifier of an asymmetric scheme holds.
  Template text;              // One signature as written: "sha256={hex}", "v1,{base64}".
};

// [signature]
struct SignatureRules {
  enum class TimeFormat { kUnix, kUnixMillis, kIso };
  std::string header;    // "X-ProcuLink-Signature"
  Template signed_text;  // The bytes under the signature: "{body}", "{timestamp}.{body}".
  // The whole header, "t={timestamp},{signatures}", cut at the separators: one template each.
  std::vector<Template> value;
  std::string separator;  // Between the signatures of several secrets. Empty: the header holds one.
  // Where the header holds one signature only: during a rotation's overlap the former secret signs
  // in `header`, so that no receiver breaks, and the new one in this header beside it.
  std::string rotation_header;
  std::optional<std::chrono::milliseconds> tolerance;  // Of the signed time. Nothing: none is.
  TimeFormat time_format = TimeFormat::kUnix;
  std::string timestamp_header;  // Where the time stands if not in `value`.
  std::string id_header;         // Where the message id stands, if it is signed.
  std::vector<SignatureScheme> schemes;
};

// [events."order.created"]: one event of the platform's catalogue.
struct EventType {
  std::string name;       // The platform's: what subscriptions name and the wire carries.
  std::string canonical;  // The event of ours it is made from.
  std::string description;
  std::string module;    // The part of the platform that it comes from; may be empty.
  std::string document;  // The kind it is about, for roles (model/user.h); may be empty.
  Template data;         // How its `data` is made; empty is the canonical data as it is.
  Template envelope;     // Its own, around `data`; empty is the dialect's.
  struct HeaderValue {
    std::string name;  // One of Dialect::headers.
    Template value;    // What it says for this event.
  };
  std::vector<HeaderValue> headers;
  json::value schema;   // JSON Schema (2020-12) of `data`.
  Schema rules;         // The same, compiled.
  json::value example;  // Canonical data that renders to a valid sample.
};

class Dialect {
 public:
  std::string name;   // The file's name without ".toml": "proculink".
  std::string title;  // "ProcuLink"
  std::string description;
  std::string documentation;  // Where the platform's own words are.
  EndpointRules endpoint;
  DeliveryRules delivery;
  std::string content_type = "application/json";
  struct HeaderRule {
    std::string name;
    Template value;
    bool retries_only = false;
  };
  std::vector<HeaderRule> headers;
  Template envelope;
  std::optional<SignatureRules> signature;
  std::optional<CoalescingRules> coalescing;
  std::optional<ReceiptRules> receipt;  // Nothing: no source can have this dialect.
  bool receives_only = false;           // No envelope: no endpoint can have it.
  std::vector<EventType> events;
  // True if every canonical event that `events` does not list is passed on under its own name, with
  // its own data, as Standard Webhooks does.
  bool open_catalogue = false;
  // The event of `events` that stands in for model::kTestEvent where the platform has no such
  // event: a test then sends this event's example, under its name. Empty for a dialect that sends
  // model::kTestEvent itself, as an open catalogue does.
  std::string test_event;

  // What this dialect sends for a canonical event. Nothing: it knows no such event. A test event is
  // sent to its one endpoint whether or not it is found here.
  struct Match {
    std::string_view name;
    const EventType* listed = nullptr;  // Null for a passed-on event.
  };
  std::optional<Match> event_type_for(std::string_view canonical) const;
  // True if an endpoint may subscribe to `name` ("*" always).
  bool has_event(std::string_view name) const;

  // Makes a secret of this dialect's form: the first scheme's prefix and a key from 32 random
  // bytes, or from as many as the scheme takes. Requires: the dialect signs.
  Secret new_secret() const;
  // Fails with kInvalid (secret_invalid) if no scheme can use it, saying what a secret looks like.
  Result<void> check_secret(const Secret& secret) const;
  // The same of what is only verified with: the public half of an asymmetric key will do.
  Result<void> check_verification_key(const Secret& key) const;
  bool is_asymmetric(const Secret& secret) const;
  // What a receiver verifies with: the secret, or its public half. Requires: check_secret() passed.
  std::string verification_key(const Secret& secret) const;
};

// What a delivery is about. The views need only outlive the call.
struct Message {
  std::string_view event_id;    // UUID text. Templates write it otherwise by filters.
  std::string_view event_type;  // Canonical.
  Timestamp occurred_at{};
  std::string_view subject;
  std::string_view workspace_slug;
  std::string_view environment;
  const json::value* data = nullptr;  // Canonical. Never null.
};

// One try of it.
struct AttemptView {
  std::string_view delivery_id;  // UUID text.
  int number = 1;                // From 1.
  Timestamp sent_at{};           // The world's time.
};

// The event's `data` alone, as the body has it. Fails as render_body().
Result<std::string> render_data(const Dialect& dialect, const Message& message);

// What makes `message` and another event of its type the same within a window of `rules`.
// Fails with kInvalid (event_data_unfit) if the event lacks what the key names.
Result<std::string> coalescing_key(const CoalescingRules& rules, const Message& message);

// The bytes that go on the wire: a fixed point of JSON.stringify (base/json.h). The same for every
// attempt and every endpoint of this dialect.
//
// Fails with kNotFound (event_unknown_to_dialect), and with kInvalid (event_data_unfit, and the
// path of the missing member) if the data lacks what the dialect's template requires.
Result<std::string> render_body(const Dialect& dialect, const Message& message);

// All headers of the request but the signature's, Content-Type first. Fails as render_body(), and
// with kInvalid (event_data_unfit) if a value could not stand in a header: anything but printable
// ASCII could begin a header of its own.
Result<std::vector<net::Header>> request_headers(const Dialect& dialect, const Message& message,
                                                 const AttemptView& attempt);

// The signature headers: none without a secret or for a dialect that does not sign.
//
// `secrets`: newest first. All of them sign, so that a receiver can change its secret without
// losing a delivery; where the header holds one signature, the last and the first do. An id or a
// time that is signed and has a header of its own is taken from `headers`, so that what is signed
// is what is sent.
//
// Fails with kInvalid: secret_invalid; signed_header_missing if `headers` lacks one of those two.
Result<std::vector<net::Header>> sign(const Dialect& dialect, std::span<const net::Header> headers,
                                      std::string_view body, Timestamp sent_at,
                                      std::span<const Secret> secrets);

// Passes if one of `keys` (secrets, or public keys) signed exactly these bytes, and, where the
// dialect signs the time, it is within `tolerance`, or else the dialect's, of `now`, either way.
// Reads what the platform's own senders may write: parts of a separated header in any order, parts
// of schemes it does not know, several signatures of which one fits, hex in either case. The
// literal text around them must be exact. A key that no scheme can use fits nothing.
//
// Fails with kUnauthenticated: signature_missing, signature_malformed, signature_mismatch,
// timestamp_out_of_tolerance (of a good signature: whoever is told so has the secret); with
// kInvalid (dialect_unsigned) for a dialect that does not sign. No message holds a secret or an
// expected value. Takes the same time whichever byte differs.
Result<void> verify(const Dialect& dialect, std::span<const net::Header> headers,
                    std::string_view body, std::span<const Secret> keys, Timestamp now,
                    std::optional<std::chrono::milliseconds> tolerance = std::nullopt);

}  // namespace waybill::dialect
