// Alerts are events about deliveries themselves: an endpoint was deactivated, an endpoint is
// failing, a delivery was dropped. They are events of the workspace like any other, accepted in the
// transaction of what they tell of; routing/ says who may be told.
//
// What follows from an attempt (delivery/channel.h) is accepted here too, in the same way.
//
// Any thread may call these functions: they run in units of work.

#pragma once

#include "base/ids.h"
#include "delivery/channel.h"
#include "delivery/failure_rates.h"
#include "intake/acceptance.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "store/connection.h"

namespace waybill::delivery {

class Alerts {
 public:
  // Both outlive it.
  Alerts(const intake::Acceptance& acceptance, IdGenerator& ids)
      : acceptance_(acceptance), ids_(ids) {}

  // Each writes one alert and what is owed of it, to be claimed. All fail as Acceptance::accept().
  //
  // `endpoint` has just been deactivated, for its state_reason.
  Result<intake::Accepted> deactivated(store::Connection& connection,
                                       const model::Endpoint& endpoint, Timestamp now) const;
  Result<intake::Accepted> failing(store::Connection& connection, const model::Endpoint& endpoint,
                                   const FailureRate& rate, Timestamp now) const;
  // Writes what follows from an attempt at `delivery` that has succeeded, unless it was there
  // already; but what a replay has fetched takes the place of what was there. Fails as
  // Acceptance::accept().
  struct Followed {
    std::optional<intake::Accepted> accepted;
    std::optional<model::EventId> there;  // What was published of the message before.
  };
  Result<Followed> follow(store::Connection& connection, const model::Delivery& delivery,
                          const FollowUp& follow_up, Timestamp now) const;
  // `last`: the attempt that was its last.
  Result<intake::Accepted> dropped(store::Connection& connection, const model::Delivery& delivery,
                                   const model::Attempt& last, Timestamp now) const;

 private:
  Result<intake::Accepted> accept(store::Connection& connection,
                                  const model::WorkspaceId& workspace, std::string_view type,
                                  const model::EndpointId& about, std::string data,
                                  Timestamp now) const;

  const intake::Acceptance& acceptance_;
  IdGenerator& ids_;
};

}  // namespace waybill::delivery
