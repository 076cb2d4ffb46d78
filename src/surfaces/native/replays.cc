#include "store/replays.h"

#include <utility>

#include <fmt/format.h>

#include "store/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/replays.h"

namespace waybill::surfaces::native {
namespace {

using intake::Recovery;

// A dry run looks at so many events.
constexpr std::int64_t kForeseenMax = 10'000;
constexpr std::size_t kTypesMax = 100;

struct Wanted {
  model::EndpointId endpoint;
  model::ReplaySelection selection;
};

// What a replay is to send, and to whom.
Result<Wanted> read_wanted(const json::object& object, const Call& call) {
  ObjectReader body(object);
  const std::string endpoint = body.text("endpoint", {1, 100});
  Wanted wanted;
  wanted.selection = read_replay_selection(body, call, "events:read");
  if (!body.has("only")) body.refuse("only", "member_missing", "\"only\" is missing.");
  wanted.selection.subject = body.optional_text("subject", {1, 200}).value_or("");
  if (!body.has_fault()) {
    const auto id = model::EndpointId::parse(endpoint);
    if (id) {
      wanted.endpoint = *id;
    } else {
      body.check("endpoint",
                 fail(Code::kNotFound, "endpoint_not_found", "There is no such endpoint."));
    }
  }
  WAYBILL_TRY(body.done());
  return wanted;
}

Result<void> check_endpoint(store::Connection& connection, const model::WorkspaceId& workspace,
                            const model::EndpointId& id) {
  WAYBILL_TRY(check_present(store::endpoints::find(connection, workspace, id)));
  return {};
}

std::string detail_of(const model::Replay& replay) {
  std::string detail;
  ObjectText(detail)
      .add("endpoint_id", replay.endpoint_id)
      .add("only", model::replay_only_name(replay.selection.only))
      .add("made", replay.made)
      .end();
  return detail;
}

}  // namespace

model::ReplaySelection read_replay_selection(ObjectReader& body, const Call& call,
                                             std::string_view scope) {
  model::ReplaySelection selection;
  const auto only = body.optional_text("only", {1, 20});
  selection.event_types = body.optional_texts("event_types", {1, kTypesMax}, {1, 128})
                              .value_or(std::vector<std::string>());
  selection.filter = read_filter(body).value_or("");
  if (!selection.filter.empty() && !call.caller.allows(scope)) {
    body.check(
        "filter",
        fail(Code::kForbidden, "scope_missing",
             fmt::format("A filter asks what was said: this key lacks the scope {}.", scope)));
  }
  if (body.has("since")) selection.since = body.moment("since", call.now);
  if (body.has("until")) selection.until = body.moment("until", call.now);
  if (body.has_fault()) return selection;
  const auto kind = only ? model::parse_replay_only(*only) : model::ReplayOnly::kAll;
  if (kind) {
    selection.only = *kind;
  } else {
    body.refuse("only", "member_invalid", "This has to be all, failed or missing.");
  }
  const auto& [since, until] = std::pair(selection.since, selection.until);
  if (since && until && *until <= *since) {
    body.refuse("until", "member_invalid", "This has to be after \"since\".");
  }
  return selection;
}

Result<void> check_replays_running(store::Connection& connection, const Call& call,
                                   std::size_t more) {
  const auto running = store::replays::count_running(connection, call.workspace_id);
  if (!running) return fail(running.error());
  if (static_cast<std::size_t>(*running) + more <= Recovery::kRunningMax) return {};
  return fail(Code::kConflict, "replays_running",
              fmt::format("{} replays are running in this workspace; wait for them, or cancel "
                          "some.",
                          *running));
}

Result<AuditNote> insert_replay(store::Connection& connection, const model::Replay& replay) {
  WAYBILL_TRY(store::replays::insert(connection, replay));
  return AuditNote{"replay.create", replay.id.text(), detail_of(replay), {}};
}

void tell_replay_created(const Services& services) {
  if (services.replay_created) services.replay_created();
}

Task<Result<Forecast>> foresee(Call& call, model::Replay replay) {
  Forecast forecast{std::move(replay), true};
  while (forecast.more && forecast.replay.looked_at < kForeseenMax) {
    auto seen = co_await call.services.database.read(
        [&](store::Connection& connection) -> Result<Forecast> {
          Forecast next = forecast;
          const auto left = call.services.recovery.foresee(connection, next.replay, call.now);
          if (!left) return fail(left.error());
          next.more = *left;
          return next;
        });
    if (!seen) co_return fail(seen.error());
    forecast = *std::move(seen);
  }
  co_return forecast;
}

void write(ObjectText& object, const Forecast& forecast) {
  object.add("looked_at", forecast.replay.looked_at)
      .add("deliveries", forecast.replay.made)
      .add("skipped", forecast.replay.skipped)
      .add("more", forecast.more);
}

Task<Result<Reply>> create_replay(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto wanted = read_wanted(*object, call);
  if (!wanted) co_return fail(wanted.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(check_endpoint(connection, call.workspace_id, wanted->endpoint));
    WAYBILL_TRY(check_replays_running(connection, call, 1));
    const model::Replay replay = call.services.recovery.begin(
        call.workspace_id, wanted->endpoint, wanted->selection, call.caller.name(), call.now);
    auto note = insert_replay(connection, replay);
    if (!note) return fail(note.error());
    return Change{202, text_of(replay), *std::move(note), tell_replay_created};
  });
}

Task<Result<Reply>> foresee_replay(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto wanted = read_wanted(*object, call);
  if (!wanted) co_return fail(wanted.error());
  const auto present = co_await call.services.database.read([&](store::Connection& connection) {
    return check_endpoint(connection, call.workspace_id, wanted->endpoint);
  });
  if (!present) co_return fail(present.error());
  const auto forecast = co_await foresee(
      call, call.services.recovery.begin(call.workspace_id, wanted->endpoint, wanted->selection,
                                         call.caller.name(), call.now));
  if (!forecast) co_return fail(forecast.error());
  co_return Reply{200, text_of(*forecast)};
}

Task<Result<Reply>> list_replays(Call& call) {
  const auto page = call.query.page();
  const store::replays::Filter filter{
      call.query.id<model::EndpointId>("endpoint"),
      call.query.parsed("state", model::parse_replay_state, "running, done, cancelled or failed")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::replays::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_replay(Call& call) {
  const auto id = path_id<model::ReplayId>(call.request, "replay");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::replays::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

Task<Result<Reply>> cancel_replay(Call& call) {
  const auto id = path_id<model::ReplayId>(call.request, "replay");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto replay = store::replays::find_to_change(connection, call.workspace_id, *id);
    if (!replay) return fail(replay.error());
    if (replay->state == model::ReplayState::kCancelled)
      return Change{200, text_of(*replay), {}, {}};
    if (replay->state != model::ReplayState::kRunning) {
      return fail(Code::kConflict, "replay_over", "This replay is over already.");
    }
    replay->state = model::ReplayState::kCancelled;
    replay->reason.clear();
    replay->updated_at = call.now;
    replay->finished_at = call.now;
    WAYBILL_TRY(store::replays::update(connection, *replay));
    return Change{200,
                  text_of(*replay),
                  AuditNote{"replay.cancel", replay->id.text(), detail_of(*replay), {}},
                  {}};
  });
}

}  // namespace waybill::surfaces::native
