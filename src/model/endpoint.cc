#include "model/endpoint.h"

#include "model/names.h"

namespace waybill::model {
namespace {
constexpr Names<EndpointState, 4> kStates{{{EndpointState::kActive, "active"},
                                           {EndpointState::kPaused, "paused"},
                                           {EndpointState::kDeactivated, "deactivated"},
                                           {EndpointState::kDeleted, "deleted"}}};
}  // namespace

std::string_view endpoint_state_name(EndpointState state) { return kStates.name(state); }
std::optional<EndpointState> parse_endpoint_state(std::string_view name) {
  return kStates.parse(name);
}

}  // namespace waybill::model
