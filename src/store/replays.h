// SQL of the Replay, and of the events that one goes through.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/replay.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::replays {

struct Filter {
  std::optional<model::EndpointId> endpoint;
  std::optional<model::ReplayState> state;
};

Result<void> insert(Connection& connection, const model::Replay& replay);
// Fails with kNotFound (replay_not_found).
Result<model::Replay> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ReplayId& id);
// The same, so that it can be changed by what was read: whoever else changes it waits until this
// transaction is over.
Result<model::Replay> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::ReplayId& id);
Result<Page<model::Replay>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const Filter& filter, const PageRequest& page);
// Those that are running, of all workspaces, at most `limit`. Of one workspace: how many.
struct Running {
  model::WorkspaceId workspace_id;
  model::ReplayId id;
};
Result<std::vector<Running>> running(Connection& connection, int limit);
Result<int> count_running(Connection& connection, const model::WorkspaceId& workspace);

// Writes what changes while it runs: state, reason, position, counts and times.
Result<void> update(Connection& connection, const model::Replay& replay);

// The next events above `after` and below `until`, at most `limit`, in the order of their ids; but
// none that was published to some endpoints alone.
struct NextEvent {
  model::EventId id;
  std::string type;
  std::string subject;
};
Result<std::vector<NextEvent>> next_events(Connection& connection,
                                           const model::WorkspaceId& workspace, const Uuid& after,
                                           const Uuid& until, int limit);

// What an endpoint has of an event, oldest first; and whether the event was made to test some
// endpoint, and so is for nobody else.
struct Past {
  std::vector<model::PastDelivery> deliveries;
  bool is_test = false;
};
Result<Past> past_of(Connection& connection, const model::WorkspaceId& workspace,
                     const model::EventId& event, const model::EndpointId& endpoint);

// How much an endpoint is owed, counted up to `limit`.
struct Owed {
  int all = 0;  // But what waits for the end of a window and was never tried.
  int now = 0;  // Of these: due, or on their way.
};
Result<Owed> owed(Connection& connection, const model::WorkspaceId& workspace,
                  const model::EndpointId& endpoint, Timestamp now, int limit);

}  // namespace waybill::store::replays
