// The Dispatcher makes deliveries: it decides which is sent when, has each sent, and records what
// came of it. One for each hub; every channel and every retry goes through it.
//
// Life of a delivery:
//   accepted   written by intake, leased to this node, handed over in memory (hand_over)
//   or due     in the store: after a retry's delay, a lease that ran out, a resume (wake); claimed
//   sent       when its turn has come and its endpoint has room
//   recorded   attempt, next state and the endpoint's health, in one transaction
//
// Promises:
//
//  1. Every delivery in the store that is due, to an active endpoint, is attempted, as long as some
//     node runs. What a node held when it died is attempted again once its lease is over.
//  2. While a lease lasts, nobody else attempts that delivery.
//  3. Turns go round workspaces, and within each round its endpoints: a flood or a dead receiver
//  delays
//     nobody else. An endpoint has at most its cap of requests in flight, of all nodes together
//     (approximately: delivery/caps.h).
//  4. Nothing is sent to a paused, deactivated or deleted endpoint, but what was on its way
//  already.
//  5. At least once: if the outcome cannot be recorded, the delivery is made again, with the same
//     ids. While the store cannot be written to, an outcome is kept and written once it can.
//  6. To an endpoint that is in_order, deliveries are made one at a time, in the order of their
//  ids:
//     the next is sent once the one before it has succeeded, or was dropped or cancelled, and not
//     while that waits for its next try. So also after a restart, and by several nodes. A manual
//     retry of a dropped one takes its place again: nothing is sent before it any more. An attempt
//     that was cut off is made again first (5), so a receiver may see one twice in a row. Ids are
//     given as events are accepted: in the order of acceptance, of two nodes as exactly as their
//     clocks agree.
//  7. To an endpoint with order_by the same is promised of deliveries with the same key: one at a
//     time, in the order of their ids, and none while the one before it waits for its next try.
//     Those of other keys are made beside it, and keys that wait have their turns one after the
//     other.
//
// Memory is bounded: for each endpoint about kReadyMax deliveries wait here, for all
// kReadyTotalMax, and beyond that a handful for each endpoint; the rest waits in the store. No
// attempt begins while unrecorded_max others have no recorded outcome.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/task.h"
#include "delivery/alerts.h"
#include "delivery/channel.h"
#include "delivery/dispatcher_counters.h"
#include "intake/acceptance.h"
#include "store/database.h"

namespace waybill::delivery {

struct DispatcherOptions {
  Uuid node;                    // Who holds the leases. The same after a restart.
  std::string node_name = {};   // Whose an attempt is, for people.
  int in_flight_max = 4096;     // Of all endpoints together.
  int endpoint_in_flight = 32;  // Of one endpoint, unless it says otherwise.
  int unrecorded_max = 8192;    // Attempts under way or with an outcome that is not yet stored.
  // Of one that has just failed: one dead receiver must not hold what others could use.
  int failing_endpoint_in_flight = 4;
  // Real time: how long a delivery is held at least, and so how long what a dead node held has to
  // wait. Longer where an attempt may take longer (delivery/leases.h), so that a lease runs out
  // only if its node is gone.
  std::chrono::milliseconds lease{std::chrono::minutes(2)};
  // An endpoint of whose latest attempts more than a share failed is told of (delivery/alerts.h).
  int failing_attempts = 20;
  int failing_percent = 50;
  // Hub time: how often the store is asked for due deliveries nobody told us of.
  std::chrono::seconds poll{30};
};

class Dispatcher {
 public:
  static constexpr std::size_t kReadyMax = 256;
  static constexpr std::size_t kReadyTotalMax = 50'000;
  static constexpr std::chrono::milliseconds kTrustedFor{500};  // Real time.

  // Everything given outlives it.
  Dispatcher(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
             EndpointDirectory& endpoints, Channels& channels, const Alerts& alerts, Rng rng,
             DispatcherOptions options);
  ~Dispatcher();

  // Takes back what this node held in its former life, finds what is owed, and begins.
  // Fails as Database::run().
  Task<Result<void>> start();

  // Begins nothing new, and gives back what has not been sent.
  void begin_stop();

  // The same, and waits for what is in flight until `deadline`; then gives back the leases of what
  // is left, which counters() still has in flight: it goes on until its channel ends it, or the
  // io_context is gone, and writes nothing any more.
  Task<void> stop(Deadline deadline = Deadline::never());

  // On what terms a unit that is about to run may lease new deliveries.
  intake::LeaseTerms lease_terms() const;

  // After the commit of what was accepted.
  void hand_over(intake::Accepted accepted);

  // The endpoint is owed something from `due_at` on: a manual retry, or a resume. Other nodes are
  // told too.
  void wake(const model::WorkspaceId& workspace, const model::EndpointId& endpoint,
            Timestamp due_at);

  // An endpoint was changed, paused, resumed or deleted: what is known of it here is forgotten, and
  // what waits for it here is given back. Call after the commit.
  void endpoint_changed(const model::WorkspaceId& workspace, const model::EndpointId& endpoint);

  // Another node has written what is due to this endpoint, and would be helped with it.
  void hear_due(const model::WorkspaceId& workspace, const model::EndpointId& endpoint);

  // So many nodes are live, this one included: they share each endpoint's cap and rate
  // (delivery/caps.h).
  void set_nodes(int live);

  // False: what other nodes change may go unheard (store/changes.h), so an endpoint is read anew
  // for attempts that begin more than kTrustedFor later. True: nothing has to be, from now on, once
  // all has been read anew and the store has been asked what is due.
  void trust(bool trusted);

  DispatcherCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::delivery
