// ProcuLink's ingress API, /api/ingress/{slug}: R-PL-7 to R-PL-19, and A-PL-7 to A-PL-10 as
// docs/platforms/proculink.md reads them.
//
//   GET  …/ping     does this key belong to this workspace?
//   POST …/orders   an order, exactly once
//
// Errors are {"error": a sentence, "code": a stable word, "path": where in the body, if anywhere}.

#pragma once

#include "base/log.h"
#include "base/task.h"
#include "delivery/dispatcher.h"
#include "intake/order_intake.h"
#include "net/router.h"
#include "surfaces/key_directory.h"

namespace waybill::surfaces::proculink {

// What the API works with. Everything outlives it.
struct Services {
  Log& log;
  KeyDirectory& keys;
  intake::OrderIntake& orders;
  delivery::Dispatcher& dispatcher;
};

class ProcuLinkApi {
 public:
  explicit ProcuLinkApi(Services services) : services_(services) {}

  // The API outlives the router.
  void add_routes(net::Router& router);

  static net::Response render_error(const Error& error);
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  // The key, if it belongs to the workspace of the path.
  // Fails with kUnauthenticated (as KeyDirectory::find()), or with kForbidden
  // (workspace_forbidden), which says nothing of whether there is such a workspace (A-PL-9).
  Task<Result<std::shared_ptr<const model::ApiKey>>> authenticate(const net::Request& request);
  net::Response refuse(const net::Request& request, const Error& error) const;
  Task<net::Response> ping(const net::Request& request);
  Task<net::Response> post_order(const net::Request& request);
  Task<Result<intake::OrderReceipt>> receive_order(const net::Request& request);

  Services services_;
};

}  // namespace waybill::surfaces::proculink
