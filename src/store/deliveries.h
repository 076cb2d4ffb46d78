// SQL of the Delivery and its Attempts: what is owed, who is working on it, and what came of it.
//
// A lease is a delivery's `due_at` in the future together with the `lease` of the node that holds
// it; both must still be as they were given when the node reports what came of it. So an attempt
// that took longer than its lease, and may have been made again by somebody else, writes nothing.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/delivery.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::deliveries {

// Which node holds a delivery, and until when.
struct Lease {
  Uuid node;
  Timestamp until{};
};

struct Filter {
  std::optional<model::EndpointId> endpoint;
  std::optional<model::DeliveryState> state;
  std::optional<std::string> event_type;
  std::optional<Timestamp> since;  // Created at or after.
  std::optional<Timestamp> until;  // Created before.
  // Of messages: to the handlers of this source, of the platform's type, with its id.
  std::optional<model::SourceId> source = {};
  std::optional<std::string> message_type = {};
  std::optional<std::string> external_id = {};
};

// With a lease: `delivery.due_at` is its end and `delivery.state` is kDelivering.
Result<void> insert(Connection& connection, const model::Delivery& delivery,
                    const std::optional<Lease>& lease);

// Fails with kNotFound (delivery_not_found).
Result<model::Delivery> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::DeliveryId& id);
Result<Page<model::Delivery>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const Filter& filter, const PageRequest& page);
Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter);
// Oldest first.
Result<std::vector<model::Delivery>> of_event(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::EventId& event);
Result<std::vector<model::Attempt>> attempts(Connection& connection,
                                             const model::WorkspaceId& workspace,
                                             const model::DeliveryId& id);

// What one endpoint was sent, try by try: those of the newest delivery first, the last try of each
// before the others.
struct Try {
  model::DeliveryId delivery_id;
  model::EventId event_id;
  std::string event_type;  // Canonical.
  model::Attempt attempt;
};
Result<std::vector<Try>> tries_at(Connection& connection, const model::WorkspaceId& workspace,
                                  const model::EndpointId& endpoint, int limit,
                                  std::int64_t offset);
Result<std::int64_t> count_tries_at(Connection& connection, const model::WorkspaceId& workspace,
                                    const model::EndpointId& endpoint);

// Leases at most `limit` due deliveries of one endpoint to `lease.node`: the longest due, given in
// the order of their ids. None if the endpoint is not active. Leases that ran out are due again.
Result<std::vector<model::Delivery>> claim_due(Connection& connection,
                                               const model::WorkspaceId& workspace,
                                               const model::EndpointId& endpoint, Timestamp now,
                                               const Lease& lease, int limit);

// The same for an endpoint that is sent to in order: leases its oldest unfinished delivery, if that
// is due and none of them is leased now. Nothing: there is none, or it is not its time.
// Requires: the endpoint's row is held (endpoints::find_to_change()), so that one node claims at a
// time.
Result<std::optional<model::Delivery>> claim_next_in_order(Connection& connection,
                                                           const model::WorkspaceId& workspace,
                                                           const model::EndpointId& endpoint,
                                                           Timestamp now, const Lease& lease);
// When to look again: at the end of the lease that one of them is under, or else when the oldest is
// due. Nothing: it is owed nothing.
Result<std::optional<Timestamp>> next_due_in_order(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const model::EndpointId& endpoint,
                                                   Timestamp now);

// When the endpoint's next delivery is due, leased ones included. Nothing: it is owed nothing.
Result<std::optional<Timestamp>> next_due(Connection& connection,
                                          const model::WorkspaceId& workspace,
                                          const model::EndpointId& endpoint);

// Every endpoint that is owed something and active, and since when. Deleted ones too: what was
// leased when they were is theirs to be cancelled.
struct Owed {
  model::WorkspaceId workspace_id;
  model::EndpointId endpoint_id;
  Timestamp due_at{};
};
Result<std::vector<Owed>> owed(Connection& connection);

// Writes the attempt and the delivery's next state, and ends the lease.
// Requires: `delivery.attempts_made` counts the attempt.
// Fails with kConflict (lease_over), and writes nothing, if the lease is not ours any more: it has
// been claimed again, released or cancelled since. Ours it stays beyond its end if nobody did.
Result<void> finish_attempt(Connection& connection, const model::Delivery& delivery,
                            const Lease& lease, const model::Attempt& attempt,
                            const model::NextState& next, Timestamp now);

// What of one endpoint is due, whatever its state: the longest due first, at most `limit`. Leases
// that ran out are due again. Of one that is sent to in order, its oldest unfinished delivery
// alone.
Result<std::vector<model::Delivery>> due(Connection& connection,
                                         const model::WorkspaceId& workspace,
                                         const model::EndpointId& endpoint, Timestamp now,
                                         int limit);

// The delivery, locked until the unit is over, if attempt number `number` at it can have been made
// by somebody who is no node.
// Fails with kNotFound (delivery_not_found), kConflict: delivery_finished; delivery_in_flight, a
// node holds it; attempt_number_taken, another one is next.
Result<model::Delivery> find_to_attempt(Connection& connection, const model::WorkspaceId& workspace,
                                        const model::DeliveryId& id, int number, Timestamp now);
// Writes that attempt and the delivery's next state.
// Requires: `delivery` is from find_to_attempt() in this unit, and `delivery.attempts_made` counts
// the attempt by now.
Result<void> record_attempt(Connection& connection, const model::Delivery& delivery,
                            const model::Attempt& attempt, const model::NextState& next,
                            Timestamp now);

// Gives a leased delivery back untried, to be due then. No error if the lease is over.
Result<void> release(Connection& connection, const model::Delivery& delivery, const Lease& lease,
                     Timestamp due_at);
// Gives back everything that `node` held, in its former life, and cancels it where the endpoint is
// deleted. Returns how many.
Result<std::int64_t> release_all_of(Connection& connection, const Uuid& node, Timestamp now);

// Cancels one, whoever holds it.
Result<void> cancel(Connection& connection, const model::Delivery& delivery, Timestamp now);

// Cancels what waits for a deleted endpoint, and what was left by a lease that ran out. What is on
// its way keeps its lease. Returns how many.
Result<std::int64_t> cancel_waiting(Connection& connection, const model::WorkspaceId& workspace,
                                    const model::EndpointId& endpoint, Timestamp now);

// A manual retry: due at once, with the whole schedule ahead of it again.
// Fails with kNotFound (delivery_not_found), kConflict (delivery_succeeded, delivery_in_flight,
// delivery_cancelled).
Result<model::Delivery> retry(Connection& connection, const model::WorkspaceId& workspace,
                              const model::DeliveryId& id, Timestamp now);
// Retries the dead letters that pass `filter` (its state does not count), the newest first and at
// most `limit`, but not those of deleted endpoints. Returns them, in any order.
Result<std::vector<model::Delivery>> retry_dropped(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const Filter& filter, Timestamp now, int limit);

// Dismisses a dead letter: it is cancelled, with the reason.
// Fails with kNotFound (delivery_not_found), kConflict (delivery_not_dropped).
Result<model::Delivery> dismiss(Connection& connection, const model::WorkspaceId& workspace,
                                const model::DeliveryId& id, std::string_view reason,
                                Timestamp now);
// Dismisses those that pass `filter`, the newest first and at most `limit`. Returns how many.
Result<std::int64_t> dismiss_dropped(Connection& connection, const model::WorkspaceId& workspace,
                                     const Filter& filter, std::string_view reason, Timestamp now,
                                     int limit);

}  // namespace waybill::store::deliveries
