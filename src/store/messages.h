// SQL of the Message: what was received, and by what it is known again. Its bytes are in the event
// with the same id.

#pragma once

#include <optional>
#include <string>

#include "model/message.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::messages {

struct Filter {
  std::optional<model::SourceId> source;
  std::optional<std::string> type;
  std::optional<std::string> external_id;
  std::optional<Timestamp> since;  // Received at or after.
  std::optional<Timestamp> until;  // Received before.
};

// Writes a new message, unless the source has one with its key that was received at or after
// `remembered_since`: then nothing is written but that it came again, and that one is returned, as
// it is now. An older one with the key gives it up.
// Requires: `message.key` has kKeyBytes.
Result<std::optional<model::Message>> insert(Connection& connection, const model::Message& message,
                                             Timestamp remembered_since);

// Fails with kNotFound (message_not_found).
Result<model::Message> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::MessageId& id);
// By either of its events. Nothing: it is none of a message.
Result<std::optional<model::Message>> find_by_event(Connection& connection,
                                                    const model::WorkspaceId& workspace,
                                                    const model::EventId& event);
Result<Page<model::Message>> list(Connection& connection, const model::WorkspaceId& workspace,
                                  const Filter& filter, const PageRequest& page);
Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter);

// Notes which event was made of it. False, and nothing is noted, if one has been before, or the
// message is gone.
Result<bool> set_fetched(Connection& connection, const model::WorkspaceId& workspace,
                         const model::MessageId& id, const model::EventId& event);
// The same, in the place of what was fetched before. False: the message is gone.
Result<bool> replace_fetched(Connection& connection, const model::WorkspaceId& workspace,
                             const model::MessageId& id, const model::EventId& event);
Result<bool> set_published(Connection& connection, const model::WorkspaceId& workspace,
                           const model::MessageId& id, const model::EventId& event);

// When the source received its last message. Nothing: it has none.
Result<std::optional<Timestamp>> last_received(Connection& connection,
                                               const model::WorkspaceId& workspace,
                                               const model::SourceId& source);

}  // namespace waybill::store::messages
