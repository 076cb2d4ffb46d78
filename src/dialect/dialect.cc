#include "dialect/dialect.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "dialect/vocabulary.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

// Enough for most bodies without a second allocation.
constexpr std::size_t kBodyBytesUsual = 1024;

// What of a message this dialect sends: its own event's data, or the sample of a test.
struct Sent {
  std::string_view type;
  const EventType* listed = nullptr;
  const json::value* data = nullptr;
};

Result<Sent> sent_for(const Dialect& dialect, const Message& message) {
  WAYBILL_CHECK(message.data != nullptr, "an event has data");
  if (const auto match = dialect.event_type_for(message.event_type)) {
    return Sent{match->name, match->listed, message.data};
  }
  if (message.event_type == model::kTestEvent) {
    for (const EventType& event : dialect.events) {
      if (event.name == dialect.test_event) return Sent{event.name, &event, &event.example};
    }
  }
  return fail(Code::kNotFound, "event_unknown_to_dialect",
              fmt::format("The dialect {} has no event for {}.", dialect.name, message.event_type));
}

Value text_or_missing(std::string_view text) { return text.empty() ? Value() : Value(text); }

using AllValues = std::array<Value, kEventVariables>;

AllValues values_of(const Message& message, const Sent& sent) {
  AllValues values;
  values[kType] = sent.type;
  values[kEventId] = message.event_id;
  values[kEventType] = message.event_type;
  values[kEventOccurredAt] = message.occurred_at;
  values[kEventSubject] = text_or_missing(message.subject);
  values[kEventData] = sent.data;
  values[kWorkspaceSlug] = text_or_missing(message.workspace_slug);
  values[kWorkspaceEnvironment] = text_or_missing(message.environment);
  return values;
}

const Template& value_of(const Dialect::HeaderRule& rule, const EventType* listed) {
  if (listed) {
    for (const EventType::HeaderValue& own : listed->headers) {
      if (own.name == rule.name) return own.value;
    }
  }
  return rule.value;
}

bool fits_header(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool DeliveryRules::is_success(int status) const {
  return std::ranges::any_of(success, [&](const StatusRange& range) {
    return status >= range.first && status <= range.last;
  });
}

std::optional<Dialect::Match> Dialect::event_type_for(std::string_view canonical) const {
  bool name_taken = false;
  for (const EventType& event : events) {
    if (event.canonical == canonical) return Match{event.name, &event};
    name_taken = name_taken || event.name == canonical;
  }
  // A name of the catalogue always has the catalogue's data.
  if (!open_catalogue || name_taken) return std::nullopt;
  return Match{canonical, nullptr};
}

bool Dialect::has_event(std::string_view wanted) const {
  if (wanted == "*") return true;
  const bool listed =
      std::ranges::any_of(events, [&](const EventType& event) { return event.name == wanted; });
  return listed || (open_catalogue && model::check_event_type(wanted).has_value());
}

Result<std::string> render_data(const Dialect& dialect, const Message& message) {
  const Result<Sent> sent = sent_for(dialect, message);
  if (!sent) return fail(sent.error());
  if (!sent->listed || sent->listed->data.empty()) return write_json(*sent->data);
  const AllValues values = values_of(message, *sent);
  std::string data;
  WAYBILL_TRY(sent->listed->data.append_json(data_stretch(values), data));
  return data;
}

Result<std::string> coalescing_key(const CoalescingRules& rules, const Message& message) {
  const AllValues values =
      values_of(message, {.type = message.event_type, .listed = nullptr, .data = message.data});
  std::string key;
  WAYBILL_TRY(rules.key.append_text(data_stretch(values), key));
  return key;
}

Result<std::string> render_body(const Dialect& dialect, const Message& message) {
  const Result<Sent> sent = sent_for(dialect, message);
  if (!sent) return fail(sent.error());

  AllValues values = values_of(message, *sent);
  std::string data;
  if (sent->listed && !sent->listed->data.empty()) {
    WAYBILL_TRY(sent->listed->data.append_json(data_stretch(values), data));
    values[kData] = JsonText{data};
  } else {
    values[kData] = sent->data;
  }
  std::string body;
  body.reserve(kBodyBytesUsual);
  const bool has_own = sent->listed && !sent->listed->envelope.empty();
  const Template& envelope = has_own ? sent->listed->envelope : dialect.envelope;
  WAYBILL_TRY(envelope.append_json(envelope_stretch(values), body));
  return body;
}

Result<std::vector<net::Header>> request_headers(const Dialect& dialect, const Message& message,
                                                 const AttemptView& attempt) {
  const Result<Sent> sent = sent_for(dialect, message);
  if (!sent) return fail(sent.error());

  AllValues values = values_of(message, *sent);
  values[kDeliveryId] = attempt.delivery_id;
  values[kAttemptNumber] = std::int64_t{attempt.number};
  if (attempt.number > 1) values[kAttemptRetryIndex] = std::int64_t{attempt.number - 2};
  values[kAttemptSentAt] = attempt.sent_at;

  std::vector<net::Header> headers;
  // Room for the signature's headers too, which the caller adds.
  headers.reserve(dialect.headers.size() + 3);
  headers.push_back({"Content-Type", dialect.content_type});
  for (const Dialect::HeaderRule& rule : dialect.headers) {
    if (rule.retries_only && attempt.number <= 1) continue;
    std::string value;
    WAYBILL_TRY(value_of(rule, sent->listed).append_text(header_stretch(values), value));
    if (!fits_header(value)) {
      return fail(Code::kInvalid, "event_data_unfit",
                  fmt::format("The header {} would not be printable ASCII.", rule.name));
    }
    headers.push_back({rule.name, std::move(value)});
  }
  return headers;
}

}  // namespace waybill::dialect
