// Giving what a source received in a time to its handlers again, each as a replay of its own.

#include <optional>
#include <utility>

#include "store/endpoints.h"
#include "surfaces/native/handlers.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/replays.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

struct Wanted {
  std::optional<model::EndpointId> handler;  // Nothing: all but the fetcher.
  model::ReplaySelection selection;
};

Result<Wanted> read_wanted(const json::object& object, const Call& call) {
  ObjectReader body(object);
  Wanted wanted;
  wanted.handler = body.optional_id<model::EndpointId>("handler");
  wanted.selection = read_replay_selection(body, call, "messages:read");
  WAYBILL_TRY(body.done());
  return wanted;
}

// The handlers that are given messages. What was fetched is not fetched again unless the fetcher is
// named.
Result<std::vector<model::EndpointId>> find_targets(store::Connection& connection, const Call& call,
                                                    const Wanted& wanted) {
  const auto source =
      find_named_source(connection, call.workspace_id, call.request.param("source"));
  if (!source) return fail(source.error());
  const auto handlers = handlers_of(connection, call.workspace_id, source->id);
  if (!handlers) return fail(handlers.error());
  std::vector<model::EndpointId> targets;
  for (const model::Endpoint& handler : *handlers) {
    const bool is_meant =
        wanted.handler ? handler.id == *wanted.handler : handler.channel != model::Channel::kFetch;
    if (is_meant) targets.push_back(handler.id);
  }
  if (wanted.handler && targets.empty()) {
    return fail(Code::kNotFound, "handler_not_found", "This source has no such handler.",
                "$.handler");
  }
  return targets;
}

model::Replay begin(const Call& call, const Wanted& wanted, const model::EndpointId& handler) {
  return call.services.recovery.begin(call.workspace_id, handler, wanted.selection,
                                      call.caller.name(), call.now);
}

}  // namespace

Task<Result<Reply>> replay_source(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto wanted = read_wanted(*object, call);
  if (!wanted) co_return fail(wanted.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto targets = find_targets(connection, call, *wanted);
    if (!targets) return fail(targets.error());
    WAYBILL_TRY(check_replays_running(connection, call, targets->size()));
    std::vector<model::Replay> replays;
    for (const model::EndpointId& target : *targets) {
      replays.push_back(begin(call, *wanted, target));
      const auto note = insert_replay(connection, replays.back());
      if (!note) return fail(note.error());
      WAYBILL_TRY(write_audit(connection, call, *note));
    }
    Change change;
    change.status = 202;
    ObjectText answer(change.body);
    append_records(answer.member("rows"), replays);
    answer.end();
    change.after_commit = tell_replay_created;
    return change;
  });
}

Task<Result<Reply>> foresee_source_replay(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto wanted = read_wanted(*object, call);
  if (!wanted) co_return fail(wanted.error());
  const auto targets = co_await call.services.database.read(
      [&](store::Connection& connection) { return find_targets(connection, call, *wanted); });
  if (!targets) co_return fail(targets.error());
  std::vector<Forecast> forecasts;
  for (const model::EndpointId& target : *targets) {
    auto forecast = co_await foresee(call, begin(call, *wanted, target));
    if (!forecast) co_return fail(forecast.error());
    forecasts.push_back(*std::move(forecast));
  }
  std::string body;
  ObjectText answer(body);
  append_array(answer.member("rows"), forecasts, [](std::string& out, const Forecast& forecast) {
    ObjectText one(out);
    one.add("handler_id", forecast.replay.endpoint_id);
    write(one, forecast);
    one.end();
  });
  answer.end();
  co_return Reply{200, std::move(body)};
}

}  // namespace waybill::surfaces::native
