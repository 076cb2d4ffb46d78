// A Message is what a Source received: a foreign platform's webhook, byte for byte.
//
// It is kept as an Event of the type kMessageReceived, whose id is the message's, whose subject is
// its source and whose data is what message_data() writes; the row beside it (store/messages.h)
// is by what it is known again. Where the source fetches what a message names, a second event of
// the type kMessageFetched says the same and holds the document. Routing gives both to the source's
// handlers alone, never to endpoints.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "model/event.h"
#include "model/ids.h"
#include "net/header.h"

namespace waybill::model {

inline constexpr std::string_view kMessageReceived = "message.received";
inline constexpr std::string_view kMessageFetched = "message.fetched";
inline bool is_message(std::string_view event_type) {
  return event_type == kMessageReceived || event_type == kMessageFetched;
}

// What is kept beside the event.
struct Message {
  MessageId id;
  WorkspaceId workspace_id;
  SourceId source_id;
  std::string external_id;  // The platform's own id of it. Empty: it has none.
  std::string type;         // The platform's name of the event; empty if it tells none.
  // What makes another message the same one: SHA-256, the first kKeyBytes of it. Empty: superseded,
  // or past the time for which it is remembered.
  Bytes key;
  Bytes body_hash;  // SHA-256.
  std::int64_t body_bytes = 0;
  std::string address;  // Of whoever sent it.
  Timestamp received_at{};
  // The same, received again: how often, and how often with another body.
  std::int64_t duplicates = 0;
  std::int64_t differing = 0;
  std::optional<Timestamp> last_duplicate_at;
  std::optional<EventId> fetched_event_id;    // kMessageFetched, if there is one.
  std::optional<EventId> published_event_id;  // The canonical event that was made of it.

  static constexpr std::size_t kKeyBytes = 16;
  EventId event_id() const { return EventId(id.uuid()); }
};

// What its event's data holds.
struct MessageContent {
  MessageId id;         // Of the message, also in what was fetched for it.
  std::string source;   // The name of the source.
  std::string dialect;  // The source's.
  std::string type;     // As in Message.
  std::string external_id;
  Timestamp received_at{};
  std::string content_type;             // As it was received. May be empty.
  std::vector<net::Header> headers;     // As received, without those of the connection.
  std::string body;                     // The exact bytes.
  std::optional<std::string> document;  // JSON: what was fetched.
};

// A JSON object: id, source, dialect, type, external_id, received_at, content_type, headers (an
// array of pairs), body (a text, or body_base64 where the bytes are no UTF-8) and, if there is one,
// document.
std::string message_data(const MessageContent& content);
// The reverse. Fails with kInternal (message_unreadable).
Result<MessageContent> read_message_data(const json::value& data);

}  // namespace waybill::model
