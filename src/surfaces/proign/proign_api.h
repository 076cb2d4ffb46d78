// PROIGN's API of subscriptions and events: R-PG-1 to R-PG-7, and what its pages say of answers,
// errors, keys and limits, as docs/platforms/proign.md reads them.
//
//   POST, GET    …/subscriptions             GET, DELETE  …/subscriptions/{subscription}
//   POST         …/{subscription}/test       GET          …/{subscription}/deliveries
//   POST, GET    …/events                    GET          …/events/{event}
//   POST         …/events/{event}/replay
//
// … is /api/{tenant} or /{tenant}/events/api: the same resources (A-PG-5).
//
// Success is {"data": …}, with "pagination" for lists; errors are {"error": a sentence, "code": a
// stable word}.
//
// Used from the thread of the io_context only.

#pragma once

#include <string>
#include <string_view>

#include "net/quota.h"
#include "net/router.h"
#include "surfaces/native/native_api.h"
#include "surfaces/proign/operations.h"

namespace waybill::surfaces::proign {

// Of each tenant, in each minute; 0: any number.
struct Limits {
  int reads_per_minute = 100;
  int writes_per_minute = 30;
};

class ProignApi {
 public:
  // `services` outlives it.
  ProignApi(const native::Services& services, const Limits& limits);

  // The API outlives the router.
  void add_routes(net::Router& router);

  // Whether a path is an address of this API, if there is anything there at all.
  static bool serves(std::string_view path);
  static net::Response render_error(const Error& error);
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  Task<net::Response> answer(const Operation& operation, net::Request& request);
  Task<Result<native::Reply>> serve(const Operation& operation, native::Call& call);
  // The key, if it belongs to the tenant of the path.
  // Fails as KeyDirectory::find(), or with kForbidden (workspace_forbidden), which says nothing of
  // whether there is such a tenant.
  Task<Result<std::shared_ptr<const model::ApiKey>>> authenticate(const net::Request& request);

  const native::Services& services_;
  net::Quota reads_;
  net::Quota writes_;
};

}  // namespace waybill::surfaces::proign
