// How a row of deliveries is read: for the files of this folder that hold SQL about them.

#pragma once

#include "base/check.h"
#include "model/delivery.h"
#include "store/connection.h"

// In the order that read() takes them.
#define WAYBILL_DELIVERY_COLUMNS                                                      \
  "id, workspace_id, event_id, endpoint_id, event_type, kind, state, attempts_made, " \
  "attempts_before_retry, due_at, created_at, finished_at, in_order, order_key, reason"

namespace waybill::store::deliveries {

inline model::Delivery read(const Row& row) {
  model::Delivery delivery;
  delivery.id = row.id<model::DeliveryId>(0);
  delivery.workspace_id = row.id<model::WorkspaceId>(1);
  delivery.event_id = row.id<model::EventId>(2);
  delivery.endpoint_id = row.id<model::EndpointId>(3);
  delivery.event_type = row.string(4);
  const auto kind = model::parse_delivery_kind(row.text(5));
  const auto state = model::parse_delivery_state(row.text(6));
  WAYBILL_CHECK(kind && state, "a stored delivery has the words we wrote");
  delivery.kind = *kind;
  delivery.state = *state;
  delivery.attempts_made = static_cast<int>(row.integer(7));
  delivery.attempts_before_retry = static_cast<int>(row.integer(8));
  delivery.due_at = row.time_or_null(9);
  delivery.created_at = row.time(10);
  delivery.finished_at = row.time_or_null(11);
  delivery.in_order = !row.is_null(12);
  if (!row.is_null(13)) delivery.order_key = row.integer(13);
  delivery.reason = row.string_or_null(14).value_or("");
  return delivery;
}

}  // namespace waybill::store::deliveries
