// What acceptance made, as answers show it and the dispatcher is told of it.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "intake/acceptance.h"
#include "surfaces/native/native_api.h"

namespace waybill::surfaces::native {

// Calls `visit` with each new delivery.
template <class Visit>
void for_each_delivery(const intake::Accepted& accepted, Visit visit) {
  for (const auto* deliveries : {&accepted.leased, &accepted.due, &accepted.held}) {
    for (const model::Delivery& delivery : *deliveries) visit(delivery);
  }
}

// The after_commit of a change that accepted events: called once, so it gives away what it holds.
inline auto hand_over(intake::Accepted accepted) {
  return [accepted = std::move(accepted)](const Services& services) mutable {
    services.dispatcher.hand_over(std::move(accepted));
  };
}
inline auto hand_over(std::vector<intake::Accepted> all) {
  return [all = std::move(all)](const Services& services) mutable {
    for (intake::Accepted& accepted : all) services.dispatcher.hand_over(std::move(accepted));
  };
}

}  // namespace waybill::surfaces::native
