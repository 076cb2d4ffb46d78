// dialect/loader.h: a text is refused with its file, a line and a reason, or is a dialect that
// renders, signs and verifies every event it lists.

#include "dialect/dialect.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/check.h"
#include "dialect/catalogue.h"
#include "dialect/loader.h"
#include "fuzz/target.h"

namespace waybill::fuzz {
namespace {

constexpr std::string_view kFile = "fuzz.toml";
constexpr std::string_view kId = "01941f29-7c00-7aaa-8000-000000000001";
constexpr Timestamp kSentAt{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

// "FILE:LINE: reason", a line for each fault. A reason may quote the text, and so its line breaks.
void check_refusal(const Error& error) {
  WAYBILL_CHECK(error.code == Code::kInvalid && error.reason == "dialect_invalid",
                "a bad text is dialect_invalid");
  const std::string_view message = error.message;
  WAYBILL_CHECK(message.starts_with(kFile) && message[kFile.size()] == ':',
                "a fault begins with its file");
  const std::string_view rest = message.substr(kFile.size() + 1);
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  WAYBILL_CHECK(digits > 0 && rest.substr(digits).starts_with(": "), "then comes its line");
  WAYBILL_CHECK(rest.size() > digits + 2, "then the reason");
}

void check_signature(const dialect::Dialect& made, const std::vector<net::Header>& headers,
                     const std::string& body) {
  const Secret secret = made.new_secret();
  WAYBILL_CHECK(made.check_secret(secret).has_value(), "a dialect can use the secrets it makes");
  const auto signature = dialect::sign(made, headers, body, kSentAt, {&secret, 1});
  WAYBILL_CHECK(signature.has_value(), "a dialect that was loaded can sign what it renders");

  std::vector<net::Header> all = headers;
  all.insert(all.end(), signature->begin(), signature->end());
  const Secret key(made.verification_key(secret));
  WAYBILL_CHECK(dialect::verify(made, all, body, {&key, 1}, kSentAt).has_value(),
                "what a dialect signs, it verifies");
  WAYBILL_CHECK(!dialect::verify(made, all, body + " ", {&key, 1}, kSentAt).has_value(),
                "and nothing else");
}

// `required`: the data is an example that the loader has rendered.
void try_event(const dialect::Dialect& made, std::string_view canonical, const json::value& data,
               bool required) {
  dialect::Message message;
  message.event_id = kId;
  message.event_type = canonical;
  message.occurred_at = kSentAt;
  message.subject = kId;
  message.workspace_slug = "acme";
  message.environment = "production";
  message.data = &data;
  const auto body = dialect::render_body(made, message);
  WAYBILL_CHECK(body.has_value() || !required, "an example that was loaded renders");
  if (body) {
    const auto read = parse_json(*body);
    // A template may write a number as a text is; how deep its data is, is not its fault.
    WAYBILL_CHECK(read.has_value() || read.error().reason == "too_deep", "a body is JSON");
    WAYBILL_CHECK(!read || write_json(*read) == *body, "a body is a fixed point");
  }
  const auto fits = dialect::check_data(made, message);
  WAYBILL_CHECK(fits.has_value() || !required, "an example that was loaded fits its schema");
  WAYBILL_CHECK(fits.has_value() || fits.error().path.starts_with('$'), "a fault has a path");
  for (const int number : std::array{1, 2}) {
    const dialect::AttemptView attempt{.delivery_id = kId, .number = number, .sent_at = kSentAt};
    const auto headers = dialect::request_headers(made, message, attempt);
    WAYBILL_CHECK(headers.has_value() || !required, "the headers of an example render");
    if (!headers || !body) continue;
    for (const net::Header& header : *headers) {
      WAYBILL_CHECK(std::ranges::all_of(header.value, [](char c) { return c >= ' ' && c <= '~'; }),
                    "a header is printable");
    }
    if (made.signature) check_signature(made, *headers, *body);
  }
}

void try_receipt(const dialect::ReceiptRules& rules) {
  const std::vector<net::Header> headers = {{"X-Id", "1"}, {"Content-Type", "text/plain"}};
  const dialect::ReceivedRequest request(headers, R"({"id": "1", "type": "a", "n": [{"m": 1}]})");
  const auto message = dialect::read_message(rules, request);
  WAYBILL_CHECK(message ? !message->key.empty() : message.error().reason == "message_unfit",
                "a message has a key, or is unfit");
  for (const bool is_signed : {false, true}) dialect::find_ping(rules, request, is_signed);
  const auto answer = dialect::render_answer(rules.answer, request);
  WAYBILL_CHECK(answer || answer.error().reason == "message_unfit", "an answer can be unfit only");
  if (!rules.fetch) return;
  const auto fetch = dialect::fetch_request(*rules.fetch, "a", request, json::object());
  WAYBILL_CHECK(fetch || fetch.error().reason == "message_unfit", "a path can be unfit only");
}

}  // namespace

void try_input(std::string_view input) {
  const Result<dialect::Dialect> made = dialect::load_dialect(kFile, input);
  if (!made) return check_refusal(made.error());

  WAYBILL_CHECK(made->open_catalogue || !made->events.empty() || made->receives_only,
                "a dialect has something to send");
  WAYBILL_CHECK(!made->receives_only || made->receipt, "or something to receive");
  if (made->receipt) try_receipt(*made->receipt);
  for (const dialect::EventType& event : made->events) {
    WAYBILL_CHECK(made->has_event(event.name), "an endpoint may subscribe to what is listed");
    try_event(*made, event.canonical, event.example, /*required=*/true);
    try_event(*made, event.canonical, json::object(), /*required=*/false);
  }
  if (made->open_catalogue) {
    static const json::value data = parse_json(R"({"a":[1,{"b":null}]})").value();
    try_event(*made, "fuzz.event", data, /*required=*/false);
  }
}

}  // namespace waybill::fuzz
