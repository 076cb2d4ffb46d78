// How records are written in answers. Each function adds the members of one record to an object, so
// that an operation can add its own: the secret of a new endpoint, the deliveries of an event.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json_text.h"
#include "dialect/loader.h"
#include "model/api_key.h"
#include "model/delivery.h"
#include "model/document.h"
#include "model/endpoint.h"
#include "model/message.h"
#include "model/node.h"
#include "model/order.h"
#include "model/replay.h"
#include "model/request_log.h"
#include "model/sales_order.h"
#include "model/trade.h"
#include "model/user.h"
#include "model/workspace.h"
#include "store/audit_log.h"
#include "store/events.h"
#include "store/key_usage.h"
#include "store/page.h"

namespace waybill::surfaces::native {

// {"window": "30s", "edge": "leading"}, or null.
std::string coalescing_text(const std::optional<model::CoalescingOverride>& coalescing);

void write(ObjectText& object, const model::Workspace& workspace);
// `usage`: what it was used for. What is over at `now` is not shown.
void write(ObjectText& object, const model::ApiKey& key, const store::key_usage::Usage& usage,
           Timestamp now);
void write(ObjectText& object, const model::User& user);
void write(ObjectText& object, const model::Supplier& supplier);
void write(ObjectText& object, const model::Order& order);
// sales_render.cc: amounts are decimal texts with all decimals of their currency.
void write(ObjectText& object, const model::Store& store);
void write(ObjectText& object, const model::Product& product);
// Without its payments and shipments.
void write(ObjectText& object, const model::SalesOrder& order);
void write(ObjectText& object, const model::Payment& payment);
void write(ObjectText& object, const model::Shipment& shipment);
// Without its content.
void write(ObjectText& object, const model::Document& document);
void write(ObjectText& object, const store::events::Routed& routed);
void write(ObjectText& object, const model::Delivery& delivery);
void write(ObjectText& object, const model::Attempt& attempt);
void write(ObjectText& object, const model::Replay& replay);
void write(ObjectText& object, const store::audit_log::Entry& entry);
// messages.cc: without its content.
void write(ObjectText& object, const model::Message& message);
// Without its bodies.
void write(ObjectText& object, const model::LoggedRequest& request);
void write(ObjectText& object, const dialect::EventType& event);
void write(ObjectText& object, const dialect::Dialect& dialect);
// `believed`: as node_state() takes it.
void write(ObjectText& object, const model::Node& node, Timestamp now,
           std::chrono::milliseconds believed);
// What follows for an endpoint when the tries of a delivery have run out, as it is written.
inline constexpr std::string_view kExhaustedDropped = "dropped";
inline constexpr std::string_view kExhaustedDeactivated = "deactivated";
std::string_view exhausted_name(bool deactivates);

// What an endpoint and a handler have said of their tries and their pace.
void add_pace(ObjectText& object, const model::EndpointOverrides& overrides);
// What applies in the end comes from its dialect; what is over at `now` is not shown.
void write(ObjectText& object, const model::Endpoint& endpoint,
           const dialect::DialectRegistry& dialects, Timestamp now);

// One record, alone.
template <class T, class... Context>
std::string text_of(const T& record, const Context&... context) {
  std::string out;
  ObjectText object(out);
  write(object, record, context...);
  object.end();
  return out;
}

// An array of records.
template <class T, class... Context>
void append_records(std::string& out, const std::vector<T>& records, const Context&... context) {
  append_array(out, records, [&](std::string& text, const T& record) {
    ObjectText object(text);
    write(object, record, context...);
    object.end();
  });
}

// A list: {"rows": […], "next_cursor": …}.
template <class T, class... Context>
std::string text_of_page(const store::Page<T>& page, const Context&... context) {
  std::string out;
  ObjectText object(out);
  append_records(object.member("rows"), page.rows, context...);
  object.add("next_cursor", page.next.transform(&Uuid::crockford));
  object.end();
  return out;
}

}  // namespace waybill::surfaces::native
