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

// An operator's own file may say nothing of receiving: then there is no ping, and no topic.
dialect::ReceiptRules rules_of(const dialect::DialectRegistry& dialects) {
  const dialect::Dialect* woocommerce = dialects.find("woocommerce");
  const bool receives = woocommerce && woocommerce->receipt;
  return receives ? *woocommerce->receipt : dialect::ReceiptRules();
}

net::Response answer_ok(std::string_view outcome) {
  std::string body;
  ObjectText(body).add("ok", true).add("outcome", outcome).end();
  return net::Response::json(200, std::move(body));
}

}  // namespace

WooCommerceWebhook::WooCommerceWebhook(const Clock& clock, Log& log,
                                       const dialect::DialectRegistry& dialects, KeyDirectory& keys,
                                       WooCommerceOrders& orders)
    : clock_(clock), log_(log), rules_(rules_of(dialects)), directory_(keys), orders_(orders) {}

void WooCommerceWebhook::add_routes(net::Router& router) {
  router.add(
      {"POST", std::string(kPath), [this](net::Request& request) { return answer(request); }});
}

Task<net::Response> WooCommerceWebhook::answer(net::Request& request) {
  const dialect::ReceivedRequest received(request.headers, request.body);
  if (const dialect::PingRule* ping = dialect::find_ping(rules_, received, /*is_signed=*/false)) {
    Result<std::string> body = dialect::render_answer(ping->answer, received);
    if (!body) co_return refuse(request, body.error());
    co_return net::Response::json(ping->answer.status, *std::move(body));
  }
  const auto key = co_await authenticate(request);
  if (!key) co_return refuse(request, key.error());
  const auto said = dialect::read_message(rules_, received);
  if (!said) co_return note(request, {}, said.error().reason, told_with_path(said.error()));
  const bool is_order =
      said->type.empty() || std::ranges::find(kOrderTopics, said->type) != kOrderTopics.end();
  if (!is_order) co_return note(request, *said, "", "the topic is none of the hub's");
  const auto taken = co_await take_in(request, **key);
  if (taken) co_return answer_ok(intake::outcome_name(taken->outcome));
  if (is_of_hub(taken.error())) co_return refuse(request, taken.error());
  // The order is not lost to the shop: the reconciliation asks for it again.
  log_refusal(log_, request, "woocommerce", taken.error());
  co_return note(request, *said, taken.error().reason, told_with_path(taken.error()));
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

net::Response WooCommerceWebhook::note(const net::Request& request,
                                       const dialect::ReceivedMessage& said,
                                       std::string_view reason, std::string_view what) {
  log_.info("woocommerce_noted", {{"request", request.id},
                                  {"topic", said.type},
                                  {"delivery", said.id},
                                  {"reason", reason},
                                  {"what", what}});
  net::Response response = answer_ok("noted");
  response.error_code = reason;
  return response;
}

}  // namespace waybill::surfaces::peptideclients
