// What the replays of an endpoint and those of a source have in common.

#pragma once

#include <string_view>

#include "base/json_text.h"
#include "model/replay.h"
#include "store/connection.h"
#include "surfaces/native/call.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

// The members only, event_types, filter, since and until. A filter tells what was said, so it needs
// `scope`. Faults: filter_invalid, member_invalid; of kForbidden, scope_missing.
model::ReplaySelection read_replay_selection(ObjectReader& body, const Call& call,
                                             std::string_view scope);

// Whether so many more may run. Fails with kConflict (replays_running).
Result<void> check_replays_running(store::Connection& connection, const Call& call,
                                   std::size_t more);
// Writes it; returns its audit entry. After the commit, tell_replay_created().
Result<AuditNote> insert_replay(store::Connection& connection, const model::Replay& replay);
void tell_replay_created(const Services& services);

// What it would do: counts go up in `replay`, which is not in the store. `more`: as far as that was
// looked at.
struct Forecast {
  model::Replay replay;
  bool more = false;
};
Task<Result<Forecast>> foresee(Call& call, model::Replay replay);
void write(ObjectText& object, const Forecast& forecast);

}  // namespace waybill::surfaces::native
