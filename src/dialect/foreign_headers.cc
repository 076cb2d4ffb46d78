#include "dialect/foreign_headers.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "dialect/vocabulary.h"

namespace waybill::dialect {
namespace {

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

Value text_or_missing(std::string_view text) { return text.empty() ? Value() : Value(text); }

}  // namespace

std::string header_text(std::string_view text) {
  const bool has_ends = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!has_ends && std::ranges::all_of(text, is_printable)) return std::string(text);
  std::string encoded;
  for (const char c : text) {
    if (is_printable(c) && c != ' ' && c != '%') {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string signed_time(SignatureRules::TimeFormat format, Timestamp time) {
  using enum SignatureRules::TimeFormat;
  switch (format) {
    case kUnix: return std::to_string(unix_seconds(time));
    case kUnixMillis: return std::to_string(unix_millis(time));
    case kIso: return iso_time(time);
  }
  return {};
}

std::vector<net::Header> foreign_headers(const Dialect& dialect, const Message& message,
                                         const AttemptView& attempt) {
  WAYBILL_CHECK(message.data != nullptr, "an event has data");
  const std::string type = header_text(message.event_type);
  std::array<Value, kEventVariables> values;
  values[kDeliveryId] = attempt.delivery_id;
  values[kAttemptNumber] = std::int64_t{attempt.number};
  if (attempt.number > 1) values[kAttemptRetryIndex] = std::int64_t{attempt.number - 2};
  values[kAttemptSentAt] = attempt.sent_at;
  values[kType] = text_or_missing(type);
  values[kEventId] = message.event_id;
  values[kEventType] = text_or_missing(type);
  values[kEventOccurredAt] = message.occurred_at;
  values[kEventSubject] = text_or_missing(message.subject);
  values[kEventData] = message.data;
  values[kWorkspaceSlug] = text_or_missing(message.workspace_slug);
  values[kWorkspaceEnvironment] = text_or_missing(message.environment);

  std::vector<net::Header> headers;
  for (const Dialect::HeaderRule& rule : dialect.headers) {
    if (rule.retries_only && attempt.number <= 1) continue;
    std::string value;
    const auto made = rule.value.append_text(header_stretch(values), value);
    if (!made || !std::ranges::all_of(value, is_printable)) continue;
    headers.push_back({rule.name, std::move(value)});
  }
  if (!dialect.receives_only || !dialect.signature) return headers;
  const SignatureRules& rules = *dialect.signature;
  if (!rules.id_header.empty()) headers.push_back({rules.id_header, std::string(message.event_id)});
  if (!rules.timestamp_header.empty()) {
    headers.push_back({rules.timestamp_header, signed_time(rules.time_format, attempt.sent_at)});
  }
  return headers;
}

}  // namespace waybill::dialect
