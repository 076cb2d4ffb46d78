// dialect/receipt.h with whatever a stranger may send to a source of any of the dialects: what a
// message says of itself is plain text with a key, a document is asked for within its path, and
// what is read as an event of the hub's can be sent.
//
// An input is written as that of signature.cc, with the type of a message after the dialect's name:
//
//   procureiq order.shipped
//   X-GitHub-Event: push
//
//   {"id": "evt_1", "data": {"orderId": "ord_1"}}

#include "dialect/receipt.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"
#include "fuzz/target.h"

namespace waybill::fuzz {
namespace {

using dialect::Dialect;
using dialect::ReceivedRequest;

const dialect::DialectRegistry& registry() {
  static const dialect::DialectRegistry all =
      dialect::DialectRegistry::load(WAYBILL_SOURCE_DIR "/tests/e2e/dialects").value();
  return all;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<net::Header> take_headers(std::string_view& text) {
  std::vector<net::Header> headers;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(": "), line.size());
    const std::string_view value = colon < line.size() ? line.substr(colon + 2) : "";
    headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  }
  return headers;
}

void check_unfit(const Error& error) {
  WAYBILL_CHECK(error.code == Code::kInvalid && error.reason == "message_unfit",
                "a message that lacks something is unfit");
  WAYBILL_CHECK(!error.message.empty(), "and it is said what");
}

bool is_plain(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

// What the same bytes say twice is the same, whatever was asked of them before.
void try_message(const dialect::ReceiptRules& rules, const ReceivedRequest& request) {
  const auto message = dialect::read_message(rules, request);
  const ReceivedRequest again(request.headers(), request.body());
  const auto same = dialect::read_message(rules, again);
  WAYBILL_CHECK(message.has_value() == same.has_value(), "a message is read as it was");
  if (!message) return check_unfit(message.error());
  WAYBILL_CHECK(message->key == same->key && message->id == same->id, "a message is as it was");
  WAYBILL_CHECK(!message->key.empty(), "a message has a key");
  WAYBILL_CHECK(is_plain(message->id) && message->id.size() <= message->kIdBytesMax,
                "an id is plain text");
  WAYBILL_CHECK(is_plain(message->type) && message->type.size() <= message->kTypeBytesMax,
                "a type is plain text");
  for (const bool is_signed : {false, true}) {
    const dialect::PingRule* ping = dialect::find_ping(rules, request, is_signed);
    if (!ping) continue;
    const auto answer = dialect::render_answer(ping->answer, request);
    if (!answer) check_unfit(answer.error());
  }
  const auto answer = dialect::render_answer(rules.answer, request);
  if (!answer) return check_unfit(answer.error());
  const bool is_json = rules.answer.content_type == "application/json" && !answer->empty();
  WAYBILL_CHECK(!is_json || parse_json(*answer), "an answer in JSON is JSON");
}

void try_fetch(const dialect::FetchRules& rules, std::string_view type,
               const ReceivedRequest& request) {
  const json::object settings = {{"token", "t"}, {"email", "e"}, {"shop", "../.."}};
  const auto made = dialect::fetch_request(rules, type, request, settings);
  if (!made) return check_unfit(made.error());
  if (!*made) return;
  const std::string& path = (*made)->path;
  WAYBILL_CHECK(path.starts_with('/') && !path.ends_with('/'), "it is a path of a document");
  for (const char* other : {"//", "/../", "/./", "?", "#", " ", "\\", "\r", "\n"}) {
    WAYBILL_CHECK(path.find(other) == std::string::npos, "a path is that of the dialect");
  }
  WAYBILL_CHECK(!path.ends_with("/..") && !path.ends_with("/."), "and ends as it says");
}

void try_event(const Dialect& of, std::string_view type, const ReceivedRequest& request) {
  const auto event = dialect::read_event(of, type, request);
  if (!event) {
    if (event.error().reason == "event_unknown_to_dialect") return;
    return check_unfit(event.error());
  }
  WAYBILL_CHECK(event->data.is_object() && !event->type.empty(), "an event has a type and data");
  dialect::Message message;
  message.event_id = "01941f29-7c00-7aaa-8000-000000000001";
  message.event_type = event->type;
  message.workspace_slug = "acme";
  message.environment = "production";
  message.data = &event->data;
  const auto body = dialect::render_body(of, message);
  // What a template required is there; a number may have become too long to be one.
  if (!body) {
    WAYBILL_CHECK(body.error().reason == "event_data_unfit", "what is read is fit, or unfit data");
    return;
  }
  const auto read = dialect::read_event(of, type, ReceivedRequest({}, *body));
  WAYBILL_CHECK(read || parse_json(*body).error().reason == "too_deep",
                "what was read and sent is read again");
  WAYBILL_CHECK(!read || read->type == event->type, "as the same event");
}

}  // namespace

void try_input(std::string_view input) {
  std::string_view type = take_line(input);
  const std::size_t space = std::min(type.find(' '), type.size());
  const Dialect* const of = registry().find(type.substr(0, space));
  type.remove_prefix(std::min(space + 1, type.size()));
  const std::vector<net::Header> headers = take_headers(input);
  if (!of) return;
  const ReceivedRequest request(headers, input);
  if (of->receipt) {
    try_message(*of->receipt, request);
    if (of->receipt->fetch) try_fetch(*of->receipt->fetch, type, request);
  }
  try_event(*of, type, request);
}

}  // namespace waybill::fuzz
