// The statements that list deliveries: for the files of this folder that hold SQL about them.

#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "store/deliveries.h"
#include "store/delivery_rows.h"
#include "store/page.h"

// Of a message: by either of its events. Of one EXISTS with an OR, SQLite makes a walk over all
// messages for each delivery, and so it does of an equation with the second.
#define WAYBILL_MESSAGE_WITH(condition)                                              \
  "EXISTS (SELECT 1 FROM messages m WHERE m.workspace_id = deliveries.workspace_id " \
  "AND " condition " AND "
#define WAYBILL_BY_RECEIVED WAYBILL_MESSAGE_WITH("m.id = deliveries.event_id")
#define WAYBILL_BY_FETCHED \
  WAYBILL_MESSAGE_WITH("m.fetched_event_id BETWEEN deliveries.event_id AND deliveries.event_id")

namespace waybill::store::deliveries {

inline constexpr std::string_view kSelect = "SELECT " WAYBILL_DELIVERY_COLUMNS " FROM deliveries";

inline bool is_owed(model::DeliveryState state) {
  return state == model::DeliveryState::kPending || state == model::DeliveryState::kDelivering ||
         state == model::DeliveryState::kRetrying;
}

// Calls `use` with the statement for what passes `filter`.
template <class Use>
auto select(const model::WorkspaceId& workspace, const Filter& filter, Use use,
            std::string_view columns = kSelect) {
  Select select(columns);
  select.where("workspace_id =", workspace);
  select.where_if("endpoint_id =", filter.endpoint);
  if (filter.state == model::DeliveryState::kDropped) {
    // As a literal, so that the index of dead letters serves.
    select.where("state = 'dropped' AND workspace_id =", workspace);
  } else if (filter.state) {
    select.where("state =", model::delivery_state_name(*filter.state));
    // Few among all that were ever made: found by the index of what is due.
    if (is_owed(*filter.state)) {
      select.where("id IN (SELECT id FROM deliveries WHERE due_at IS NOT NULL AND workspace_id =",
                   workspace, ")");
      // A plain one would have SQLite walk the primary key instead.
      select.bound_by("COALESCE(id, id) <");
    }
  }
  select.where_if("event_type =", filter.event_type);
  if (filter.source) {
    select.where(
        "endpoint_id IN (SELECT e.id FROM endpoints e "
        "WHERE e.workspace_id = deliveries.workspace_id AND e.source_id =",
        *filter.source, ")");
  }
  const auto of_message = [&](std::string_view column, const std::string& value) {
    // The same parameter twice.
    const std::string number = std::to_string(select.params().size() + 1);
    const std::string received = fmt::format("(" WAYBILL_BY_RECEIVED "m.{} =", column);
    select.where(received, value,
                 fmt::format(") OR " WAYBILL_BY_FETCHED "m.{} = ${}))", column, number));
  };
  if (filter.message_type) of_message("type", *filter.message_type);
  if (filter.external_id) of_message("external_id", *filter.external_id);
  const auto since = filter.since.transform(Uuid::lowest_at);
  const auto until = filter.until.transform(Uuid::lowest_at);
  select.where_if("id >=", since);
  select.where_if("id <", until);
  return use(select);
}

}  // namespace waybill::store::deliveries
