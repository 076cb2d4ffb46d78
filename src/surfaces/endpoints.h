// What is done to endpoints, whichever surface it was asked for at and in whatever shape: one
// implementation of each change, with its audit entry and what the hub has to be told of it.
//
// What a caller may ask for is read and judged by native/endpoint_settings.h.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "dialect/dialect.h"
#include "intake/acceptance.h"
#include "model/endpoint.h"
#include "store/connection.h"
#include "surfaces/native/change.h"

namespace waybill::surfaces::endpoints {

// An endpoint that is not stored yet.
struct New {
  model::Endpoint endpoint;
  const dialect::Dialect* dialect = nullptr;
  Secret secret;  // Empty: none.
};

// `wanted` as an endpoint of the call's workspace, with `own` as its secret, or with one that the
// hub makes where its dialect asks for that. Requires: what is wanted has been judged.
New make(const native::Call& call, const dialect::Dialect& dialect, model::Endpoint wanted,
         const std::optional<Secret>& own);

// The following each run inside a unit; the caller gives the change its status and body.

// Fails as native::check_room().
Result<native::Change> add(store::Connection& connection, const native::Call& call,
                           const New& made);

// Writes what a caller has changed of `before`. Says nothing in the log if nothing differs.
// Fails as native::check_url_free(), and with kConflict: dialect_unknown; endpoint_headers_bound if
// headers of its own would go to another host with it.
Result<native::Change> change(store::Connection& connection, const native::Call& call,
                              const model::Endpoint& before, model::Endpoint& after);

// Fails with kConflict (endpoint_not_editable).
Result<void> check_editable(const dialect::Dialect& dialect);

struct Removed {
  native::Change change;
  std::int64_t cancelled_deliveries = 0;
};
// Deletes it, also if it has been before. A handler is none. Fails with kNotFound
// (endpoint_not_found).
Result<Removed> remove(store::Connection& connection, const native::Call& call,
                       const model::EndpointId& id);

// The same of a handler. Fails with kNotFound (handler_not_found).
Result<Removed> remove_handler(store::Connection& connection, const native::Call& call,
                               const model::EndpointId& id);

// Both do nothing to an endpoint, or a handler, that is so already. resume() fails as
// native::check_room() where active ones alone are counted.
Result<native::Change> pause(store::Connection& connection, const native::Call& call,
                             model::Endpoint& endpoint);
Result<native::Change> resume(store::Connection& connection, const native::Call& call,
                              model::Endpoint& endpoint);

// Those of one dialect, by number of page, and how many there are on all pages.
struct Listed {
  std::vector<model::Endpoint> rows;
  std::int64_t total = 0;
};
Result<Listed> list(store::Connection& connection, const native::Call& call,
                    std::string_view dialect, const store::PageRequest& page);

// The event of a test of `endpoint`.
model::Event new_test(const native::Call& call, const model::EndpointId& endpoint);
struct Tested {
  native::Change change;
  model::DeliveryId delivery;
};
// Sends `test` to it, also if it is not active: then it is held.
// Fails with kNotFound (endpoint_not_found), also for a deleted one.
Result<Tested> test(store::Connection& connection, const native::Call& call,
                    const model::EndpointId& endpoint, const model::Event& test,
                    const intake::LeaseTerms& terms);

}  // namespace waybill::surfaces::endpoints
