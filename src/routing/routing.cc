#include "routing/routing.h"

#include <algorithm>

#include <fmt/format.h>

namespace waybill::routing {
namespace {

// Why one endpoint does not match, from the worst reason to the nearest miss.
enum class Miss { kNoEndpoint, kUnknownToDialect, kNotSubscribed };

std::string reason(Miss nearest, std::string_view type) {
  switch (nearest) {
    case Miss::kNoEndpoint: return "The workspace has no endpoint.";
    case Miss::kUnknownToDialect:
      return fmt::format("No endpoint's dialect has an event for {}.", type);
    case Miss::kNotSubscribed: return fmt::format("No endpoint subscribes to {}.", type);
  }
  return {};
}

}  // namespace

Plan plan(std::string_view canonical_type,
          std::span<const store::endpoints::Subscription> subscriptions,
          const dialect::DialectRegistry& dialects) {
  Plan plan;
  Miss nearest = Miss::kNoEndpoint;
  for (const auto& subscription : subscriptions) {
    const dialect::Dialect* dialect = dialects.find(subscription.dialect);
    const auto event = dialect ? dialect->event_type_for(canonical_type) : std::nullopt;
    if (!event) {
      nearest = std::max(nearest, Miss::kUnknownToDialect);
      continue;
    }
    const bool subscribed =
        std::any_of(subscription.event_types.begin(), subscription.event_types.end(),
                    [&](const std::string& type) { return type == "*" || type == event->name; });
    if (subscribed) {
      plan.matched.push_back(&subscription);
    } else {
      nearest = Miss::kNotSubscribed;
    }
  }
  if (plan.matched.empty()) plan.unmatched_reason = reason(nearest, canonical_type);
  return plan;
}

}  // namespace waybill::routing
