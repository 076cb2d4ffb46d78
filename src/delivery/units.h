// The units of work that the dispatcher runs in the store: claim, record, release. Each is a
// function of a Connection& (store/database.h) and so wholly done or not at all.
//
// They run on a thread of the database, more than once if they must: they change nothing but the
// store.

#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/rng.h"
#include "delivery/alerts.h"
#include "delivery/channel.h"
#include "delivery/failure_rates.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "store/database.h"
#include "store/deliveries.h"
#include "store/keyed_deliveries.h"

namespace waybill::delivery {

// A delivery that this node holds.
struct Held {
  model::Delivery delivery;
  store::deliveries::Lease lease;
  std::shared_ptr<OutgoingEvent> event;
};

// What was claimed for one endpoint, with the events.
struct Claimed {
  std::vector<Held> held;             // In the order in which it is to be sent.
  std::optional<Timestamp> next_due;  // When to claim again; nothing: not before somebody wakes us.
  // Of one that is sent to by key: how many keys were looked at to find that. 0: there were enough
  // of them to fill `limit`.
  std::int64_t keys = 0;
};

// In which order the deliveries of an endpoint are made.
enum class Order {
  kNone,    // Side by side, and what failed later than what came after it.
  kStrict,  // One at a time (Endpoint::in_order).
  kByKey,   // One at a time of those with the same key (Endpoint::order_by).
};
Order order_of(const model::Endpoint& endpoint);

// Leases at most `limit` due deliveries of an endpoint: the next one if it is sent to in strict
// order, the next one of each key if by key; cancels them if it has been deleted. Fails as
// Connection::query().
struct Claim {
  model::WorkspaceId workspace;
  model::EndpointId endpoint;
  Timestamp now{};
  store::deliveries::Lease lease;
  int limit = 0;
  std::optional<Order> order;  // Nothing: nobody knows yet.
  // By key: only these, if there are any; else all that come after `after_key`, and then the
  // others.
  std::vector<std::int64_t> keys = {};
  std::int64_t after_key = store::deliveries::kBeforeAllKeys;
};
Result<Claimed> claim(store::Connection& connection, const Claim& asked);
// What claim() locks: the endpoint, if it is sent to in any order.
store::LockOrder claim_locks(const Claim& asked);

// What was decided about one attempt.
struct Record {
  model::Delivery delivery;  // attempts_made counts the attempt, unless that is unmade.
  store::deliveries::Lease lease;
  model::Attempt attempt;
  model::NextState next;
  bool touches_health = false;
  // It succeeded, and other nodes may have seen failures that this one has not.
  bool forgets_failures = false;
  model::Deactivation deactivation;
  FailureRate rate;
  std::optional<FollowUp> follow_up;  // If the attempt has succeeded.
  // Of one that is made in order of a key: under which the next of that key is to be held. Nothing:
  // it is left to a claim.
  std::optional<store::deliveries::Lease> next_of_key;
};

// What `attempt` at `held` means for the delivery. Pure, but for the chance in a delay.
Record decide(Held held, model::Attempt attempt, const Target& target, Timestamp now, Rng& rng);

// The log's lines about it, with the ids of delivery and event.
void log_attempt(Log& log, const Record& record);
void log_not_recorded(Log& log, const Record& record, const Error& why);

// What was written of it.
struct Recorded {
  std::optional<model::EndpointHealth> health;  // If it touches that.
  // Alerts, and what follows from the attempt: to be handed over, after the commit.
  std::vector<intake::Accepted> accepted;
  std::optional<Held> next;           // Of the same key.
  std::optional<Timestamp> next_due;  // When there is one, but not yet.
};

// Writes it, and the alerts there is cause for: none about a delivery that is an alert itself, but
// that of a deactivation. A delivery that would be tried again is cancelled if its endpoint has
// been deleted meanwhile. What is unmade is given back, due when it says. Fails as
// store::deliveries::finish_attempt().
Result<Recorded> record(store::Connection& connection, const Record& record, const Alerts& alerts,
                        Timestamp now);

// What record() locks first: the endpoint, if it changes its health.
store::LockOrder record_locks(const Record& record);

// Gives back what was not sent; and cancels it, and all that waits beside it, if the endpoint is
// `deleted`. Fails as Connection::execute().
Result<void> release(store::Connection& connection, const std::deque<Held>& held, bool deleted,
                     Timestamp now);

}  // namespace waybill::delivery
