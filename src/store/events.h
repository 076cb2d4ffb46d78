// SQL of the Event, and of what it matched.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/event.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::events {

// An event with what became of it when it was accepted.
struct Routed {
  model::Event event;
  int matched = 0;                              // Endpoints it went to.
  std::optional<std::string> unmatched_reason;  // A sentence, if there was none.
  // Which endpoints it was not sent to, and why: the JSON of routing::withheld_text(), or empty.
  std::string withheld = {};
  bool narrowed = false;  // Published to some endpoints alone.
};

struct Filter {
  std::optional<std::string> type;
  std::optional<std::string> subject;
  std::optional<Timestamp> since;       // Occurred at or after.
  std::optional<Timestamp> until;       // Occurred before.
  std::vector<std::string> types = {};  // One of these; none: any.
};

Result<void> insert(Connection& connection, const Routed& routed);
// Fails with kNotFound (event_not_found).
Result<Routed> find(Connection& connection, const model::WorkspaceId& workspace,
                    const model::EventId& id);
// The same, so that it can be changed by what was read.
Result<Routed> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                              const model::EventId& id);
// Without messages: those of sources are in store/messages.h.
Result<Page<Routed>> list(Connection& connection, const model::WorkspaceId& workspace,
                          const Filter& filter, const PageRequest& page);
Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter);

// One endpoint less gets it: `withheld` is what it has to say now. Fails as find().
Result<void> withdraw(Connection& connection, const model::WorkspaceId& workspace,
                      const model::EventId& id, std::string_view withheld);

}  // namespace waybill::store::events
