// The receiving side of a dialect: what a platform's webhook says of itself, as [receipt] of its
// file tells. verify() (dialect.h) says whether it is the platform's.
//
//   [receipt]
//   id = "{body.id}"                  the platform's id of the message: the same, sent again
//   type = "{header.x-shop-topic}"    its name of the event
//
// A placeholder of these text templates names a part of what was received:
//
//   body           the body, if it is JSON: "{body.data.id}"
//   header         the headers, their names in lower case: "{header.x-github-event}"
//   digest         SHA-256 of the body's exact bytes, in hex
//   type, id       what the templates `type` and `id` have made (in `key` and `environment` alone)
//
// with "?" where it may be missing. A placeholder of a header names one, without dots. Nothing here
// reads the clock. Any thread, but for what a ReceivedRequest says.

#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "dialect/template.h"
#include "net/header.h"

namespace re2 {
class RE2;
}

namespace waybill::dialect {

class Dialect;

// What a source answers.
struct ReceiptAnswer {
  int status = 200;
  std::string content_type = "application/json";
  // Of `body` and `header`, as Slack's challenge is sent back. Of application/json a JSON template,
  // of any other content type a text template. Empty: nothing.
  Template body;
};

// [[receipt.pings]]: what a platform sends to try a source out. It is answered, and not kept.
struct PingRule {
  bool is_signed = true;     // Whether it is verified first, like any other message.
  std::string content_type;  // Which the request has to have, without its parameters. Empty: any.
  // A header that the request may not have: an unsigned ping has no signature. Empty: none.
  std::string without_header;
  std::shared_ptr<const re2::RE2> pattern;  // Of the whole body. Null: any.
  // A text template of what was received, and what it has to make. Empty: any.
  Template when;
  std::string equals;
  ReceiptAnswer answer;
};

// [receipt.fetch]: where the document that a thin event names is found (R-PR-9 …). Text templates
// of what was received and of the source's settings, `settings.NAME`.
struct FetchRules {
  std::map<std::string, Template> paths;  // By the type of the message. "*": any other.
  std::vector<std::pair<std::string, Template>> headers;  // "X-AUTH-TOKEN" = "{settings.token}"
  int per_second = 1;
  int per_hour = 0;  // 0: no limit.
  int per_day = 0;
  std::chrono::milliseconds same_after{std::chrono::minutes(1)};  // Not the same GET before that.
  std::vector<std::string> settings;  // The NAMEs of `settings.NAME`, each once.
};

// [receipt]
struct ReceiptRules {
  Template id;    // Empty: the platform has none.
  Template type;  // Empty: it tells none.
  // [receipt.types]: what `type` makes, and what the event is called: Precoro's "2.1" is
  // "purchase_order.update". What is not here is called as `type` makes it.
  std::map<std::string, std::string> types;
  // What two messages have in common that are the same one. Without it: the id, or where there is
  // none the type and the digest.
  Template key;
  // Within which the same is the same one (Precoro's thirty seconds). Nothing: as long as the
  // source remembers.
  std::optional<std::chrono::milliseconds> window;
  // Which of the platform's environments it comes from, and what those are called:
  // [receipt.environments] production = ["true", "live"], sandbox = ["false"]. Empty: it does not
  // say.
  Template environment;
  std::vector<std::string> production;
  std::vector<std::string> sandbox;
  ReceiptAnswer answer;
  std::vector<PingRule> pings;
  std::optional<FetchRules> fetch;
};

// A request as it was received. What templates name of it is read when the first of them does, and
// once: a body that none names is never parsed. One thread at a time.
class ReceivedRequest {
 public:
  // Both outlive this.
  ReceivedRequest(std::span<const net::Header> headers, std::string_view body)
      : headers_(headers), body_(body) {}
  ReceivedRequest(const ReceivedRequest&) = delete;
  ReceivedRequest& operator=(const ReceivedRequest&) = delete;

  std::span<const net::Header> headers() const { return headers_; }
  std::string_view body() const { return body_; }
  // Fails as parse_json().
  const Result<json::value>& body_json() const;
  // An object: each header once, by its name in lower case; of several of one name, the first.
  const json::value& header_json() const;
  std::string_view digest() const;

 private:
  std::span<const net::Header> headers_;
  std::string_view body_;
  mutable json::monotonic_resource memory_;  // Of what is parsed, which is destroyed before it.
  mutable std::optional<Result<json::value>> body_json_;
  mutable std::optional<json::value> header_json_;
  mutable std::string digest_;
};

enum class Environment { kUnknown, kProduction, kSandbox };

struct ReceivedMessage {
  static constexpr std::size_t kIdBytesMax = 256;
  static constexpr std::size_t kTypeBytesMax = 128;
  std::string id;    // Empty: it has none. UTF-8 without control characters, as `type` is.
  std::string type;  // Empty: it tells none.
  std::string key;   // Never empty.
  Environment environment = Environment::kUnknown;
};

// The ping that the request is, unsigned ones alone or signed ones alone; or null.
const PingRule* find_ping(const ReceiptRules& rules, const ReceivedRequest& request,
                          bool is_signed);

// What is answered. Fails with kInvalid (message_unfit) if the request lacks what the answer says.
Result<std::string> render_answer(const ReceiptAnswer& answer, const ReceivedRequest& request);

// Fails with kInvalid (message_unfit), naming the part that is missing or has no place there.
Result<ReceivedMessage> read_message(const ReceiptRules& rules, const ReceivedRequest& request);

// The URL path and the headers of what is to be fetched for a message of `type`. Nothing: there is
// nothing to fetch for it. No value of the message leaves its segment of the path. Fails as
// read_message().
struct FetchRequest {
  std::string path;
  std::vector<net::Header> headers;
};
Result<std::optional<FetchRequest>> fetch_request(const FetchRules& rules, std::string_view type,
                                                  const ReceivedRequest& request,
                                                  const json::object& settings);

// A text template of what was received, as Endpoint::order_by is one. Fails as
// Template::parse_text.
Result<Template> parse_message_template(std::string_view source);
// Fails as read_message().
Result<std::string> render_message_template(const Template& of, const ReceivedRequest& request);

// The canonical event that a platform's message tells of: the reverse of render_body(), by the same
// templates. What the platform's data holds is put where the template for it took it from.
//
// An id that a template writes as prefixed (`prefixed:ord`) and that is none of ours becomes a UUID
// made from it, the same each time.
//
// Fails with kNotFound (event_unknown_to_dialect), as it does for what only the hub makes: tests,
// alerts, messages; and with kInvalid (message_unfit).
struct CanonicalEvent {
  std::string type;
  std::optional<Timestamp> occurred_at;
  json::value data;  // An object.
};
Result<CanonicalEvent> read_event(const Dialect& dialect, std::string_view type,
                                  const ReceivedRequest& request);

}  // namespace waybill::dialect
