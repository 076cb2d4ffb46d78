// A Message about an event of the hub's.

#pragma once

#include <string_view>

#include "dialect/dialect.h"
#include "model/event.h"

namespace waybill::dialect {

// `id` is the text of the event's id: it and the event outlive what is returned. Workspace and data
// are the caller's to add.
inline Message message_about(const model::Event& event, std::string_view id) {
  Message message;
  message.event_id = id;
  message.event_type = event.type;
  message.occurred_at = event.occurred_at;
  message.subject = event.subject;
  return message;
}

}  // namespace waybill::dialect
