// PeptideClients' public API, /v1: what was pushed in is read out again (R-PC-22 to R-PC-34).
//
//   GET   /v1/health, /v1/openapi.json                  without a key
//   GET   /v1/orders, /v1/orders/{order}                GET  /v1/clients
//   GET   /v1/vendors, /v1/vendors/{vendor}             GET  /v1/products, /v1/products/{product}
//   POST  /v1/webhooks/test/{endpoint}                  with the scope read_write
//
// Its contract is read_openapi.json, served at /v1/openapi.json; a test compares the two.
//
// Lists are oldest change first, by (updated_at, id). Whoever goes on from the last row they have
// seen is shown everything that has changed since, once for each change: nothing is committed with
// a time at or before one that could be read already (store/list_clock.h).
//
// Used from the thread of the io_context only.

#pragma once

#include "net/router.h"
#include "surfaces/native/native_api.h"
#include "surfaces/peptideclients/read_api_operations.h"

namespace waybill::surfaces::peptideclients {

class ReadApi {
 public:
  // `services` outlives it.
  explicit ReadApi(const native::Services& services) : services_(services) {}

  // The API outlives the router.
  void add_routes(net::Router& router);

 private:
  Task<net::Response> answer(const reads::Operation& operation, const net::Request& request);
  Task<Result<native::Reply>> serve(const reads::Operation& operation, const net::Request& request);
  // The key, if it is one of this half of the API.
  // Fails as KeyDirectory::find(), and with kUnauthenticated (key_unknown).
  Task<Result<KeyDirectory::Key>> authenticate(const net::Request& request);

  const native::Services& services_;
};

}  // namespace waybill::surfaces::peptideclients
