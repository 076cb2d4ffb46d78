#include "delivery/units.h"

#include <utility>

#include "store/endpoints.h"
#include "store/events.h"

namespace waybill::delivery {
namespace {

// After everything due was somebody else's, before looking again.
constexpr std::chrono::seconds kPause{5};

}  // namespace

Result<Claimed> claim(store::Connection& connection, const model::WorkspaceId& workspace,
                      const model::EndpointId& endpoint, Timestamp now,
                      const store::deliveries::Lease& lease, int limit) {
  auto due = store::deliveries::claim_due(connection, workspace, endpoint, now, lease, limit);
  if (!due) return fail(due.error());
  Claimed claimed;
  std::unordered_map<model::EventId, std::shared_ptr<OutgoingEvent>> events;
  for (model::Delivery& delivery : *due) {
    auto& event = events[delivery.event_id];
    if (!event) {
      auto found = store::events::find(connection, workspace, delivery.event_id);
      if (!found) return fail(found.error());
      event = std::make_shared<OutgoingEvent>(
          std::make_shared<const model::Event>(std::move(found->event)));
    }
    claimed.held.push_back({std::move(delivery), lease, event});
  }
  auto next = store::deliveries::next_due(connection, workspace, endpoint);
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

Record decide(Held held, model::Attempt attempt, const Target& target, Timestamp now, Rng& rng) {
  Record record;
  record.delivery = std::move(held.delivery);
  record.delivery.attempts_made = attempt.number;
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

Result<std::optional<model::EndpointHealth>> record(store::Connection& connection,
                                                    const Record& record, Timestamp now) {
  model::NextState next = record.next;
  std::optional<model::Endpoint> endpoint;
  if (record.touches_health) {
    auto found = store::endpoints::find_to_change(connection, record.delivery.workspace_id,
                                                  record.delivery.endpoint_id);
    if (!found) return fail(found.error());
    endpoint = *std::move(found);
    if (endpoint->state == model::EndpointState::kDeleted && next.due_at) {
      next = {model::DeliveryState::kCancelled, std::nullopt};
    }
  }
  WAYBILL_TRY(store::deliveries::finish_attempt(connection, record.delivery, record.lease,
                                                record.attempt, next, now));
  if (!endpoint) {
    if (record.forgets_failures) {
      WAYBILL_TRY(store::endpoints::forget_failures(connection, record.delivery.workspace_id,
                                                    record.delivery.endpoint_id));
    }
    return std::optional<model::EndpointHealth>();
  }

  const model::EndpointHealth before{endpoint->consecutive_failures, endpoint->state, {}};
  model::EndpointHealth after =
      model::next_health(before, record.attempt, next, record.deactivation);
  if (after == before) return std::optional(std::move(after));
  endpoint->consecutive_failures = after.consecutive_failures;
  if (after.state != before.state) {
    endpoint->state = after.state;
    endpoint->state_reason = after.reason;
    endpoint->updated_at = now;
  }
  WAYBILL_TRY(store::endpoints::update_health(connection, *endpoint, before.state));
  return std::optional(std::move(after));
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
