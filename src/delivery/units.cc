#include "delivery/units.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "store/changes.h"
#include "store/endpoints.h"
#include "store/events.h"

namespace waybill::delivery {
namespace {

// After everything due was somebody else's, before looking again.
constexpr std::chrono::seconds kPause{5};

using Due = Result<std::vector<model::Delivery>>;

Due as_due(Result<std::optional<model::Delivery>> claimed) {
  if (!claimed) return fail(claimed.error());
  std::vector<model::Delivery> due;
  if (*claimed) due.push_back(**std::move(claimed));
  return due;
}

// Requires: the endpoint's row is held.
Due lease_keyed(store::Connection& connection, const Claim& asked) {
  namespace deliveries = store::deliveries;
  if (asked.keys.empty()) {
    auto due = deliveries::claim_next_by_key(connection, asked.workspace, asked.endpoint, asked.now,
                                             asked.lease, asked.limit, asked.after_key);
    const int left = due ? asked.limit - static_cast<int>(due->size()) : 0;
    if (left == 0 || asked.after_key == deliveries::kBeforeAllKeys) return due;
    // Round again, to those that were passed over: what has just been claimed is not claimed twice.
    auto others =
        deliveries::claim_next_by_key(connection, asked.workspace, asked.endpoint, asked.now,
                                      asked.lease, left, deliveries::kBeforeAllKeys);
    if (!others) return others;
    std::ranges::move(*others, std::back_inserter(*due));
    return due;
  }
  std::vector<model::Delivery> due;
  for (const std::int64_t key : asked.keys) {
    auto one = deliveries::claim_next_of_key(connection, asked.workspace, asked.endpoint, key,
                                             asked.now, asked.lease);
    if (!one) return fail(one.error());
    if (*one) due.push_back(**std::move(one));
  }
  return due;
}

Due lease_due(store::Connection& connection, const Claim& asked, Order order) {
  namespace deliveries = store::deliveries;
  if (order == Order::kNone) {
    return deliveries::claim_due(connection, asked.workspace, asked.endpoint, asked.now,
                                 asked.lease, asked.limit);
  }
  // Other nodes that would claim wait here.
  WAYBILL_TRY(store::endpoints::find_to_change(connection, asked.workspace, asked.endpoint));
  if (order == Order::kByKey) return lease_keyed(connection, asked);
  return as_due(deliveries::claim_next_in_order(connection, asked.workspace, asked.endpoint,
                                                asked.now, asked.lease));
}

// When to claim again.
Result<void> find_next_due(store::Connection& connection, const Claim& asked, Order order,
                           Claimed& claimed) {
  namespace deliveries = store::deliveries;
  if (order == Order::kByKey) {
    if (!asked.keys.empty()) {
      for (const std::int64_t key : asked.keys) {
        const auto due = deliveries::next_due_of_key(connection, asked.workspace, asked.endpoint,
                                                     key, asked.now);
        if (!due) return fail(due.error());
        if (*due && (!claimed.next_due || **due < *claimed.next_due)) claimed.next_due = *due;
      }
      return {};
    }
    if (static_cast<int>(claimed.held.size()) >= asked.limit) {
      claimed.next_due = asked.now;
      return {};
    }
    const auto due =
        deliveries::next_due_by_key(connection, asked.workspace, asked.endpoint, asked.now);
    if (!due) return fail(due.error());
    claimed.next_due = due->due_at;
    claimed.keys = due->keys;
    return {};
  }
  const auto next =
      order == Order::kStrict
          ? deliveries::next_due_in_order(connection, asked.workspace, asked.endpoint, asked.now)
          : deliveries::next_due(connection, asked.workspace, asked.endpoint);
  if (!next) return fail(next.error());
  claimed.next_due = *next;
  return {};
}

// The event that `delivery` tells of. Null: retention and a replay have met, and there is nothing
// to tell any more.
Result<std::shared_ptr<OutgoingEvent>> find_event(store::Connection& connection,
                                                  const model::Delivery& delivery) {
  auto found = store::events::find(connection, delivery.workspace_id, delivery.event_id);
  if (!found && found.error().code == Code::kNotFound) return std::shared_ptr<OutgoingEvent>();
  if (!found) return fail(found.error());
  return std::make_shared<OutgoingEvent>(
      std::make_shared<const model::Event>(std::move(found->event)));
}

}  // namespace

Order order_of(const model::Endpoint& endpoint) {
  if (endpoint.in_order) return Order::kStrict;
  return endpoint.order_by.empty() ? Order::kNone : Order::kByKey;
}

Result<Claimed> claim(store::Connection& connection, const Claim& asked) {
  const model::WorkspaceId& workspace = asked.workspace;
  const model::EndpointId& endpoint = asked.endpoint;
  const Timestamp now = asked.now;
  if (!asked.order) {
    const auto owner = store::endpoints::find(connection, workspace, endpoint);
    if (!owner) return fail(owner.error());
    Claim known = asked;
    known.order = order_of(*owner);
    return claim(connection, known);
  }
  auto due = lease_due(connection, asked, *asked.order);
  if (!due) return fail(due.error());
  Claimed claimed;
  std::unordered_map<model::EventId, std::shared_ptr<OutgoingEvent>> events;
  for (model::Delivery& delivery : *due) {
    auto& event = events[delivery.event_id];
    if (!event) {
      auto found = find_event(connection, delivery);
      if (!found) return fail(found.error());
      event = *std::move(found);
    }
    if (!event) {
      WAYBILL_TRY(store::deliveries::cancel(connection, delivery, now));
      continue;
    }
    claimed.held.push_back({std::move(delivery), asked.lease, event});
  }
  WAYBILL_TRY(find_next_due(connection, asked, *asked.order, claimed));
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
  return asked.order == Order::kNone ? 0 : store::lock_order(asked.endpoint.bytes());
}

Record decide(Held held, model::Attempt attempt, const Target& target, Timestamp now, Rng& rng) {
  // What a server said may be cut anywhere, and in any encoding; PostgreSQL would not take it.
  if (!attempt.error.empty()) {
    attempt.error = replace_invalid_utf8(attempt.error);
    std::erase(attempt.error, '\0');
  }
  if (attempt.started_at == Timestamp()) attempt.started_at = now;
  Record record;
  record.delivery = std::move(held.delivery);
  if (!attempt.unmade) {
    record.delivery.attempts_made = attempt.number;
    if (attempt.outcome == model::Outcome::kLater) ++record.delivery.attempts_before_retry;
  }
  record.touches_health = attempt.outcome != model::Outcome::kSucceeded;
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

// Of the key that `record` has made way for: the lease passes to the next one within this
// transaction, so nobody else can have claimed one meanwhile, and no claim has to look for it.
Result<void> hold_next_of_key(store::Connection& connection, const Record& record, Timestamp now,
                              Recorded& recorded) {
  namespace deliveries = store::deliveries;
  const model::Delivery& made = record.delivery;
  const auto due = deliveries::next_due_of_key(connection, made.workspace_id, made.endpoint_id,
                                               *made.order_key, now);
  if (!due) return fail(due.error());
  recorded.next_due = *due;
  if (!*due || **due > now || record.lease.until <= now) return {};
  auto next = deliveries::claim_next_of_key(connection, made.workspace_id, made.endpoint_id,
                                            *made.order_key, now, *record.next_of_key);
  if (!next) return fail(next.error());
  if (!*next) return {};
  auto event = find_event(connection, **next);
  if (!event) return fail(event.error());
  if (!*event) return deliveries::cancel(connection, **next, now);
  recorded.next = {**std::move(next), *record.next_of_key, *std::move(event)};
  recorded.next_due.reset();
  return {};
}

}  // namespace

Result<Recorded> record(store::Connection& connection, const Record& record, const Alerts& alerts,
                        Timestamp now) {
  const model::Delivery& delivery = record.delivery;
  model::NextState next = record.next;
  if (record.attempt.unmade) {
    WAYBILL_TRY(store::deliveries::release(connection, delivery, record.lease, *next.due_at));
    return Recorded();
  }
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
  Recorded recorded;
  std::optional<model::Attempt> noted;
  if (record.follow_up && next.state == model::DeliveryState::kSucceeded) {
    auto followed = alerts.follow(connection, delivery, *record.follow_up, now);
    if (!followed) return fail(followed.error());
    if (followed->accepted) recorded.accepted.push_back(*std::move(followed->accepted));
    if (followed->there) {
      noted = record.attempt;
      noted->response_body = fmt::format("Published already, as {}.", followed->there->text());
    }
  }
  WAYBILL_TRY(store::deliveries::finish_attempt(connection, delivery, record.lease,
                                                noted ? *noted : record.attempt, next, now));
  if (endpoint) {
    WAYBILL_TRY(
        record_health(connection, record, next, *std::move(endpoint), alerts, now, recorded));
  } else if (record.forgets_failures) {
    WAYBILL_TRY(
        store::endpoints::forget_failures(connection, delivery.workspace_id, delivery.endpoint_id));
  }
  if (next.state == model::DeliveryState::kDropped && !model::is_alert(delivery.event_type)) {
    auto alert = alerts.dropped(connection, delivery, record.attempt, now);
    if (!alert) return fail(alert.error());
    recorded.accepted.push_back(*std::move(alert));
  }
  if (record.next_of_key && !next.due_at) {
    WAYBILL_TRY(hold_next_of_key(connection, record, now, recorded));
  }
  return recorded;
}

store::LockOrder record_locks(const Record& record) {
  const bool locks = record.touches_health || record.forgets_failures;
  return locks && !record.attempt.unmade ? store::lock_order(record.delivery.endpoint_id.bytes())
                                         : 0;
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
