#include "delivery/units.h"

#include <utility>

#include "store/changes.h"
#include "store/endpoints.h"
#include "store/events.h"

namespace waybill::delivery {
namespace {

// After everything due was somebody else's, before looking again.
constexpr std::chrono::seconds kPause{5};

using Due = Result<std::vector<model::Delivery>>;

Due lease_due(store::Connection& connection, const Claim& asked, bool in_order) {
  namespace deliveries = store::deliveries;
  if (!in_order) {
    return deliveries::claim_due(connection, asked.workspace, asked.endpoint, asked.now,
                                 asked.lease, asked.limit);
  }
  // Other nodes that would claim wait here.
  WAYBILL_TRY(store::endpoints::find_to_change(connection, asked.workspace, asked.endpoint));
  auto next = deliveries::claim_next_in_order(connection, asked.workspace, asked.endpoint,
                                              asked.now, asked.lease);
  if (!next) return fail(next.error());
  std::vector<model::Delivery> due;
  if (*next) due.push_back(**std::move(next));
  return due;
}

}  // namespace

Result<Claimed> claim(store::Connection& connection, const Claim& asked) {
  const auto& [workspace, endpoint, now, lease, limit, known_order] = asked;
  if (!known_order) {
    const auto owner = store::endpoints::find(connection, workspace, endpoint);
    if (!owner) return fail(owner.error());
    Claim known = asked;
    known.in_order = owner->in_order;
    return claim(connection, known);
  }
  auto due = lease_due(connection, asked, *known_order);
  if (!due) return fail(due.error());
  Claimed claimed;
  std::unordered_map<model::EventId, std::shared_ptr<OutgoingEvent>> events;
  for (model::Delivery& delivery : *due) {
    auto& event = events[delivery.event_id];
    if (!event) {
      auto found = store::events::find(connection, workspace, delivery.event_id);
      if (!found && found.error().code == Code::kNotFound) {
        // Retention and a replay have met: there is nothing to tell any more.
        WAYBILL_TRY(store::deliveries::cancel(connection, delivery, now));
        events.erase(delivery.event_id);
        continue;
      }
      if (!found) return fail(found.error());
      event = std::make_shared<OutgoingEvent>(
          std::make_shared<const model::Event>(std::move(found->event)));
    }
    claimed.held.push_back({std::move(delivery), lease, event});
  }
  auto next = *known_order
                  ? store::deliveries::next_due_in_order(connection, workspace, endpoint, now)
                  : store::deliveries::next_due(connection, workspace, endpoint);
  if (!next) return fail(next.error());
  claimed.next_due = *next;
  if (!claimed.held.empty() || !claimed.next_due || *claimed.next_due > now) return claimed;

  // Something is due, but not to us. An endpoint that is not active is left alone until it is
  // resumed.
  const auto owner = store::endpoints::find(connection, workspace, endpoint);
  if (!owner) return fail(owner.error());
  if (owner->state == model::EndpointState::kDeleted) {
    // It was leased when its endpoint was deleted, and nobody has told what came of it.
    WAYBILL_TRY(store::deliveries::cancel_waiting(connection, workspace, endpoint, now));
    auto left = store::deliveries::next_due(connection, workspace, endpoint);
    if (!left) return fail(left.error());
    claimed.next_due = *left;
    return claimed;
  }
  claimed.next_due =
      owner->state == model::EndpointState::kActive ? std::optional(now + kPause) : std::nullopt;
  return claimed;
}

store::LockOrder claim_locks(const Claim& asked) {
  return asked.in_order.value_or(true) ? store::lock_order(asked.endpoint.bytes()) : 0;
}

Record decide(Held held, model::Attempt attempt, const Target& target, Timestamp now, Rng& rng) {
  Record record;
  record.delivery = std::move(held.delivery);
  record.delivery.attempts_made = attempt.number;
  if (attempt.outcome == model::Outcome::kLater) ++record.delivery.attempts_before_retry;
  record.lease = held.lease;
  record.attempt = std::move(attempt);
  record.next = model::next_state(record.delivery, record.attempt, target.retry, now, rng);
  record.deactivation = target.deactivation;
  return record;
}

void log_attempt(Log& log, const Record& record) {
  log.debug("attempt", {{"delivery", record.delivery.id.text()},
                        {"event_id", record.delivery.event_id.text()},
                        {"endpoint", record.delivery.endpoint_id.text()},
                        {"number", record.attempt.number},
                        {"outcome", model::outcome_name(record.attempt.outcome)},
                        {"status", record.attempt.status_code.value_or(0)},
                        {"latency_us", record.attempt.latency.count()}});
}

void log_not_recorded(Log& log, const Record& record, const Error& why) {
  log.warn("attempt_not_recorded", {{"delivery", record.delivery.id.text()},
                                    {"event_id", record.delivery.event_id.text()},
                                    {"code", why.reason},
                                    {"what", why.message}});
}

namespace {

// Writes what the attempt means for its endpoint, and tells of it.
Result<void> record_health(store::Connection& connection, const Record& record,
                           const model::NextState& next, model::Endpoint endpoint,
                           const Alerts& alerts, Timestamp now, Recorded& recorded) {
  const model::EndpointHealth before{
      endpoint.consecutive_failures, endpoint.state, {}, endpoint.failing};
  model::EndpointHealth after =
      model::next_health(before, record.attempt, next, record.deactivation);
  using Turn = FailureRate::Turn;
  if (record.rate.turn != Turn::kNone) after.failing = record.rate.turn == Turn::kFailing;
  recorded.health = after;
  if (after == before) return {};
  endpoint.consecutive_failures = after.consecutive_failures;
  endpoint.failing = after.failing;
  if (after.state != before.state) {
    endpoint.state = after.state;
    endpoint.state_reason = after.reason;
    endpoint.updated_at = now;
  }
  WAYBILL_TRY(store::endpoints::update_health(connection, endpoint, before.state));
  if (after.failing != before.failing) {
    WAYBILL_TRY(store::changes::endpoint_changed(connection, endpoint.workspace_id, endpoint.id));
  }
  const auto tell = [&](Result<intake::Accepted> alert) -> Result<void> {
    if (!alert) return fail(alert.error());
    recorded.accepted.push_back(*std::move(alert));
    return {};
  };
  if (after.failing && !before.failing) {
    WAYBILL_TRY(tell(alerts.failing(connection, endpoint, record.rate, now)));
  }
  if (after.state != before.state) {
    WAYBILL_TRY(tell(alerts.deactivated(connection, endpoint, now)));
  }
  return {};
}

}  // namespace

Result<Recorded> record(store::Connection& connection, const Record& record, const Alerts& alerts,
                        Timestamp now) {
  const model::Delivery& delivery = record.delivery;
  model::NextState next = record.next;
  std::optional<model::Endpoint> endpoint;
  if (record.touches_health) {
    auto found =
        store::endpoints::find_to_change(connection, delivery.workspace_id, delivery.endpoint_id);
    if (!found) return fail(found.error());
    endpoint = *std::move(found);
    if (endpoint->state == model::EndpointState::kDeleted && next.due_at) {
      next = {model::DeliveryState::kCancelled, std::nullopt};
    }
  }
  WAYBILL_TRY(store::deliveries::finish_attempt(connection, delivery, record.lease, record.attempt,
                                                next, now));
  Recorded recorded;
  if (endpoint) {
    WAYBILL_TRY(
        record_health(connection, record, next, *std::move(endpoint), alerts, now, recorded));
  } else if (record.forgets_failures) {
    WAYBILL_TRY(
        store::endpoints::forget_failures(connection, delivery.workspace_id, delivery.endpoint_id));
  }
  if (record.follow_up && next.state == model::DeliveryState::kSucceeded) {
    auto followed = alerts.follow(connection, *record.follow_up, now);
    if (!followed) return fail(followed.error());
    if (*followed) recorded.accepted.push_back(**std::move(followed));
  }
  if (next.state == model::DeliveryState::kDropped && !model::is_alert(delivery.event_type)) {
    auto alert = alerts.dropped(connection, delivery, record.attempt, now);
    if (!alert) return fail(alert.error());
    recorded.accepted.push_back(*std::move(alert));
  }
  return recorded;
}

store::LockOrder record_locks(const Record& record) {
  const bool locks = record.touches_health || record.forgets_failures;
  return locks ? store::lock_order(record.delivery.endpoint_id.bytes()) : 0;
}

Result<void> release(store::Connection& connection, const std::deque<Held>& held, bool deleted,
                     Timestamp now) {
  for (const Held& one : held) {
    WAYBILL_TRY(store::deliveries::release(connection, one.delivery, one.lease, now));
  }
  if (deleted && !held.empty()) {
    const model::Delivery& first = held.front().delivery;
    WAYBILL_TRY(
        store::deliveries::cancel_waiting(connection, first.workspace_id, first.endpoint_id, now));
  }
  return {};
}

}  // namespace waybill::delivery
