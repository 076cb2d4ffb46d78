// SQL of the Endpoint.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/delivery.h"
#include "model/endpoint.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::endpoints {

struct Filter {
  std::optional<model::EndpointState> state;  // Nothing: all but deleted ones.
  std::optional<std::string> dialect;
  std::optional<model::SourceId> source = {};  // Its handlers. Nothing: endpoints, no handlers.
  bool handlers = false;                       // Without a source: the handlers of all of them.
};

Result<void> insert(Connection& connection, const model::Endpoint& endpoint);
// Deleted ones are found too. Fails with kNotFound (endpoint_not_found).
Result<model::Endpoint> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::EndpointId& id);
// The same, so that it can be changed by what was read: whoever else changes it waits until this
// transaction is over.
Result<model::Endpoint> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                       const model::EndpointId& id);
Result<Page<model::Endpoint>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const Filter& filter, const PageRequest& page);
// How many of `dialect` there are: active ones, or all but deleted ones.
enum class Counted { kAll, kActive };
Result<int> count(Connection& connection, const model::WorkspaceId& workspace,
                  std::string_view dialect, Counted counted);
// Whether one of `dialect` has this URL, but for deleted ones and `except`.
Result<bool> has_url(Connection& connection, const model::WorkspaceId& workspace,
                     std::string_view dialect, std::string_view url,
                     const model::EndpointId& except);

// Writes everything but the id, the workspace, the dialect, its order, its channel and source, and
// the time it was made, and
// tells the other nodes (store/changes.h).
// Fails with kNotFound (endpoint_not_found).
Result<void> update(Connection& connection, const model::Endpoint& endpoint);
// Writes failures, state, reason and whether it is failing alone; the other nodes are told if the
// state is not `before`.
Result<void> update_health(Connection& connection, const model::Endpoint& endpoint,
                           model::EndpointState before);

// An attempt has succeeded: what failed before counts no more. Costs next to nothing where nothing
// has.
Result<void> forget_failures(Connection& connection, const model::WorkspaceId& workspace,
                             const model::EndpointId& id);

// What routing needs of every endpoint that collects deliveries.
struct Subscription {
  model::EndpointId id;
  std::string dialect;
  std::vector<std::string> event_types;
  model::EndpointState state = model::EndpointState::kActive;
  std::string filter = {};
  std::optional<model::UserId> owner_id = {};
  std::vector<std::string> owner_roles = {};  // Today's. Of an owner who is gone: none.
  std::optional<model::CoalescingOverride> coalescing = {};
  bool in_order = false;
  // Of a handler (model::Endpoint).
  model::Channel channel = model::Channel::kWebhook;
  std::optional<model::SourceId> source_id = {};
  std::string order_by = {};
};
Result<std::vector<Subscription>> subscriptions(Connection& connection,
                                                const model::WorkspaceId& workspace);

}  // namespace waybill::store::endpoints
