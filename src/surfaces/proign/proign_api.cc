#include "surfaces/proign/proign_api.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/json_text.h"
#include "surfaces/api_key_text.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::proign {
namespace {

using native::Call;
using native::Reply;

constexpr std::array<std::string_view, 2> kAddresses = {"/api/{tenant}", "/{tenant}/events/api"};

// What PROIGN calls an error that we call "key_unknown".
std::string code_of(std::string_view reason) {
  std::string code(reason);
  for (char& c : code) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return code;
}

net::Response render(int status, std::string_view reason, std::string_view message) {
  std::string body;
  // A message may quote what a caller sent, cut in the middle of a character.
  ObjectText(body).add("error", replace_invalid_utf8(message)).add("code", code_of(reason)).end();
  net::Response response = net::Response::json(status, std::move(body));
  response.error_code = reason;
  return response;
}

// PROIGN's pages know neither 409 nor 415.
int status_of(const Error& error) {
  if (error.code == Code::kConflict || error.code == Code::kUnsupported) return 400;
  return net::status_of(error);
}

// `retry_after`: when what is not possible now may be.
net::Response render(const Error& error, std::chrono::seconds retry_after) {
  if (error.code == Code::kInternal) {
    return render(500, "internal", "Something is wrong inside the hub; its log says what.");
  }
  net::Response response = render(status_of(error), error.reason, told_with_path(error));
  if (error.code == Code::kUnavailable) {
    response.headers.push_back({"Retry-After", std::to_string(retry_after.count())});
  }
  return response;
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"POST", "/subscriptions", create_subscription},
      {"GET", "/subscriptions", list_subscriptions, {"limit", "offset"}},
      {"GET", "/subscriptions/{subscription}", get_subscription},
      {"DELETE", "/subscriptions/{subscription}", delete_subscription},
      {"POST", "/subscriptions/{subscription}/test", test_subscription},
      {"GET", "/subscriptions/{subscription}/deliveries", list_deliveries, {"limit", "offset"}},
      {"POST", "/events", publish_event},
      {"GET", "/events", list_events, {"limit", "offset", "type", "since", "until"}},
      {"GET", "/events/{event}", get_event},
      {"POST", "/events/{event}/replay", replay_event},
  };
  return all;
}

ProignApi::ProignApi(const native::Services& services, const Limits& limits)
    : services_(services),
      reads_({{std::chrono::minutes(1), limits.reads_per_minute}}),
      writes_({{std::chrono::minutes(1), limits.writes_per_minute}}) {}

void ProignApi::add_routes(net::Router& router) {
  for (const std::string_view address : kAddresses) {
    for (const Operation& operation : operations()) {
      router.add(
          {std::string(operation.method), std::string(address) + std::string(operation.path),
           [this, &operation](net::Request& request) { return answer(operation, request); }});
    }
  }
}

bool ProignApi::serves(std::string_view path) {
  if (path.starts_with("/api/")) return true;
  const std::size_t tenant_end = path.find('/', 1);
  return tenant_end != std::string_view::npos &&
         path.substr(tenant_end).starts_with("/events/api/");
}

net::Response ProignApi::render_error(const Error& error) {
  return render(error, std::chrono::seconds(1));
}

net::Response ProignApi::render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, render);
}

Task<Result<std::shared_ptr<const model::ApiKey>>> ProignApi::authenticate(
    const net::Request& request) {
  std::string text(api_key_text(request));
  auto key = co_await services_.keys.find(request, std::move(text), model::KeyPlatform::kProign);
  if (key && (*key)->workspace_slug != request.param("tenant")) {
    co_return fail(Code::kForbidden, "workspace_forbidden",
                   "This key does not belong to this tenant.");
  }
  co_return key;
}

Task<net::Response> ProignApi::answer(const Operation& operation, net::Request& request) {
  const auto key = co_await authenticate(request);
  if (!key) co_return render(key.error(), services_.keys.retry_after(request));
  Call call{services_, request, native::Caller{*key}, (*key)->workspace_id, {}, {}, {}, kDialect};
  call.now = services_.clock.now();
  net::Quota& quota = operation.is_read() ? reads_ : writes_;
  if (!quota.allow(call.workspace_id.uuid(), call.now)) {
    const Timestamp again_at = quota.states(call.workspace_id.uuid(), call.now)[0].ends_at;
    const Error error(Code::kUnavailable, "rate_limited",
                      "This tenant has made as many calls of this kind as it may in a minute.");
    co_return render(error, std::chrono::ceil<std::chrono::seconds>(again_at - call.now));
  }
  auto reply = co_await serve(operation, call);
  if (reply) {
    net::Response response = net::Response::json(reply->status, std::move(reply->body));
    if (reply->replayed) response.headers.push_back({"Idempotent-Replay", "true"});
    co_return response;
  }
  const Error& error = reply.error();
  log_refusal(services_.log, request, operation.path, error);
  co_return render_error(error);
}

Task<Result<Reply>> ProignApi::serve(const Operation& operation, Call& call) {
  auto query = native::QueryReader::read(call.request.query, operation.query, call.now);
  if (!query) co_return fail(query.error());
  call.query = *std::move(query);
  co_return co_await operation.operate(call);
}

}  // namespace waybill::surfaces::proign
