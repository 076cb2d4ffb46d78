#include "delivery/webhook_channel.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "dialect/event_message.h"

namespace waybill::delivery {
namespace {

dialect::Message message_of(const model::Event& event, std::string_view id, const Target& target) {
  dialect::Message message = dialect::message_about(event, id);
  message.workspace_slug = target.workspace_slug;
  message.environment = target.environment;
  return message;
}

model::Outcome outcome_of(const Error& error) {
  if (error.code == Code::kTimeout) return model::Outcome::kTimeout;
  if (error.code == Code::kForbidden) return model::Outcome::kBlocked;
  if (error.code == Code::kUnavailable) return model::Outcome::kConnectionError;
  return model::Outcome::kUnsendable;
}

}  // namespace

void add_trace(const model::TraceContext& trace, const model::DeliveryId& delivery, int number,
               std::vector<net::Header>& headers) {
  if (trace.empty() || net::find_header(headers, "traceparent")) return;
  // The span of this attempt: the random half of the delivery's id, which is never 0, and its
  // number.
  std::uint64_t span = 0;
  for (const std::uint8_t byte : delivery.bytes().subspan(Uuid::kSize / 2)) {
    span = span << 8U | byte;
  }
  headers.push_back(
      {"traceparent", model::next_traceparent(trace, span ^ static_cast<std::uint64_t>(number))});
  if (!trace.state.empty()) headers.push_back({"tracestate", trace.state});
}

Result<net::ClientRequest> make_request(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock) {
  const std::string event_id = event.event().id.uuid().text();
  const std::string delivery_id = delivery.id.uuid().text();
  dialect::Message message = message_of(event.event(), event_id, target);
  message.data = &event.data();
  const dialect::AttemptView attempt{delivery_id, number, clock.wall_now()};

  net::ClientRequest request;
  auto headers = dialect::request_headers(*target.dialect, message, attempt);
  if (!headers) return fail(headers.error());
  request.headers = *std::move(headers);
  for (const CustomHeader& header : target.headers) {
    request.headers.push_back({header.name, header.value.reveal()});
  }
  auto body = event.body(*target.dialect, message);
  if (!body) return fail(body.error());
  request.body = **body;
  const std::vector<Secret> secrets = target.secrets_at(clock.now());
  auto signature =
      dialect::sign(*target.dialect, request.headers, request.body, attempt.sent_at, secrets);
  if (!signature) return fail(signature.error());
  std::move(signature->begin(), signature->end(), std::back_inserter(request.headers));

  add_trace(event.event().trace, delivery.id, number, request.headers);

  request.url = target.url;
  request.deadlines.total = target.timeout;
  request.deadlines.first_byte = target.timeout;
  request.deadlines.connect = std::min(request.deadlines.connect, target.timeout);
  return request;
}

Task<Tried> WebhookChannel::attempt(const model::Delivery& delivery,
                                    std::shared_ptr<const Target> target, OutgoingEvent& event) {
  const int number = delivery.attempts_made + 1;
  const Timestamp started_at = clock_.now();
  const Stopwatch stopwatch;
  Result<net::ClientRequest> request = make_request(delivery, *target, event, number, clock_);
  Result<net::ClientResponse> answer = fail(Code::kInternal, "");
  if (request) {
    answer = co_await send_(*std::move(request));
  } else {
    // A template that does not fit, a secret that cannot sign: never the receiver's fault.
    answer = fail(Code::kInvalid, request.error().reason, request.error().message);
  }
  model::Attempt attempt = judge(answer, target->dialect->delivery, clock_.wall_now());
  attempt.number = number;
  attempt.started_at = started_at;
  attempt.latency = stopwatch.elapsed();
  co_return Tried{std::move(attempt), std::nullopt};
}

model::Attempt judge(const Result<net::ClientResponse>& answer, const dialect::DeliveryRules& rules,
                     Timestamp wall_now) {
  model::Attempt attempt;
  if (!answer) {
    attempt.outcome = outcome_of(answer.error());
    attempt.error = answer.error().message;
    return attempt;
  }
  attempt.status_code = answer->status;
  attempt.response_body = answer->body.substr(0, model::Attempt::kBodyBytesMax);
  if (rules.is_success(answer->status)) {
    attempt.outcome = model::Outcome::kSucceeded;
    return attempt;
  }
  attempt.outcome = answer->status == 410 ? model::Outcome::kGone : model::Outcome::kRefused;
  if (const std::string* wish = net::find_header(answer->headers, "Retry-After")) {
    attempt.retry_after = parse_retry_after(*wish, wall_now);
  }
  return attempt;
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, Timestamp now) {
  constexpr std::chrono::milliseconds kMost = std::chrono::days(7);
  std::int64_t seconds = 0;
  const char* const end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, seconds);
  if (error == std::errc() && rest == end && seconds >= 0) {
    return std::chrono::seconds(
        std::min(seconds, std::chrono::floor<std::chrono::seconds>(kMost).count()));
  }
  // "Sun, 06 Nov 1994 08:49:37 GMT": of the three forms of an HTTP date, the one that is sent
  // today.
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (value.size() != 29 || !value.ends_with(" GMT")) return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), value.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const auto number = month - kMonths.begin() + 1;
  const auto when = parse_iso_time(fmt::format("{}-{:02}-{}T{}Z", value.substr(12, 4), number,
                                               value.substr(5, 2), value.substr(17, 8)));
  if (!when) return std::nullopt;
  return std::clamp<std::chrono::milliseconds>(*when - now, std::chrono::milliseconds(0), kMost);
}

}  // namespace waybill::delivery
