// What a handler that is no web server is given of a message: one JSON object,
//
//   {"message": {"id": "msg_…", "source": "shop", "dialect": "woocommerce", "type":
//   "order.updated",
//                "external_id": "8f3a", "received_at": "…", "content_type": "application/json"},
//    "delivery": {"id": "dlv_…", "handler": "ep_…", "attempt": 1, "replay": false},
//    "headers": [["X-WC-Webhook-Topic", "order.updated"]],
//    "body": "{\"id\":1}",          the exact text, or "body_base64" where it is no UTF-8
//    "data": {"id": 1},             the same read, where it is JSON: numbers as they were written
//    "document": {…}}               what was fetched, where the source fetches
//
// or, where its settings say so, the body's bytes alone.

#pragma once

#include <string>

#include "base/result.h"
#include "delivery/outgoing_event.h"
#include "model/delivery.h"
#include "model/message.h"

namespace waybill::delivery {

// Fails with kInternal (message_unreadable) if the event is no message.
Result<model::MessageContent> content_of(OutgoingEvent& event);

std::string handled_json(const model::MessageContent& content, const model::Delivery& delivery,
                         int attempt);

}  // namespace waybill::delivery
