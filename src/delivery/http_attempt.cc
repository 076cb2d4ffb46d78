#include "delivery/http_attempt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace waybill::delivery {
namespace {

model::Outcome outcome_of(const Error& error) {
  if (error.code == Code::kTimeout) return model::Outcome::kTimeout;
  if (error.code == Code::kForbidden) return model::Outcome::kBlocked;
  if (error.code == Code::kUnavailable) return model::Outcome::kConnectionError;
  return model::Outcome::kUnsendable;
}

}  // namespace

Task<Tried> try_over_http(const Clock& clock, const Send& send, int number,
                          Result<net::ClientRequest> request, Judge judge) {
  const Timestamp started_at = clock.now();
  const Stopwatch stopwatch;
  Result<net::ClientResponse> answer = fail(Code::kInternal, "");
  if (request) {
    answer = co_await send(*std::move(request));
  } else {
    answer = fail(Code::kInvalid, request.error().reason, request.error().message);
  }
  Tried tried{judge(answer, clock.wall_now()), std::nullopt};
  tried.attempt.number = number;
  tried.attempt.started_at = started_at;
  tried.attempt.latency = stopwatch.elapsed();
  co_return tried;
}

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
