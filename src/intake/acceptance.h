// Acceptance is the moment an event becomes owed: the event and a delivery for every endpoint it
// matches are written in the transaction of the record it is about, or not at all.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "dialect/loader.h"
#include "intake/publication.h"
#include "model/delivery.h"
#include "model/event.h"
#include "routing/routing.h"
#include "store/connection.h"
#include "store/deliveries.h"

namespace waybill::intake {

// On what terms new deliveries are leased to this node as they are written, so that they are sent
// right after the commit without being claimed. Made by the dispatcher for each unit of work.
struct LeaseTerms {
  store::deliveries::Lease lease;
  // Endpoints that have as much waiting in memory as they may: their new deliveries are written as
  // due and claimed later. Null: none.
  std::shared_ptr<const std::unordered_set<model::EndpointId>> congested;
  bool all_congested = false;

  bool leases_to(const model::EndpointId& endpoint) const;
};

// What acceptance wrote. Given to the dispatcher after the commit.
struct Accepted {
  std::shared_ptr<const model::Event> event;
  store::deliveries::Lease lease;
  std::vector<model::Delivery> leased;  // To be sent at once.
  std::vector<model::Delivery> due;     // In the store, to be claimed.
  std::vector<model::Delivery> held;    // For endpoints that are not active now.
  std::optional<std::string> unmatched_reason;
  std::string withheld;    // From whom, and why: routing::withheld_text(), or empty.
  bool is_replay = false;  // The event was there before.
  // A delivery that was there before tells of this event now: the last of its window.
  std::size_t taken_over = 0;
  std::size_t made() const { return leased.size() + due.size() + held.size(); }
  std::size_t matched() const { return made() + taken_over; }
};

class Acceptance {
 public:
  // Both outlive it. Any thread may call its functions.
  Acceptance(const dialect::DialectRegistry& dialects, IdGenerator& ids)
      : dialects_(dialects), ids_(ids) {}

  // Writes `event` and its deliveries: routing::plan() says to whom, and within a window of its
  // dialect an endpoint is sent the same once. `publication`: if somebody else than the hub made
  // it. Fails as Connection::execute(), and as the functions of intake/publication.h.
  Result<Accepted> accept(store::Connection& connection, model::Event event,
                          const LeaseTerms& terms, Timestamp now,
                          const Publication* publication = nullptr) const;

  // The same, of an event of the hub's own, where `subscriptions` are those of its workspace as
  // they are in this transaction (store::endpoints::subscriptions()): for who accepts several.
  Result<Accepted> accept_among(store::Connection& connection, model::Event event,
                                std::span<const store::endpoints::Subscription> subscriptions,
                                const LeaseTerms& terms, Timestamp now) const;

  // Writes a new event for one endpoint alone, whatever it subscribes to: a test.
  // Fails with kNotFound (endpoint_not_found), also for a deleted one.
  Result<Accepted> accept_for(store::Connection& connection, model::Event event,
                              const model::EndpointId& endpoint, const LeaseTerms& terms,
                              Timestamp now) const;

  // Writes new deliveries of an event that is there, to one endpoint whatever it subscribes to, or
  // to all that match today. Fails with kNotFound (event_not_found, endpoint_not_found), and
  // without an endpoint with kConflict (event_narrowed) for one that was published to some alone.
  Result<Accepted> replay(store::Connection& connection, const model::WorkspaceId& workspace,
                          const model::EventId& event,
                          const std::optional<model::EndpointId>& endpoint, const LeaseTerms& terms,
                          Timestamp now) const;

 private:
  // The deliveries of one event on their way into the store.
  class Batch;

  Result<Accepted> accept_routed(store::Connection& connection, model::Event event,
                                 std::span<const store::endpoints::Subscription> subscriptions,
                                 const LeaseTerms& terms, Timestamp now,
                                 const Publication* publication) const;
  Result<routing::Plan> route(store::Connection& connection, const model::Event& event,
                              std::span<const store::endpoints::Subscription> subscriptions) const;

  const dialect::DialectRegistry& dialects_;
  IdGenerator& ids_;
};

}  // namespace waybill::intake
