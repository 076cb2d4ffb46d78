#include "surfaces/peptideclients/read_api.h"

#include <string>
#include <utility>

#include "surfaces/api_key_text.h"
#include "surfaces/peptideclients/errors.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::peptideclients {
namespace {

using native::Call;
using native::Reply;
using reads::Access;
using reads::Operation;

// Its Idempotency-Keys are not those of another surface.
constexpr std::string_view kDoor = "peptideclients/v1";

Result<void> check_scope(const model::ApiKey& key, Access access) {
  if (key.allows("read_write") || (access == Access::kRead && key.allows("read_only"))) return {};
  return fail(Code::kForbidden, "scope_missing",
              access == Access::kRead ? "This key may read nothing."
                                      : "This needs a key with the scope read_write.");
}

}  // namespace

const std::vector<Operation>& reads::operations() {
  static const std::vector<Operation> all = {
      {"GET", "/v1/health", "getHealth", Access::kAnyone, get_health},
      {"GET", "/v1/openapi.json", "getOpenApi", Access::kAnyone, get_openapi},
      {"GET", "/v1/orders", "listOrders", Access::kRead, list_orders},
      {"GET", "/v1/orders/{order}", "getOrder", Access::kRead, get_order},
      {"GET", "/v1/vendors", "listVendors", Access::kRead, list_vendors},
      {"GET", "/v1/vendors/{vendor}", "getVendor", Access::kRead, get_vendor},
      {"GET", "/v1/clients", "listClients", Access::kRead, list_clients},
      {"GET", "/v1/products", "listProducts", Access::kRead, list_products},
      {"GET", "/v1/products/{product}", "getProduct", Access::kRead, get_product},
      {"POST", "/v1/webhooks/test/{endpoint}", "testWebhook", Access::kWrite, test_webhook},
  };
  return all;
}

void ReadApi::add_routes(net::Router& router) {
  for (const Operation& operation : reads::operations()) {
    router.add({std::string(operation.method), std::string(operation.path),
                [this, &operation](net::Request& request) { return answer(operation, request); }});
  }
}

Task<Result<KeyDirectory::Key>> ReadApi::authenticate(const net::Request& request) {
  std::string text(bearer_token(request));
  auto key =
      co_await services_.keys.find(request, std::move(text), model::KeyPlatform::kPeptideClients);
  if (key && (*key)->kind != model::KeyKind::kPublic) {
    co_return fail(Code::kUnauthenticated, "key_unknown",
                   "This key is for the integration API, not for this one.");
  }
  co_return key;
}

Task<net::Response> ReadApi::answer(const Operation& operation, const net::Request& request) {
  auto reply = co_await serve(operation, request);
  if (!reply) {
    const Error& error = reply.error();
    log_refusal(services_.log, request, operation.id, error);
    net::Response response = render_error(error);
    if (error.reason == "rate_limited") {
      set_retry_after(response, services_.keys.retry_after(request));
    }
    co_return response;
  }
  net::Response response = net::Response::json(reply->status, std::move(reply->body));
  if (reply->replayed) response.headers.push_back({"Idempotent-Replay", "true"});
  // Answers hold what clients are called and where they are reached.
  if (operation.access != Access::kAnyone)
    response.headers.push_back({"Cache-Control", "no-store"});
  co_return response;
}

Task<Result<Reply>> ReadApi::serve(const Operation& operation, const net::Request& request) {
  Call call{services_, request, {}, {}, {}, services_.clock.now(), {}, kDoor};
  if (operation.access != Access::kAnyone) {
    auto key = co_await authenticate(request);
    if (!key) co_return fail(key.error());
    WAYBILL_CO_TRY(check_scope(**key, operation.access));
    call.workspace_id = (*key)->workspace_id;
    call.caller = native::Caller{*std::move(key)};
  }
  co_return co_await operation.operate(call);
}

}  // namespace waybill::surfaces::peptideclients
