#include "intake/acceptance.h"

#include <utility>

#include "routing/routing.h"
#include "store/endpoints.h"
#include "store/events.h"

namespace waybill::intake {
namespace {

Error no_endpoint() {
  return {Code::kNotFound, "endpoint_not_found", "There is no such endpoint."};
}

}  // namespace

bool LeaseTerms::leases_to(const model::EndpointId& endpoint) const {
  return !all_congested && !(congested && congested->contains(endpoint));
}

Result<void> Acceptance::add(store::Connection& connection, Accepted& accepted,
                             model::DeliveryKind kind, const model::EndpointId& endpoint,
                             model::EndpointState state, const LeaseTerms& terms,
                             Timestamp now) const {
  model::Delivery delivery;
  delivery.id = ids_.next_id<model::DeliveryId>();
  delivery.workspace_id = accepted.event->workspace_id;
  delivery.event_id = accepted.event->id;
  delivery.endpoint_id = endpoint;
  delivery.event_type = accepted.event->type;
  delivery.kind = kind;
  delivery.created_at = now;
  const bool active = state == model::EndpointState::kActive;
  if (active && terms.leases_to(endpoint)) {
    delivery.state = model::DeliveryState::kDelivering;
    delivery.due_at = terms.lease.until;
    WAYBILL_TRY(store::deliveries::insert(connection, delivery, terms.lease));
    accepted.leased.push_back(std::move(delivery));
    return {};
  }
  delivery.due_at = now;
  WAYBILL_TRY(store::deliveries::insert(connection, delivery, std::nullopt));
  (active ? accepted.due : accepted.held).push_back(std::move(delivery));
  return {};
}

Result<Accepted> Acceptance::accept(store::Connection& connection, model::Event event,
                                    const LeaseTerms& terms, Timestamp now) const {
  const auto subscriptions = store::endpoints::subscriptions(connection, event.workspace_id);
  if (!subscriptions) return fail(subscriptions.error());
  const routing::Plan plan = routing::plan(event.type, *subscriptions, dialects_);

  Accepted accepted;
  accepted.lease = terms.lease;
  accepted.unmatched_reason = plan.unmatched_reason;
  store::events::Routed routed{std::move(event), static_cast<int>(plan.matched.size()),
                               plan.unmatched_reason};
  WAYBILL_TRY(store::events::insert(connection, routed));
  accepted.event = std::make_shared<const model::Event>(std::move(routed.event));
  for (const auto* target : plan.matched) {
    WAYBILL_TRY(add(connection, accepted, model::DeliveryKind::kEvent, target->id, target->state,
                    terms, now));
  }
  return accepted;
}

Result<Accepted> Acceptance::accept_for(store::Connection& connection, model::Event event,
                                        const model::EndpointId& endpoint, const LeaseTerms& terms,
                                        Timestamp now) const {
  const auto target = store::endpoints::find(connection, event.workspace_id, endpoint);
  if (!target) return fail(target.error());
  if (target->state == model::EndpointState::kDeleted) return fail(no_endpoint());

  Accepted accepted;
  accepted.lease = terms.lease;
  store::events::Routed routed{std::move(event), 1, std::nullopt};
  WAYBILL_TRY(store::events::insert(connection, routed));
  accepted.event = std::make_shared<const model::Event>(std::move(routed.event));
  WAYBILL_TRY(
      add(connection, accepted, model::DeliveryKind::kTest, endpoint, target->state, terms, now));
  return accepted;
}

Result<Accepted> Acceptance::replay(store::Connection& connection,
                                    const model::WorkspaceId& workspace,
                                    const model::EventId& event,
                                    const std::optional<model::EndpointId>& endpoint,
                                    const LeaseTerms& terms, Timestamp now) const {
  auto found = store::events::find(connection, workspace, event);
  if (!found) return fail(found.error());
  Accepted accepted;
  accepted.lease = terms.lease;
  accepted.event = std::make_shared<const model::Event>(std::move(found->event));
  accepted.is_replay = true;

  if (endpoint) {
    const auto target = store::endpoints::find(connection, workspace, *endpoint);
    if (!target) return fail(target.error());
    if (target->state == model::EndpointState::kDeleted) return fail(no_endpoint());
    WAYBILL_TRY(add(connection, accepted, model::DeliveryKind::kReplay, *endpoint, target->state,
                    terms, now));
    return accepted;
  }
  const auto subscriptions = store::endpoints::subscriptions(connection, workspace);
  if (!subscriptions) return fail(subscriptions.error());
  const routing::Plan plan = routing::plan(accepted.event->type, *subscriptions, dialects_);
  accepted.unmatched_reason = plan.unmatched_reason;
  for (const auto* target : plan.matched) {
    WAYBILL_TRY(add(connection, accepted, model::DeliveryKind::kReplay, target->id, target->state,
                    terms, now));
  }
  return accepted;
}

}  // namespace waybill::intake
