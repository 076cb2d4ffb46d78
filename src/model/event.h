// An Event is an immutable fact: never changed, only added.

#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/trace_context.h"

namespace waybill::model {

struct Event {
  EventId id;
  WorkspaceId workspace_id;
  std::string type;  // Canonical: "order.created". A dialect may call it otherwise.
  Timestamp occurred_at{};
  std::string subject;   // The id of what it is about, or empty.
  std::string data;      // A JSON object, written by write_json().
  TraceContext trace{};  // Of the request that it came with.
};

// Fails with kInvalid (event_type_invalid) unless `type` is 1 to 128 characters, groups of
// a-z A-Z 0-9 _ - joined by single dots.
Result<void> check_event_type(std::string_view type);

// The types that Waybill itself makes. `test` is sent to one endpoint by its test operation.
inline constexpr std::string_view kOrderCreated = "order.created";
inline constexpr std::string_view kOrderCancelled = "order.cancelled";
inline constexpr std::string_view kOrderShipped = "order.shipped";
inline constexpr std::string_view kOrderDelivered = "order.delivered";  // The goods are there.
inline constexpr std::string_view kClientCreated = "client.created";
inline constexpr std::string_view kClientUpdated = "client.updated";
inline constexpr std::string_view kPaymentRecorded = "payment.recorded";
inline constexpr std::string_view kPaymentRefunded = "payment.refunded";
inline constexpr std::string_view kTrackingAdded = "shipment.tracking_added";
inline constexpr std::string_view kSupplierCreated = "supplier.created";
inline constexpr std::string_view kSupplierUpdated = "supplier.updated";
inline constexpr std::string_view kVendorClaimed = "vendor.claimed";
inline constexpr std::string_view kTestEvent = "webhook.test";
// Alerts: what the hub tells of its own deliveries. The endpoint that one is about is its subject.
inline constexpr std::string_view kEndpointDeactivated = "endpoint.deactivated";
inline constexpr std::string_view kEndpointFailing = "endpoint.failing";
inline constexpr std::string_view kDeliveryDropped = "delivery.dropped";
bool is_alert(std::string_view type);

}  // namespace waybill::model
