#include "model/replay.h"

#include <algorithm>

#include "model/event.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<ReplayState, 4> kStates{{{ReplayState::kRunning, "running"},
                                         {ReplayState::kDone, "done"},
                                         {ReplayState::kCancelled, "cancelled"},
                                         {ReplayState::kFailed, "failed"}}};
constexpr Names<ReplayOnly, 3> kOnly{{{ReplayOnly::kAll, "all"},
                                      {ReplayOnly::kFailed, "failed"},
                                      {ReplayOnly::kMissing, "missing"}}};

bool is_over(DeliveryState state) {
  return state == DeliveryState::kSucceeded || state == DeliveryState::kDropped ||
         state == DeliveryState::kCancelled;
}

}  // namespace

std::string_view replay_state_name(ReplayState state) { return kStates.name(state); }
std::optional<ReplayState> parse_replay_state(std::string_view name) { return kStates.parse(name); }
std::string_view replay_only_name(ReplayOnly only) { return kOnly.name(only); }
std::optional<ReplayOnly> parse_replay_only(std::string_view name) { return kOnly.parse(name); }

bool ReplaySelection::takes(std::string_view event_type, std::string_view event_subject) const {
  if (event_type == kTestEvent) return false;
  if (!subject.empty() && event_subject != subject) return false;
  return event_types.empty() || std::ranges::find(event_types, event_type) != event_types.end();
}

ReplayAct replay_act(ReplayOnly only, std::span<const PastDelivery> past) {
  using Kind = ReplayAct::Kind;
  const auto has = [&](DeliveryState state) {
    return std::ranges::any_of(past, [&](const PastDelivery& one) { return one.state == state; });
  };
  if (past.empty()) return {only == ReplayOnly::kFailed ? Kind::kNothing : Kind::kMake, {}};
  const bool owed =
      std::ranges::any_of(past, [](const PastDelivery& one) { return !is_over(one.state); });
  if (owed || only == ReplayOnly::kMissing) return {};
  if (has(DeliveryState::kSucceeded)) {
    return {only == ReplayOnly::kAll ? Kind::kMake : Kind::kNothing, {}};
  }
  for (std::size_t i = past.size(); i-- > 0;) {
    if (past[i].state == DeliveryState::kDropped) return {Kind::kRevive, past[i].id};
  }
  return {Kind::kMake, {}};
}

}  // namespace waybill::model
