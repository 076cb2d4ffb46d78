#include "surfaces/peptideclients/integration_api.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "store/database.h"
#include "store/idempotency.h"
#include "store/list_clock.h"
#include "store/stores.h"
#include "surfaces/api_key_text.h"
#include "surfaces/idempotency_key.h"
#include "surfaces/peptideclients/errors.h"
#include "surfaces/peptideclients/pc_signature.h"
#include "surfaces/refusals.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::peptideclients {
namespace {

namespace idempotency = store::idempotency;

constexpr std::size_t kStoresMax = 10'000;  // Remembered; then all are forgotten at once.
constexpr std::string_view kIdempotencyScope = "peptideclients";

// What the Idempotency-Key of a request stands for.
struct Claim {
  idempotency::Key key;
  crypto::Digest fingerprint;  // Of the body.
};

// Of the API key, method and path (A-PC-9).
Result<std::optional<Claim>> read_claim(const net::Request& request, const model::ApiKey& key) {
  const auto name = idempotency_key(request);
  if (!name) return fail(name.error());
  if (!*name) return std::optional<Claim>();
  Claim claim;
  claim.key = {
      key.workspace_id, kIdempotencyScope,
      crypto::hmac_sha256(key.id.bytes(), {request.method, " ", request.path, "\n", **name})};
  claim.fingerprint = crypto::sha256(request.body);
  return std::optional(claim);
}

bool is_json(const net::Request& request) {
  const auto content_type = request.header("Content-Type");
  if (!content_type) return true;
  const std::string type = net::media_type(*content_type);
  return type == "application/json" || type.ends_with("+json");
}

// What the request asks for. The tree of its body is gone then.
Result<Perform> read_request(const Operation& operation, const net::Request& request,
                             const model::ApiKey& key, const model::Store& store) {
  const json::object no_members;
  if (operation.body == BodyRule::kNone ||
      (operation.body == BodyRule::kOptional && request.body.empty())) {
    return operation.read({request, no_members, key, store});
  }
  if (!is_json(request)) {
    return fail(Code::kUnsupported, "media_type_unsupported",
                "The body has to be JSON, with Content-Type: application/json.");
  }
  // One block of memory for most orders.
  std::array<unsigned char, 8 * 1024> block;
  json::monotonic_resource memory(block.data(), block.size());
  const Result<json::value> body = parse_json(request.body, &memory);
  if (!body) return fail(body.error());
  if (!body->is_object()) {
    return fail(Code::kInvalid, "member_type", "The body has to be a JSON object.", "$");
  }
  return operation.read({request, body->get_object(), key, store});
}

// Decided by what is stored, before anything was written: an answer like another. What came of a
// statement that failed is none.
bool is_refusal(const store::Connection& connection, std::int64_t changes_before,
                const Error& error) {
  if (connection.is_broken() || connection.changes_made() != changes_before) return false;
  return error.code == Code::kInvalid || error.code == Code::kNotFound ||
         error.code == Code::kConflict;
}

// The code of an answer that is given again, for the request log.
std::string error_code_in(int status, std::string_view body) {
  if (status < 400) return {};
  const auto value = parse_json(body);
  const json::value* code = value ? value->as_object().if_contains("error") : nullptr;
  return code ? std::string(code->as_string()) : std::string();
}

// What an earlier request with this Idempotency-Key was answered; a refusal if it was another one.
net::Response answer_again(const idempotency::Entry& entry, const Claim& claim) {
  if (entry.fingerprint != claim.fingerprint) {
    return render_error(Error(Code::kConflict, "idempotency_conflict",
                              "This Idempotency-Key came with another body within 24 hours."));
  }
  net::Response response = net::Response::json(entry.status, std::string(as_text(entry.response)));
  response.headers.push_back({"Idempotent-Replay", "true"});
  response.error_code = error_code_in(entry.status, response.body);
  return response;
}

}  // namespace

// One request, read and ready to be performed.
struct IntegrationApi::Call {
  const Operation& operation;
  const net::Request& request;
  const model::ApiKey& key;
  const model::Store& store;
  Perform perform;
  std::optional<Claim> claim;
  intake::LeaseTerms terms;
  Timestamp now{};
};

struct IntegrationApi::Done {
  net::Response response;
  std::vector<intake::Accepted> accepted;
};

void IntegrationApi::add_routes(net::Router& router) {
  router.add({"GET", "/integrations/v1/health", [](net::Request&) -> Task<net::Response> {
                co_return net::Response::json(200, R"({"ok":true})");
              }});
  router.add({"GET", "/integrations/v1/openapi.json", [](net::Request&) -> Task<net::Response> {
                co_return net::Response::json(200, std::string(integration_openapi()[0].text));
              }});
  for (const Operation& operation : operations()) {
    router.add({std::string(operation.method), std::string(operation.path),
                [this, &operation](net::Request& request) { return answer(operation, request); }});
  }
}

Task<net::Response> IntegrationApi::answer(const Operation& operation, net::Request& request) {
  auto key = co_await authenticate(operation, request);
  if (!key) {
    log_refusal(services_.log, request, operation.id, key.error());
    if (key.error().reason == "rate_limited") {
      co_return render_error(key.error(), services_.keys.retry_after(request));
    }
    co_return render_error(key.error());
  }
  auto response = co_await serve(operation, request, *std::move(key));
  if (response) co_return *std::move(response);
  log_refusal(services_.log, request, operation.id, response.error());
  co_return render_error(response.error());
}

Task<Result<IntegrationApi::Key>> IntegrationApi::authenticate(const Operation& operation,
                                                               const net::Request& request) {
  if (request.header("Authorization").value_or("").empty()) {
    co_return fail(Code::kUnauthenticated, "key_missing",
                   "The request carries no key; send Authorization: Bearer pck_int_….");
  }
  std::string text(bearer_token(request));
  if (text.empty()) co_return fail(Code::kUnauthenticated, "key_unknown", "This is no key.");
  auto key =
      co_await services_.keys.find(request, std::move(text), model::KeyPlatform::kPeptideClients);
  if (!key) co_return fail(key.error());
  const model::ApiKey& found = **key;
  if (found.kind != model::KeyKind::kIntegration || !found.store_id) {
    co_return fail(Code::kUnauthenticated, "key_unknown", "This is a key of the other half.");
  }
  WAYBILL_CO_TRY(check_pc_signature(request.header(kSignatureHeader), request.body, found,
                                    services_.clock.now(), services_.clock.wall_now()));
  if (!operation.scope.empty() && !found.allows(operation.scope)) {
    co_return fail(Code::kForbidden, "scope_missing",
                   fmt::format("This needs a key with the scope {}.", operation.scope));
  }
  co_return *std::move(key);
}

Task<Result<std::shared_ptr<const model::Store>>> IntegrationApi::store_of(Key key) {
  const model::StoreId id = *key->store_id;
  if (const auto known = stores_.find(id); known != stores_.end()) co_return known->second;
  auto found = co_await services_.database.read([&](store::Connection& connection) {
    return store::stores::find(connection, key->workspace_id, id.text());
  });
  if (!found) co_return fail(found.error());
  if (!*found) co_return fail(Code::kInternal, "store_missing", "The store of a key is not there.");
  auto store = std::make_shared<const model::Store>(**std::move(found));
  if (stores_.size() >= kStoresMax) stores_.clear();
  stores_.emplace(id, store);
  co_return store;
}

Task<Result<net::Response>> IntegrationApi::serve(const Operation& operation,
                                                  const net::Request& request, Key key) {
  const auto store = co_await store_of(key);
  if (!store) co_return fail(store.error());
  auto claim = read_claim(request, *key);
  if (!claim) co_return fail(claim.error());
  auto perform_it = read_request(operation, request, *key, **store);
  if (!perform_it) co_return fail(perform_it.error());
  const Call call{operation,
                  request,
                  *key,
                  **store,
                  *std::move(perform_it),
                  *std::move(claim),
                  services_.dispatcher.lease_terms(),
                  services_.clock.now()};
  const auto unit = [&](store::Connection& connection) { return perform(connection, call); };
  auto done = operation.is_read()
                  ? co_await services_.database.read(unit)
                  : co_await services_.database.run(unit, store::Priority::kNew,
                                                    store::list_clock::order_of(key->workspace_id));
  if (!done) co_return fail(done.error());
  for (intake::Accepted& accepted : done->accepted) {
    services_.dispatcher.hand_over(std::move(accepted));
  }
  co_return std::move(done->response);
}

Result<IntegrationApi::Done> IntegrationApi::perform(store::Connection& connection,
                                                     const Call& call) const {
  const model::WorkspaceId& workspace = call.key.workspace_id;
  intake::SalesUnit sales(connection, services_.acceptance, services_.ids, call.terms, workspace,
                          call.now, trace_of(call.request));
  // From here on the workspace is this unit's alone: of two twins, the later one finds the answer.
  if (!call.operation.is_read()) WAYBILL_TRY(sales.begin());
  if (call.claim) {
    auto earlier = idempotency::find(connection, call.claim->key, call.now);
    if (!earlier) return fail(earlier.error());
    if (*earlier) return Done{answer_again(**earlier, *call.claim), {}};
  }
  Done done;
  Work work{connection, sales, call.store};
  const std::int64_t changes_before = connection.changes_made();
  auto answer = call.perform(work);
  if (answer) {
    done.response = net::Response::json(answer->status, std::move(answer->body));
    done.accepted = sales.take_accepted();
  } else if (is_refusal(connection, changes_before, answer.error())) {
    done.response = render_error(answer.error());
  } else {
    return fail(answer.error());
  }
  if (call.claim) {
    const ByteView body = as_bytes(done.response.body);
    const idempotency::Entry entry{call.claim->fingerprint, done.response.status,
                                   Bytes(body.begin(), body.end())};
    const auto other = idempotency::claim(connection, call.claim->key, entry, call.now);
    if (!other) return fail(other.error());
    if (*other) {
      return fail(Code::kUnavailable, "idempotency_overtaken",
                  "Another request with this Idempotency-Key was first; try again.");
    }
  }
  return done;
}

}  // namespace waybill::surfaces::peptideclients
