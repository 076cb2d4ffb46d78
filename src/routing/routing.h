// Which endpoints an event goes to: a pure function of the event and of the workspace's
// subscriptions.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/loader.h"
#include "store/endpoints.h"

namespace waybill::routing {

struct Plan {
  std::vector<const store::endpoints::Subscription*> matched;  // In the order given.
  // Why nothing matched, for whoever wonders where an event went. Empty if something did.
  std::optional<std::string> unmatched_reason;
};

// An endpoint matches if its dialect knows the event, and it subscribes to "*" or to the dialect's
// name of the event. Paused and deactivated endpoints match too: they collect. The plan points into
// `subscriptions`.
Plan plan(std::string_view canonical_type,
          std::span<const store::endpoints::Subscription> subscriptions,
          const dialect::DialectRegistry& dialects);

}  // namespace waybill::routing
