// ProcureIQ's API of webhooks, /api/v1: what platforms.md §2.2 and §2.4 say of it, as
// docs/platforms/procureiq.md reads them.
//
//   POST, GET                /webhooks
//   GET, PATCH, PUT, DELETE  /webhooks/{webhook}
//   POST                     /webhooks/{webhook}/test
//   GET                      /webhooks/{webhook}/deliveries
//   POST                     /webhooks/{webhook}/deliveries/{delivery}/replay
//   GET                      /me/rate-limit-status
//
// Success is {"success": true, "data": …}, an error {"success": false, "error": a sentence}; our
// stable word for it is in the header X-Error-Code. Every answer to a key tells by X-RateLimit-*
// how many calls it has left.
//
// Used from the thread of the io_context only.

#pragma once

#include "net/quota.h"
#include "net/router.h"
#include "surfaces/native/native_api.h"
#include "surfaces/procureiq/operations.h"

namespace waybill::surfaces::procureiq {

// Of each key; 0: any number.
struct Limits {
  int calls_per_hour = 100;
  int calls_per_day = 1'000;
};

class ProcureIqApi {
 public:
  // `services` outlives it.
  ProcureIqApi(const native::Services& services, const Limits& limits);

  // The API outlives the router.
  void add_routes(net::Router& router);

  static net::Response render_error(const Error& error);
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  Task<net::Response> answer(const Operation& operation, net::Request& request);
  Task<Result<native::Reply>> serve(const Operation& operation, native::Call& call);
  net::Response render_exceeded(const model::ApiKey& key, Timestamp now) const;
  // How many calls the key has made and may make.
  std::string rate_limit_status(const model::ApiKey& key, Timestamp now) const;
  void add_rate_limit(net::Response& response, const model::ApiKey& key, Timestamp now) const;

  const native::Services& services_;
  net::Quota quota_;
};

}  // namespace waybill::surfaces::procureiq
