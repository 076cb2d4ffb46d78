#include "intake/recovery.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "intake/acceptance.h"
#include "model/message.h"
#include "routing/routing.h"
#include "store/deliveries.h"
#include "store/events.h"
#include "store/messages.h"
#include "store/workspaces.h"

namespace waybill::intake {
namespace {

using Kind = model::ReplayAct::Kind;
using store::endpoints::Subscription;

// What an endpoint without a rate can take within two seconds: so many times its requests at once.
constexpr int kTurns = 4;
constexpr int kRateSeconds = 2;
constexpr int kInFlight = 32;  // The dispatcher's, unless the endpoint says otherwise.

// Of what tells of one message, a handler is given the latest: what was fetched, where something
// was, and of that what was fetched last.
Result<bool> is_latest(store::Connection& connection, const model::Event& event) {
  const auto data = parse_json(event.data);
  if (!data) return fail(data.error());
  const auto content = model::read_message_data(*data);
  if (!content) return fail(content.error());
  const auto message = store::messages::find_by_event(connection, event.workspace_id,
                                                      model::EventId(content->id.uuid()));
  if (!message) return fail(message.error());
  return !*message || (*message)->fetched_event_id.value_or((*message)->event_id()) == event.id;
}

// How much may be before the endpoint at one time.
int ahead_max(const model::Endpoint& endpoint) {
  const model::EndpointOverrides& overrides = endpoint.overrides;
  int ahead = kTurns * (endpoint.in_order ? 1 : overrides.in_flight_max.value_or(kInFlight));
  if (overrides.rate_per_second) ahead = std::min(ahead, kRateSeconds * *overrides.rate_per_second);
  return std::clamp(ahead, 1, Recovery::kAheadMax);
}

// Whether an event was not sent to an endpoint because the same was within a window. `withheld`:
// routing::withheld_text(). Of many endpoints only some are named there: then of any.
bool was_coalesced(std::string_view withheld, const model::EndpointId& endpoint) {
  if (withheld.empty()) return false;
  const auto reasons = parse_json(withheld);
  WAYBILL_CHECK(reasons && reasons->is_array(), "a stored event has the array we wrote");
  for (const json::value& one : reasons->get_array()) {
    const json::object& entry = one.as_object();
    const std::string_view reason = entry.at("reason").as_string();
    if (reason != routing::reason_name(routing::Reason::kCoalesced)) continue;
    const json::array& ids = entry.at("endpoint_ids").as_array();
    if (entry.at("endpoints").to_number<std::size_t>() > ids.size()) return true;
    const std::string text = endpoint.text();
    for (const json::value& id : ids) {
      if (std::string_view(id.as_string()) == text) return true;
    }
  }
  return false;
}

void finish(model::Replay& replay, model::ReplayState state, std::string reason, Timestamp now) {
  replay.state = state;
  replay.reason = std::move(reason);
  replay.finished_at = now;
}

}  // namespace

struct Recovery::Target {
  // Its own, and, with what the replay demands in place of its own, once more: `own` of them. Of a
  // handler those of its source follow, since routing looks at all of them. None if it is deleted.
  std::vector<store::endpoints::Subscription> subscriptions;
  std::size_t own = 0;
  model::Workspace workspace;  // Read only where routing looks at it.
};

model::Replay Recovery::begin(const model::WorkspaceId& workspace,
                              const model::EndpointId& endpoint, model::ReplaySelection selection,
                              std::string made_by, Timestamp now) const {
  model::Replay replay;
  replay.id = ids_.next_id<model::ReplayId>();
  replay.workspace_id = workspace;
  replay.endpoint_id = endpoint;
  // Ids only grow: what comes later is above its own.
  replay.until = replay.id.uuid();
  if (selection.until) {
    replay.until = std::min(replay.until, Uuid::lowest_at(*selection.until));
  }
  if (selection.since) replay.position = Uuid::lowest_at(*selection.since);
  replay.selection = std::move(selection);
  replay.made_by = std::move(made_by);
  replay.created_at = replay.updated_at = now;
  return replay;
}

Result<Recovery::Room> Recovery::room(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      const model::EndpointId& endpoint, Timestamp now) const {
  const auto found = store::endpoints::find(connection, workspace, endpoint);
  if (!found) return fail(found.error());
  if (found->state == model::EndpointState::kDeleted) return Room{1, {}};  // The step ends it.
  if (found->state != model::EndpointState::kActive) {
    return Room{
        0, fmt::format("It waits: the endpoint is {}.", model::endpoint_state_name(found->state))};
  }
  const auto owed = store::replays::owed(connection, workspace, endpoint, now, kOwedMax);
  if (!owed) return fail(owed.error());
  const int left = std::min(ahead_max(*found) - owed->now, kOwedMax - owed->all);
  if (left > 0) return Room{left, {}};
  if (owed->now > 0) return Room{};
  return Room{0, fmt::format("It waits: the endpoint is owed {} deliveries that wait for a "
                             "later try.",
                             owed->all)};
}

Result<Recovery::Target> Recovery::find_target(store::Connection& connection,
                                               const model::Replay& replay) const {
  auto all = store::endpoints::subscriptions(connection, replay.workspace_id);
  if (!all) return fail(all.error());
  Target target;
  const auto found = std::ranges::find(*all, replay.endpoint_id, &Subscription::id);
  if (found == all->end()) return target;
  const Subscription& own = *found;
  target.subscriptions.push_back(own);
  // A message has the platform's type, which routing looks up.
  const bool by_type = own.source_id && !replay.selection.event_types.empty();
  if (!replay.selection.filter.empty() || by_type) {
    Subscription narrowed = own;
    narrowed.filter = replay.selection.filter;
    if (by_type) narrowed.event_types = replay.selection.event_types;
    target.subscriptions.push_back(std::move(narrowed));
  }
  target.own = target.subscriptions.size();
  if (own.source_id) {
    std::ranges::copy_if(*all, std::back_inserter(target.subscriptions), [&](const auto& other) {
      return other.source_id == own.source_id && other.id != own.id;
    });
  }
  if (routing::needs_workspace(target.subscriptions, dialects_)) {
    auto workspace = store::workspaces::find(connection, replay.workspace_id);
    if (!workspace) return fail(workspace.error());
    target.workspace = *std::move(workspace);
  }
  return target;
}

bool Recovery::takes(const model::Replay& replay, const Target& target,
                     const store::replays::NextEvent& event) {
  const auto& source = target.subscriptions.front().source_id;
  if (source) return model::is_message(event.type) && event.subject == source->text();
  return !model::is_message(event.type) && replay.selection.takes(event.type, event.subject);
}

Result<bool> Recovery::wants(store::Connection& connection, const model::Replay& replay,
                             const Target& target, const model::EventId& id) const {
  const auto found = store::events::find(connection, replay.workspace_id, id);
  if (!found) return fail(found.error());
  const bool is_missing = replay.selection.only == model::ReplayOnly::kMissing;
  // It got another of the same window instead.
  if (is_missing && was_coalesced(found->withheld, replay.endpoint_id)) return false;
  const routing::Plan plan =
      routing::plan(found->event, target.workspace, target.subscriptions, dialects_);
  const auto matched = std::ranges::count_if(plan.matched, [&](const routing::Match& match) {
    return match.subscription->id == replay.endpoint_id;
  });
  if (static_cast<std::size_t>(matched) != target.own) return false;
  if (!model::is_message(found->event.type) ||
      target.subscriptions.front().channel == model::Channel::kFetch) {
    return true;
  }
  return is_latest(connection, found->event);
}

Result<model::ReplayAct> Recovery::judge(store::Connection& connection, const model::Replay& replay,
                                         const Target& target,
                                         const store::replays::NextEvent& event,
                                         Timestamp now) const {
  const auto past =
      store::replays::past_of(connection, replay.workspace_id, event.id, replay.endpoint_id);
  if (!past) return fail(past.error());
  if (past->is_test) return model::ReplayAct{};
  const model::ReplayAct act = model::replay_act(replay.selection.only, past->deliveries);
  if (act.kind == Kind::kNothing) return act;
  const bool is_old = options_.deliveries_kept &&
                      event.id.uuid() < Uuid::lowest_at(now - *options_.deliveries_kept);
  // What came before the endpoint was not sent to it.
  const bool came_later = event.id.uuid() > replay.endpoint_id.uuid();
  if (replay.selection.only == model::ReplayOnly::kMissing && is_old && came_later) {
    return model::ReplayAct{};
  }
  const auto wanted = wants(connection, replay, target, event.id);
  if (!wanted) return fail(wanted.error());
  return *wanted ? act : model::ReplayAct{};
}

Result<bool> Recovery::carry_out(store::Connection& connection, const model::Replay& replay,
                                 const model::ReplayAct& act,
                                 const store::replays::NextEvent& event, Timestamp now) const {
  if (act.kind == Kind::kRevive) {
    const auto revived =
        store::deliveries::retry(connection, replay.workspace_id, act.revived, now);
    if (revived) return true;
    // Somebody has revived it since, and it is on its way or there.
    if (revived.error().code == Code::kConflict && !connection.is_broken()) return false;
    return fail(revived.error());
  }
  // As an event is replayed by hand; written as due, since the dispatcher is to claim it.
  const Acceptance acceptance(dialects_, ids_);
  WAYBILL_TRY(
      acceptance.replay(connection, replay.workspace_id, event.id, replay.endpoint_id,
                        LeaseTerms{.lease = {}, .congested = nullptr, .all_congested = true}, now));
  return true;
}

Result<Recovery::Step> Recovery::step(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      const model::ReplayId& id, int room, const Uuid& settled,
                                      Timestamp now) const {
  auto found = store::replays::find_to_change(connection, workspace, id);
  if (!found) return fail(found.error());
  Step step{.replay = *std::move(found)};
  model::Replay& replay = step.replay;
  if (replay.state != model::ReplayState::kRunning) return step;
  const auto target = find_target(connection, replay);
  if (!target) return fail(target.error());
  replay.reason.clear();
  replay.updated_at = now;
  if (target->subscriptions.empty()) {
    finish(replay, model::ReplayState::kFailed, "The endpoint was deleted.", now);
    WAYBILL_TRY(store::replays::update(connection, replay));
    return step;
  }
  const auto events = store::replays::next_events(connection, workspace, replay.position,
                                                  std::min(replay.until, settled), kStepEvents);
  if (!events) return fail(events.error());
  for (const auto& event : *events) {
    if (step.made >= room) break;
    ++step.looked_at;
    replay.position = event.id.uuid();
    if (target->subscriptions.empty() || !takes(replay, *target, event)) continue;
    const auto act = judge(connection, replay, *target, event, now);
    if (!act) return fail(act.error());
    auto made = act->kind == Kind::kNothing ? Result<bool>(false)
                                            : carry_out(connection, replay, *act, event, now);
    if (!made) return fail(made.error());
    ++(*made ? replay.made : replay.skipped);
    if (*made) ++step.made;
  }
  replay.looked_at += step.looked_at;
  const bool seen_all = std::ssize(*events) < kStepEvents && step.looked_at == std::ssize(*events);
  if (seen_all && settled >= replay.until) finish(replay, model::ReplayState::kDone, {}, now);
  WAYBILL_TRY(store::replays::update(connection, replay));
  return step;
}

Result<bool> Recovery::foresee(store::Connection& connection, model::Replay& replay,
                               Timestamp now) const {
  const auto target = find_target(connection, replay);
  if (!target) return fail(target.error());
  const auto events = store::replays::next_events(connection, replay.workspace_id, replay.position,
                                                  replay.until, kStepEvents);
  if (!events) return fail(events.error());
  for (const auto& event : *events) {
    ++replay.looked_at;
    replay.position = event.id.uuid();
    if (target->subscriptions.empty() || !takes(replay, *target, event)) continue;
    const auto act = judge(connection, replay, *target, event, now);
    if (!act) return fail(act.error());
    ++(act->kind == Kind::kNothing ? replay.skipped : replay.made);
  }
  return std::ssize(*events) == kStepEvents;
}

}  // namespace waybill::intake
