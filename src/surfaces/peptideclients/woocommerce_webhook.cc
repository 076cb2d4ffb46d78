#include "surfaces/peptideclients/woocommerce_webhook.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json_text.h"
#include "net/http.h"
#include "surfaces/peptideclients/errors.h"
#include "surfaces/refusals.h"
#include "surfaces/request_trace.h"
#include "surfaces/woocommerce_orders.h"

namespace waybill::surfaces::peptideclients {
namespace {

constexpr std::array<std::string_view, 3> kOrderTopics = {"order.created", "order.updated",
                                                          "order.restored"};

std::string text_of(const net::Request& request, std::string_view header) {
  return std::string(request.header(header).value_or(""));
}

// Both spellings (W-2). It is a hash of the webhook and the second, and identifies nothing (W-4).
std::string delivery_id(const net::Request& request) {
  std::string id = text_of(request, "X-WC-Webhook-Delivery-ID");
  return id.empty() ? text_of(request, "X-WC-Delivery-ID") : id;
}

net::Response answer_ok(std::string_view outcome) {
  std::string body;
  ObjectText(body).add("ok", true).add("outcome", outcome).end();
  return net::Response::json(200, std::move(body));
}

}  // namespace

bool is_creation_ping(const net::Request& request) {
  constexpr std::string_view kBegin = "webhook_id=";
  constexpr std::size_t kDigitsMax = 20;
  const std::string_view body = request.body;
  if (!body.starts_with(kBegin) || request.header("X-WC-Webhook-Signature")) return false;
  const std::string_view digits = body.substr(kBegin.size());
  return !digits.empty() && digits.size() <= kDigitsMax &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

void WooCommerceWebhook::add_routes(net::Router& router) {
  router.add(
      {"POST", std::string(kPath), [this](net::Request& request) { return answer(request); }});
}

Task<net::Response> WooCommerceWebhook::answer(net::Request& request) {
  if (is_creation_ping(request)) {
    co_return net::Response::json(200, R"({"ok":true})");
  }
  const auto key = co_await authenticate(request);
  if (!key) co_return refuse(request, key.error());
  const std::string topic = text_of(request, "X-WC-Webhook-Topic");
  const bool is_order =
      topic.empty() || std::ranges::find(kOrderTopics, topic) != kOrderTopics.end();
  if (!is_order) co_return note(request, "", "the topic is none of the hub's");
  const auto taken = co_await take_in(request, **key);
  if (taken) co_return answer_ok(intake::outcome_name(taken->outcome));
  if (is_of_hub(taken.error())) co_return refuse(request, taken.error());
  // The order is not lost to the shop: the reconciliation asks for it again.
  log_refusal(log_, request, "woocommerce", taken.error());
  co_return note(request, taken.error().reason, told_with_path(taken.error()));
}

Task<Result<WooCommerceKeys::Key>> WooCommerceWebhook::authenticate(const net::Request& request) {
  auto keys = co_await directory_.woocommerce_keys();
  if (!keys) co_return fail(keys.error());
  WooCommerceKeys::Signed said;
  said.source = text_of(request, "X-WC-Webhook-Source").substr(0, 500);
  said.peer = request.peer;
  said.body = request.body;
  said.signature = text_of(request, "X-WC-Webhook-Signature");
  auto key = co_await keys_.find(*std::move(keys), std::move(said), clock_.now());
  if (!key) co_return fail(key.error());
  WAYBILL_CO_TRY(directory_.admit(request, **key));
  co_return *std::move(key);
}

Task<Result<intake::TakenIn>> WooCommerceWebhook::take_in(const net::Request& request,
                                                          const model::ApiKey& key) {
  if (!key.store_id) {
    co_return fail(Code::kInternal, "key_without_store", "The key belongs to no store.");
  }
  const auto body = parse_json(request.body);
  if (!body) co_return fail(body.error());
  if (!body->is_object()) {
    co_return fail(Code::kInvalid, "order_id_missing", "The body is no JSON object.", "$");
  }
  co_return co_await orders_.take_in(key.workspace_id, *key.store_id,
                                     key.source.empty() ? "woocommerce" : key.source,
                                     body->get_object(), trace_of(request));
}

net::Response WooCommerceWebhook::refuse(const net::Request& request, const Error& error) {
  log_refusal(log_, request, "woocommerce", error);
  if (error.reason == "rate_limited") return render_error(error, directory_.retry_after(request));
  return render_error(error);
}

net::Response WooCommerceWebhook::note(const net::Request& request, std::string_view reason,
                                       std::string_view what) {
  log_.info("woocommerce_noted", {{"request", request.id},
                                  {"topic", text_of(request, "X-WC-Webhook-Topic")},
                                  {"delivery", delivery_id(request)},
                                  {"reason", reason},
                                  {"what", what}});
  net::Response response = answer_ok("noted");
  response.error_code = reason;
  return response;
}

}  // namespace waybill::surfaces::peptideclients
