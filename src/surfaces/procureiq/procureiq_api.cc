#include "surfaces/procureiq/procureiq_api.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "surfaces/api_key_text.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::procureiq {
namespace {

using native::Call;
using native::Reply;

constexpr std::string_view kAddress = "/api/v1";
// Answered by the API itself.
const Operation kRateLimitStatus{"GET", "/me/rate-limit-status", "", nullptr};

net::Response render(int status, std::string_view reason, std::string_view message) {
  std::string body;
  // A message may quote what a caller sent, cut in the middle of a character.
  ObjectText(body).add("success", false).add("error", replace_invalid_utf8(message)).end();
  net::Response response = net::Response::json(status, std::move(body));
  response.headers.push_back({"X-Error-Code", std::string(reason)});
  response.error_code = reason;
  return response;
}

// ProcureIQ's pages do not know 415.
int status_of(const Error& error) {
  return error.code == Code::kUnsupported ? 400 : net::status_of(error);
}

}  // namespace

const std::vector<Operation>& operations() {
  constexpr std::string_view manage = "webhooks:manage";
  static const std::vector<Operation> all = {
      {"POST", "/webhooks", manage, register_webhook},
      {"GET", "/webhooks", manage, list_webhooks, {"limit", "offset"}},
      {"GET", "/webhooks/{webhook}", manage, get_webhook},
      {"PATCH", "/webhooks/{webhook}", manage, change_webhook},
      {"PUT", "/webhooks/{webhook}", manage, replace_webhook},
      {"DELETE", "/webhooks/{webhook}", manage, delete_webhook},
      {"POST", "/webhooks/{webhook}/test", manage, test_webhook},
      {"GET", "/webhooks/{webhook}/deliveries", manage, list_deliveries, {"limit", "offset"}},
      {"POST", "/webhooks/{webhook}/deliveries/{delivery}/replay", manage, replay_delivery},
  };
  return all;
}

ProcureIqApi::ProcureIqApi(const native::Services& services, const Limits& limits)
    : services_(services),
      quota_({{std::chrono::hours(1), limits.calls_per_hour},
              {std::chrono::days(1), limits.calls_per_day}}) {}

void ProcureIqApi::add_routes(net::Router& router) {
  const auto add = [&](const Operation& operation) {
    router.add({std::string(operation.method), std::string(kAddress) + std::string(operation.path),
                [this, &operation](net::Request& request) { return answer(operation, request); }});
  };
  for (const Operation& operation : operations()) add(operation);
  add(kRateLimitStatus);
}

net::Response ProcureIqApi::render_error(const Error& error) {
  if (error.code == Code::kInternal) {
    return render(500, "internal", "Something is wrong inside the hub; its log says what.");
  }
  // As the platform's page has it.
  if (error.reason == "key_unknown") return render(401, error.reason, "Invalid API key");
  net::Response response = render(status_of(error), error.reason, told_with_path(error));
  if (error.code == Code::kUnavailable) response.headers.push_back({"Retry-After", "1"});
  return response;
}

net::Response ProcureIqApi::render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, render);
}

Task<net::Response> ProcureIqApi::answer(const Operation& operation, net::Request& request) {
  const auto key = co_await services_.keys.find(request, std::string(api_key_text(request)),
                                                model::KeyPlatform::kProcureIq);
  if (!key) {
    net::Response refusal = render_error(key.error());
    set_retry_after(refusal, services_.keys.retry_after(request));
    co_return refusal;
  }
  const model::ApiKey& caller = **key;
  const Timestamp now = services_.clock.now();
  if (!quota_.allow(caller.id.uuid(), now)) co_return render_exceeded(caller, now);
  Call call{services_, request, native::Caller{*key}, caller.workspace_id, {}, now, {}, kDialect};
  auto reply = co_await serve(operation, call);
  net::Response response;
  if (reply) {
    response = net::Response::json(reply->status, std::move(reply->body));
    if (reply->replayed) response.headers.push_back({"Idempotent-Replay", "true"});
  } else {
    const Error& error = reply.error();
    log_refusal(services_.log, request, operation.path, error);
    response = render_error(error);
  }
  // A new webhook's secret is shown in its answer.
  response.headers.push_back({"Cache-Control", "no-store"});
  add_rate_limit(response, caller, now);
  co_return response;
}

Task<Result<Reply>> ProcureIqApi::serve(const Operation& operation, Call& call) {
  const model::ApiKey& key = *call.caller.key;
  if (!operation.scope.empty() && !key.allows(operation.scope)) {
    co_return fail(Code::kForbidden, "scope_missing",
                   fmt::format("This API key lacks the scope {}.", operation.scope));
  }
  auto query = native::QueryReader::read(call.request.query, operation.query, call.now);
  if (!query) co_return fail(query.error());
  call.query = *std::move(query);
  if (operation.operate == nullptr) co_return Reply{200, rate_limit_status(key, call.now)};
  co_return co_await operation.operate(call);
}

net::Response ProcureIqApi::render_exceeded(const model::ApiKey& key, Timestamp now) const {
  net::Response response = render(429, "rate_limited", "Rate limit exceeded");
  add_rate_limit(response, key, now);
  // What is full: a full day is longer than a full hour.
  Timestamp again_at = now;
  for (const net::Quota::State& state : quota_.states(key.id.uuid(), now)) {
    if (state.remaining() <= 0) again_at = std::max(again_at, state.ends_at);
  }
  const auto wait = std::chrono::ceil<std::chrono::seconds>(again_at - now);
  response.headers.push_back({"Retry-After", std::to_string(wait.count())});
  return response;
}

std::string ProcureIqApi::rate_limit_status(const model::ApiKey& key, Timestamp now) const {
  std::string data;
  ObjectText object(data);
  for (const net::Quota::State& state : quota_.states(key.id.uuid(), now)) {
    ObjectText(object.member(state.length == std::chrono::hours(1) ? "hourly" : "daily"))
        .add("limit", state.calls_max)
        .add("used", state.made)
        .add("remaining", state.remaining())
        .add("reset", unix_seconds(state.ends_at))
        .end();
  }
  object.end();
  std::string answer;
  ObjectText(answer).add("success", true).add_json("data", data).end();
  return answer;
}

void ProcureIqApi::add_rate_limit(net::Response& response, const model::ApiKey& key,
                                  Timestamp now) const {
  const auto states = quota_.states(key.id.uuid(), now);
  // The window that will be full first.
  const auto nearest = std::ranges::min_element(states, {}, &net::Quota::State::remaining);
  if (nearest == states.end()) return;
  const auto add = [&](std::string_view name, std::int64_t value) {
    response.headers.push_back({std::string(name), std::to_string(value)});
  };
  add("X-RateLimit-Limit", nearest->calls_max);
  add("X-RateLimit-Remaining", nearest->remaining());
  add("X-RateLimit-Reset", unix_seconds(nearest->ends_at));
}

}  // namespace waybill::surfaces::procureiq
