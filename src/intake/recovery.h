// Recovery is what a replay (model/replay.h) does to the store: it goes through the events in
// steps, and writes the deliveries that the endpoint is to have.
//
// Promises:
//
//  1. An endpoint is sent only what it would be sent today: routing decides, as for a new event.
//  2. A step's deliveries and how far the replay has come are one unit. So a replay that is cut
//     short, or is worked on by two nodes at once, makes each delivery once.
//     A handler is sent what routing would give it of its source's messages: of what was fetched
//     the message with its document, and never the same message twice.
//  3. What an endpoint is owed already is not made again. What was dropped is revived: it keeps its
//     id, by which the receiver can tell.
//  4. A replay makes nothing for an endpoint that is not active, or is owed kOwedMax already, or
//  has
//     as much before it as it can take within two seconds. So new events are never behind more than
//     that.
//
// A delivery that is made is due, and nobody's yet: the dispatcher is to be woken.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/ids.h"
#include "dialect/loader.h"
#include "model/endpoint.h"
#include "model/replay.h"
#include "store/connection.h"
#include "store/endpoints.h"
#include "store/replays.h"

namespace waybill::intake {

struct RecoveryOptions {
  // How long deliveries that are over are kept: of an older event without one nobody knows whether
  // it was sent. Nothing: for ever.
  std::optional<std::chrono::milliseconds> deliveries_kept;
};

class Recovery {
 public:
  static constexpr int kStepEvents = 100;
  static constexpr int kOwedMax = 200;  // To the endpoint, whatever for.
  static constexpr int kAheadMax = 128;
  // Of one workspace at one time.
  static constexpr int kRunningMax = 100;
  // Events so young may still be on their way into the store.
  static constexpr std::chrono::seconds kSettling{1};

  // Everything given outlives it. Any thread may call its functions.
  Recovery(const dialect::DialectRegistry& dialects, IdGenerator& ids, RecoveryOptions options = {})
      : dialects_(dialects), ids_(ids), options_(options) {}

  // A new one, of the events that are there at `now`: not written yet.
  model::Replay begin(const model::WorkspaceId& workspace, const model::EndpointId& endpoint,
                      model::ReplaySelection selection, std::string made_by, Timestamp now) const;

  // How many deliveries may be made to the endpoint now; 0, and why none.
  struct Room {
    int deliveries = 0;
    std::string reason;  // Empty while what is owed is on its way.
  };
  Result<Room> room(store::Connection& connection, const model::WorkspaceId& workspace,
                    const model::EndpointId& endpoint, Timestamp now) const;

  // Goes on with a replay that runs: looks at no more than kStepEvents events, and makes no more
  // than `room` deliveries. Returns it as it is then; one that is over is left alone. Events from
  // `settled` on are left for later.
  //
  // Fails as Connection::execute(), and with kNotFound (replay_not_found).
  struct Step {
    model::Replay replay;
    int looked_at = 0;
    int made = 0;
  };
  Result<Step> step(store::Connection& connection, const model::WorkspaceId& workspace,
                    const model::ReplayId& id, int room, const Uuid& settled, Timestamp now) const;

  // What a step would do, without doing it: counts go up in `replay`, which is not in the store.
  // False: it would be over now. Fails as step().
  Result<bool> foresee(store::Connection& connection, model::Replay& replay, Timestamp now) const;

 private:
  // One endpoint, with what a step needs to know of it.
  struct Target;

  Result<Target> find_target(store::Connection& connection, const model::Replay& replay) const;
  // Whether a replay looks at events like this at all.
  static bool takes(const model::Replay& replay, const Target& target,
                    const store::replays::NextEvent& event);
  // Whether the endpoint would be sent the event today, and the replay's filter lets it pass.
  Result<bool> wants(store::Connection& connection, const model::Replay& replay,
                     const Target& target, const model::EventId& id) const;
  Result<model::ReplayAct> judge(store::Connection& connection, const model::Replay& replay,
                                 const Target& target, const store::replays::NextEvent& event,
                                 Timestamp now) const;
  Result<bool> carry_out(store::Connection& connection, const model::Replay& replay,
                         const model::ReplayAct& act, const store::replays::NextEvent& event,
                         Timestamp now) const;

  const dialect::DialectRegistry& dialects_;
  IdGenerator& ids_;
  const RecoveryOptions options_;
};

}  // namespace waybill::intake
