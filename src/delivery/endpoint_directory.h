// The EndpointDirectory knows endpoints as a delivery needs them: with their secrets opened, their
// URL read, and their dialect's rules and their own overrides put together. It remembers what it
// has read.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/secret.h"
#include "base/task.h"
#include "crypto/secret_box.h"
#include "delivery/custom_headers.h"
#include "dialect/loader.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "net/url.h"
#include "store/database.h"

namespace waybill::delivery {

// An endpoint, ready to be sent to. Immutable; replaced when the endpoint changes.
struct Target {
  model::Endpoint endpoint;
  std::string workspace_slug;
  std::string environment;
  net::Url url;
  const dialect::Dialect* dialect = nullptr;  // Null for a handler that signs nothing.
  Secret secret;                              // Empty: none.
  Secret previous_secret;             // Signs beside it until endpoint.secrets.previous_expires_at.
  std::vector<CustomHeader> headers;  // Its own, sent with each request.
  model::RetrySchedule retry;
  std::chrono::milliseconds timeout{0};
  model::Deactivation deactivation;
  Secret channel_settings;  // JSON, of a handler (delivery/channel_settings.h). Empty: none.

  // Those that sign at `now`, newest first.
  std::vector<Secret> secrets_at(Timestamp now) const;
};

// How a handler's deliveries are made unless it says otherwise: again after 30 s, 2 m and 10 m,
// then the dead letter (R-PQ-44).
const dialect::DeliveryRules& handler_delivery_rules();

// Puts an endpoint and its dialect together.
// Fails with kInternal if its secret cannot be opened, kInvalid (dialect_unknown) if its dialect is
// gone.
Result<Target> make_target(model::Endpoint endpoint, const dialect::DialectRegistry& dialects,
                           const crypto::SecretBox& secret_box);

class EndpointDirectory {
 public:
  EndpointDirectory(store::Database& database, const dialect::DialectRegistry& dialects,
                    const crypto::SecretBox& secret_box);

  // Fails with kNotFound (endpoint_not_found), or as make_target() and Database::read().
  Task<Result<std::shared_ptr<const Target>>> find(model::WorkspaceId workspace,
                                                   model::EndpointId endpoint);
  // The endpoint has changed in the store.
  void forget(const model::EndpointId& endpoint);
  // False: what other nodes change may go unheard (store/changes.h), so nothing is remembered;
  // true: it is again, from now on.
  void trust(bool trusted);

 private:
  store::Database& database_;
  const dialect::DialectRegistry& dialects_;
  const crypto::SecretBox& secret_box_;
  std::unordered_map<model::EndpointId, std::shared_ptr<const Target>> known_;
  std::uint64_t forgotten_ = 0;  // Counts forget(), so that a read under way is not remembered.
  bool trusted_ = true;
};

}  // namespace waybill::delivery
