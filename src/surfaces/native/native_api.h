// Waybill's own management API, /hub/v1: everything the command line does and an operator expects.
//
// Its contract is native/openapi.json, served at /hub/v1/openapi.json; a test compares the two.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/secret_box.h"
#include "delivery/dispatcher.h"
#include "delivery/endpoint_directory.h"
#include "dialect/loader.h"
#include "intake/acceptance.h"
#include "intake/recovery.h"
#include "net/egress_guard.h"
#include "net/router.h"
#include "store/backup.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/source_directory.h"

namespace waybill::surfaces {
class WooCommerceReconciler;
}

namespace waybill::surfaces::native {

// What the API works with. Everything outlives it.
struct Services {
  Clock& clock;
  Log& log;
  IdGenerator& ids;
  store::Database& database;
  const dialect::DialectRegistry& dialects;
  const crypto::SecretBox& secret_box;
  const intake::Acceptance& acceptance;
  const intake::Recovery& recovery;
  delivery::Dispatcher& dispatcher;
  delivery::EndpointDirectory& endpoints;
  KeyDirectory& keys;
  SourceDirectory& sources;
  const net::EgressGuard& guard;
  store::Backup& backup;
  crypto::Digest admin_token_hash;
  bool allow_insecure_endpoints = false;  // http:// where a dialect demands https.
  bool serves_tls = false;                // What it is reached by is https://.
  std::string version;
  std::vector<std::string> dangerous_settings = {};  // Names, for getStatus.
  std::function<void()> replay_created = nullptr;    // Called after the commit. May be empty.
  WooCommerceReconciler* woocommerce = nullptr;      // A running hub has one.
};

class NativeApi {
 public:
  explicit NativeApi(Services services);
  ~NativeApi();

  void add_routes(net::Router& router);

  // Calls that wait for something to come are answered now, and none waits any more.
  void begin_stop();

  // What it works with, for the other surfaces that do what it does in a platform's words.
  const Services& services() const;

  // Calls that were answered with what an earlier one with their Idempotency-Key had made.
  std::uint64_t replays() const;

  // How this surface writes an error: a problem document (RFC 9457).
  static net::Response render_error(const Error& error);
  // The same for what the router found no handler for: 404, or 405 with Allow.
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::surfaces::native
