// A Replay is a job: it sends an endpoint the events of a selection, again or for the first time.
// It goes through the events in the order of their ids, and is over when it has come to those that
// were made after it.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/delivery.h"
#include "model/ids.h"

namespace waybill::model {

//   running → done       it has looked at all of its events
//           → cancelled  by an operator: it makes nothing more, what it has made is still sent
//           → failed     it cannot go on: its endpoint was deleted
enum class ReplayState { kRunning, kDone, kCancelled, kFailed };
std::string_view replay_state_name(ReplayState state);
std::optional<ReplayState> parse_replay_state(std::string_view name);

// Which of the events the endpoint is sent, by what it has of them. What it is owed already comes
// anyway, and is never made a second time.
enum class ReplayOnly {
  kAll,      // All: what it had, it gets again.
  kFailed,   // What was tried and given up, and never succeeded.
  kMissing,  // What it was never owed: it was added later, or did not want it then.
};
std::string_view replay_only_name(ReplayOnly only);
std::optional<ReplayOnly> parse_replay_only(std::string_view name);

struct ReplaySelection {
  ReplayOnly only = ReplayOnly::kAll;
  std::vector<std::string> event_types = {};  // Canonical. Empty: all.
  std::string filter = {};                    // JSON (routing/filter.h). Empty: everything passes.
  std::string subject = {};                   // Empty: any.
  std::optional<Timestamp> since = {};        // Accepted at or after.
  std::optional<Timestamp> until = {};        // Accepted before.

  // Whether it takes events like this. Never a test of an endpoint.
  bool takes(std::string_view event_type, std::string_view event_subject) const;
};

struct Replay {
  ReplayId id;
  WorkspaceId workspace_id;
  EndpointId endpoint_id;
  ReplaySelection selection;
  ReplayState state = ReplayState::kRunning;
  std::string reason;          // Why it waits, or has failed: a sentence for people. May be empty.
  Uuid position;               // The id of the last event that it looked at.
  Uuid until;                  // The events from this one on are none of its business.
  std::int64_t looked_at = 0;  // Events.
  std::int64_t made = 0;       // Deliveries made, or revived.
  std::int64_t skipped = 0;    // Events of the selection that the endpoint needs no delivery of.
  std::string made_by;         // As the audit log has it.
  Timestamp created_at{};
  Timestamp updated_at{};
  std::optional<Timestamp> finished_at;
};

// What an endpoint has of an event.
struct PastDelivery {
  DeliveryId id;
  DeliveryState state = DeliveryState::kPending;
};

// What a replay does about one event.
struct ReplayAct {
  enum class Kind { kNothing, kMake, kRevive };
  Kind kind = Kind::kNothing;
  DeliveryId revived;  // Set for kRevive. It keeps its id, so the receiver can tell (A-PC-7).

  friend bool operator==(const ReplayAct&, const ReplayAct&) = default;
};
// `past`: oldest first.
ReplayAct replay_act(ReplayOnly only, std::span<const PastDelivery> past);

}  // namespace waybill::model
