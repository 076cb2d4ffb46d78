// The integration API of PeptideClients, /integrations/v1: shops and middleware put orders,
// payments and clients in (R-PC-1 to R-PC-18, R-PC-21), as docs/platforms/peptideclients.md reads
// them.
//
//   GET  …/health                  GET  …/openapi.json              without a key
//   POST …/orders                  GET  …/orders/by-external/{external_id}
//   POST …/orders/{order}/payments POST …/orders/{order}/cancel
//   POST …/payments/{payment}/refund
//   POST …/clients
//
// A key is pinned to a store: what belongs to another is not there. Its contract is
// peptideclients/integration_openapi.json; errors are as in peptideclients/errors.h.
//
// With an Idempotency-Key, what a request did and the memory of its answer are one transaction: for
// 24 hours the same request gets that answer again, byte for byte, with Idempotent-Replay: true
// (R-PC-13 to R-PC-15). Remembered is what was decided by what is stored, refusals too; not what
// could not be read, was not let in (401, 403, 429) or failed (5xx).
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/embedded.h"
#include "model/trade.h"
#include "net/router.h"
#include "surfaces/native/native_api.h"
#include "surfaces/peptideclients/operations.h"

namespace waybill::surfaces::peptideclients {

// The contract, as it is built into the binary: one file.
std::span<const EmbeddedFile> integration_openapi();

class IntegrationApi {
 public:
  // `services` outlives it.
  explicit IntegrationApi(const native::Services& services) : services_(services) {}

  // The API outlives the router.
  void add_routes(net::Router& router);

 private:
  using Key = std::shared_ptr<const model::ApiKey>;
  struct Call;
  struct Done;

  Task<net::Response> answer(const Operation& operation, net::Request& request);
  // Who calls: the key, if it is one of this API, the request is signed as it demands, and it has
  // the scope. Fails as KeyDirectory::find() and check_pc_signature(), and with kForbidden
  // (scope_missing).
  Task<Result<Key>> authenticate(const Operation& operation, const net::Request& request);
  Task<Result<std::shared_ptr<const model::Store>>> store_of(Key key);
  Task<Result<net::Response>> serve(const Operation& operation, const net::Request& request,
                                    Key key);
  // Inside the unit. What it fails with is not the caller's fault.
  Result<Done> perform(store::Connection& connection, const Call& call) const;

  const native::Services& services_;
  // A store's currency and name for its numbers never change.
  std::unordered_map<model::StoreId, std::shared_ptr<const model::Store>> stores_;
};

}  // namespace waybill::surfaces::peptideclients
