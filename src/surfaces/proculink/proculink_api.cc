#include "surfaces/proculink/proculink_api.h"

#include <utility>

#include "base/json.h"
#include "base/json_text.h"
#include "surfaces/idempotency_key.h"
#include "surfaces/proculink/order_reader.h"
#include "surfaces/refusals.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::proculink {
namespace {

net::Response render(int status, std::string_view code, std::string_view message,
                     std::string_view path) {
  std::string body = R"({"error":)";
  // A message may quote what the caller sent, which need not be UTF-8.
  append_json_string(body, is_utf8(message) ? message : "The request is not valid UTF-8.");
  body += R"(,"code":)";
  append_json_string(body, code);
  if (!path.empty()) {
    body += R"(,"path":)";
    append_json_string(body, path);
  }
  body += '}';
  net::Response response = net::Response::json(status, std::move(body));
  response.error_code = code;
  return response;
}

// Form-encoded bodies are refused; a body that does not say what it is counts as JSON.
Result<void> check_content_type(const net::Request& request) {
  const auto content_type = request.header("Content-Type");
  if (!content_type) return {};
  const std::string type = net::media_type(*content_type);
  if (type == "application/json" || type.ends_with("+json")) return {};
  return fail(Code::kUnsupported, "media_type_unsupported",
              "The body must be raw JSON, sent as application/json.");
}

net::Response render_receipt(const intake::OrderReceipt& receipt) {
  std::string body;
  body.reserve(128);
  ObjectText object(body);
  object.add("id", receipt.id.uuid().text())
      .add("status", model::order_status_name(receipt.status))
      .add("linesCount", receipt.line_count);
  if (receipt.replay) object.add("idempotentReplay", true);
  object.end();
  return net::Response::json(receipt.replay ? 200 : 201, std::move(body));
}

}  // namespace

void ProcuLinkApi::add_routes(net::Router& router) {
  router.add(
      {"GET", "/api/ingress/{slug}/ping", [this](net::Request& request) { return ping(request); }});
  router.add({"POST", "/api/ingress/{slug}/orders",
              [this](net::Request& request) { return post_order(request); }});
}

net::Response ProcuLinkApi::render_error(const Error& error) {
  const int status = net::status_of(error);
  if (error.code == Code::kInternal) {
    return render(status, "internal", "Something is wrong inside the hub; its log says what.", {});
  }
  net::Response response = render(status, error.reason, told(error), error.path);
  if (error.code == Code::kUnavailable) response.headers.push_back({"Retry-After", "1"});
  return response;
}

net::Response ProcuLinkApi::render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, [](int status, std::string_view code, std::string_view message) {
    return render(status, code, message, {});
  });
}

Task<Result<std::shared_ptr<const model::ApiKey>>> ProcuLinkApi::authenticate(
    const net::Request& request) {
  std::string text(request.header("X-ProcuLink-Key").value_or(""));
  auto key = co_await services_.keys.find(request, std::move(text), model::KeyPlatform::kProcuLink);
  if (key && (*key)->workspace_slug != request.param("slug")) {
    co_return fail(Code::kForbidden, "workspace_forbidden",
                   "This key does not belong to this workspace.");
  }
  co_return key;
}

net::Response ProcuLinkApi::refuse(const net::Request& request, const Error& error) const {
  net::Response response = render_error(error);
  set_retry_after(response, services_.keys.retry_after(request));
  return response;
}

Task<net::Response> ProcuLinkApi::ping(const net::Request& request) {
  const auto key = co_await authenticate(request);
  if (!key) co_return refuse(request, key.error());
  std::string body = R"({"status":"ok","workspace":)";
  append_json_string(body, (*key)->workspace_slug);
  body += '}';
  co_return net::Response::json(200, std::move(body));
}

Task<net::Response> ProcuLinkApi::post_order(const net::Request& request) {
  auto receipt = co_await receive_order(request);
  if (receipt) {
    net::Response response = render_receipt(*receipt);
    services_.dispatcher.hand_over(std::move(receipt->accepted));
    co_return response;
  }
  if (receipt.error().code == Code::kInternal) {
    services_.log.error("order_failed", {{"request", request.id},
                                         {"reason", receipt.error().reason},
                                         {"what", receipt.error().message}});
  }
  co_return refuse(request, receipt.error());
}

Task<Result<intake::OrderReceipt>> ProcuLinkApi::receive_order(const net::Request& request) {
  const auto key = co_await authenticate(request);
  if (!key) co_return fail(key.error());
  WAYBILL_CO_TRY(check_content_type(request));
  const auto idempotency = idempotency_key(request);
  if (!idempotency) co_return fail(idempotency.error());
  auto order = read_order(request.body);
  if (!order) co_return fail(order.error());

  order->workspace_id = (*key)->workspace_id;
  order->workspace_slug = (*key)->workspace_slug;
  order->surface = "proculink";
  order->actor = (*key)->id.text();
  order->idempotency_key = *idempotency;
  order->trace = trace_of(request);
  co_return co_await services_.orders.receive(*std::move(order),
                                              services_.dispatcher.lease_terms());
}

}  // namespace waybill::surfaces::proculink
