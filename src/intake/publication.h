// What is different about an event that somebody else than the hub publishes: it may be meant for
// some endpoints alone, and its data must be what the receivers it goes to were promised. Events
// that the hub itself makes are right by construction, and not looked at.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "dialect/loader.h"
#include "model/event.h"
#include "store/endpoints.h"

namespace waybill::intake {

struct Publication {
  const json::value* data = nullptr;  // The event's, parsed. Never null; outlives the acceptance.
  // Of the endpoints it matches, only those that speak this dialect, and only this one.
  std::string dialect = {};
  std::optional<model::EndpointId> endpoint = std::nullopt;

  bool is_narrowed() const { return endpoint || !dialect.empty(); }
};

// Leaves those that the publication is meant for. Fails with kNotFound (endpoint_not_found).
Result<void> keep_wanted(const Publication& publication,
                         std::vector<store::endpoints::Subscription>& subscriptions);

// `matched`: the endpoints that the event goes to. Each of their dialects is asked once; the first
// that is promised other data tells so. `data` is the event's, parsed. Pure; any thread.
//
// Fails with kInvalid (event_data_invalid), and the path in the event: "$.data.lines[0].quantity".
Result<void> check_data(const dialect::DialectRegistry& dialects,
                        std::span<const store::endpoints::Subscription* const> matched,
                        const model::Event& event, const json::value& data);

}  // namespace waybill::intake
