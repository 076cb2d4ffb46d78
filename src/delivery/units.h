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
};

// Leases at most `limit` due deliveries of an endpoint, or the next one if it is sent to in order;
// cancels them if it has been deleted. Fails as Connection::query().
struct Claim {
  model::WorkspaceId workspace;
  model::EndpointId endpoint;
  Timestamp now{};
  store::deliveries::Lease lease;
  int limit = 0;
  std::optional<bool> in_order;  // Nothing: nobody knows yet.
};
Result<Claimed> claim(store::Connection& connection, const Claim& asked);
// What claim() locks: the endpoint, if it is sent to in order.
store::LockOrder claim_locks(const Claim& asked);

// What was decided about one attempt.
struct Record {
  model::Delivery delivery;  // attempts_made counts the attempt.
  store::deliveries::Lease lease;
  model::Attempt attempt;
  model::NextState next;
  bool touches_health = false;
  // It succeeded, and other nodes may have seen failures that this one has not.
  bool forgets_failures = false;
  model::Deactivation deactivation;
  FailureRate rate;
  std::optional<FollowUp> follow_up;  // If the attempt has succeeded.
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
};

// Writes it, and the alerts there is cause for: none about a delivery that is an alert itself, but
// that of a deactivation. A delivery that would be tried again is cancelled if its endpoint has
// been deleted meanwhile. Fails as store::deliveries::finish_attempt().
Result<Recorded> record(store::Connection& connection, const Record& record, const Alerts& alerts,
                        Timestamp now);

// What record() locks: the endpoint, if it changes its health.
store::LockOrder record_locks(const Record& record);

// Gives back what was not sent; and cancels it, and all that waits beside it, if the endpoint is
// `deleted`. Fails as Connection::execute().
Result<void> release(store::Connection& connection, const std::deque<Held>& held, bool deleted,
                     Timestamp now);

}  // namespace waybill::delivery
