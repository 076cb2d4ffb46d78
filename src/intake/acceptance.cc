#include "intake/acceptance.h"

#include <utility>

#include <fmt/format.h>

#include "model/message.h"
#include "store/coalescing.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "store/workspaces.h"

namespace waybill::intake {
namespace {

using routing::Withheld;
using store::endpoints::Subscription;

Error no_endpoint() {
  return {Code::kNotFound, "endpoint_not_found", "There is no such endpoint."};
}

// Whom an event can be sent to whatever it subscribes to: an endpoint that is there and not
// deleted; of a message, a handler of its source.
Result<Subscription> find_target(store::Connection& connection, const model::Event& event,
                                 const model::EndpointId& endpoint) {
  const auto found = store::endpoints::find(connection, event.workspace_id, endpoint);
  if (!found) return fail(found.error());
  if (found->state == model::EndpointState::kDeleted) return fail(no_endpoint());
  const std::string source = found->source_id ? found->source_id->text() : std::string();
  if (source != (model::is_message(event.type) ? event.subject : "")) return fail(no_endpoint());
  Subscription target{found->id, found->dialect, found->event_types, found->state};
  target.in_order = found->in_order;
  target.channel = found->channel;
  target.source_id = found->source_id;
  target.order_by = found->order_by;
  return target;
}

// The endpoints that are to be sent the event, also those that its data does not allow it.
std::vector<const Subscription*> concerned(const routing::Plan& plan) {
  std::vector<const Subscription*> all;
  for (const routing::Match& match : plan.matched) all.push_back(match.subscription);
  for (const routing::Withheld& withheld : plan.withheld) {
    if (withheld.reason == routing::Reason::kDataUnfit) all.push_back(withheld.subscription);
  }
  return all;
}

}  // namespace

bool LeaseTerms::leases_to(const model::EndpointId& endpoint) const {
  return !all_congested && !(congested && congested->contains(endpoint));
}

class Acceptance::Batch {
 public:
  Batch(store::Connection& connection, IdGenerator& ids, const model::Event& event,
        const LeaseTerms& terms, Timestamp now)
      : connection_(connection), ids_(ids), event_(event), terms_(terms), now_(now) {
    accepted_.lease = terms.lease;
  }

  // A delivery to `target`, at once, or when `due_at` has come.
  Result<void> add(model::DeliveryKind kind, const Subscription& target,
                   std::optional<std::int64_t> order_key = std::nullopt,
                   std::optional<Timestamp> due_at = std::nullopt,
                   std::optional<model::DeliveryId> id = std::nullopt) {
    model::Delivery delivery;
    delivery.id = id ? *id : ids_.next_id<model::DeliveryId>();
    delivery.workspace_id = event_.workspace_id;
    delivery.event_id = event_.id;
    delivery.endpoint_id = target.id;
    delivery.event_type = event_.type;
    delivery.kind = kind;
    delivery.in_order = target.in_order;
    delivery.order_key = order_key ? order_key : routing::order_key(event_, target);
    delivery.created_at = now_;
    const bool active = target.state == model::EndpointState::kActive;
    // What is sent in order is claimed, or it would overtake what waits in the store.
    const bool ordered = target.in_order || delivery.order_key;
    if (active && !due_at && !ordered && terms_.leases_to(target.id)) {
      delivery.state = model::DeliveryState::kDelivering;
      delivery.due_at = terms_.lease.until;
      WAYBILL_TRY(store::deliveries::insert(connection_, delivery, terms_.lease));
      accepted_.leased.push_back(std::move(delivery));
      return {};
    }
    delivery.due_at = due_at.value_or(now_);
    WAYBILL_TRY(store::deliveries::insert(connection_, delivery, std::nullopt));
    (active ? accepted_.due : accepted_.held).push_back(std::move(delivery));
    return {};
  }

  // The same, but once in the window of `match`.
  Result<void> add_once(const routing::Match& match, std::vector<Withheld>& withheld) {
    const routing::Coalescing& rules = *match.coalescing;
    const Subscription& target = *match.subscription;
    const store::coalescing::Window window{event_.workspace_id, target.id, rules.key};
    const Timestamp ends_at = now_ + rules.window;
    // In strict order nothing may wait for the end of a window: all behind it would.
    const bool trailing =
        rules.edge == dialect::CoalescingRules::Edge::kTrailing && !target.in_order;
    std::optional<model::DeliveryId> waiting;
    if (trailing) waiting = ids_.next_id<model::DeliveryId>();
    const auto opened = store::coalescing::open(connection_, window, now_, ends_at, waiting);
    if (!opened) return fail(opened.error());
    if (*opened) {
      return add(model::DeliveryKind::kEvent, target, std::nullopt,
                 trailing ? std::optional(ends_at) : std::nullopt, waiting);
    }
    if (!trailing) {
      withheld.push_back({&target, routing::Reason::kCoalesced});
      return {};
    }
    const auto before = store::coalescing::replace(connection_, window, event_.id);
    if (!before) return fail(before.error());
    // It may be on its way before the window ends: where clocks differ, or by hand.
    if (!*before) {
      WAYBILL_TRY(store::coalescing::reopen(connection_, window, ends_at, *waiting));
      return add(model::DeliveryKind::kEvent, target, std::nullopt, ends_at, waiting);
    }
    ++accepted_.taken_over;
    return withdraw(**before, target);
  }

  Accepted& accepted() { return accepted_; }

 private:
  // `event` is not what `target` will be told of.
  Result<void> withdraw(const model::EventId& event, const Subscription& target) {
    const auto former = store::events::find_to_change(connection_, event_.workspace_id, event);
    if (!former) return fail(former.error());
    return store::events::withdraw(
        connection_, event_.workspace_id, event,
        routing::add_withheld(former->withheld, {&target, routing::Reason::kCoalesced}));
  }

  store::Connection& connection_;
  IdGenerator& ids_;
  const model::Event& event_;
  const LeaseTerms& terms_;
  const Timestamp now_;
  Accepted accepted_;
};

Result<routing::Plan> Acceptance::route(store::Connection& connection, const model::Event& event,
                                        std::span<const Subscription> subscriptions) const {
  model::Workspace workspace;
  if (routing::needs_workspace(subscriptions, dialects_)) {
    auto found = store::workspaces::find(connection, event.workspace_id);
    if (!found) return fail(found.error());
    workspace = *std::move(found);
  }
  return routing::plan(event, workspace, subscriptions, dialects_);
}

Result<Accepted> Acceptance::accept(store::Connection& connection, model::Event event,
                                    const LeaseTerms& terms, Timestamp now,
                                    const Publication* publication) const {
  auto subscriptions = store::endpoints::subscriptions(connection, event.workspace_id);
  if (!subscriptions) return fail(subscriptions.error());
  if (publication) WAYBILL_TRY(keep_wanted(*publication, *subscriptions));
  return accept_routed(connection, std::move(event), *subscriptions, terms, now, publication);
}

Result<Accepted> Acceptance::accept_among(store::Connection& connection, model::Event event,
                                          std::span<const Subscription> subscriptions,
                                          const LeaseTerms& terms, Timestamp now) const {
  return accept_routed(connection, std::move(event), subscriptions, terms, now, nullptr);
}

Result<Accepted> Acceptance::accept_routed(store::Connection& connection, model::Event event,
                                           std::span<const Subscription> subscriptions,
                                           const LeaseTerms& terms, Timestamp now,
                                           const Publication* publication) const {
  auto plan = route(connection, event, subscriptions);
  if (!plan) return fail(plan.error());
  if (publication) {
    WAYBILL_TRY(check_data(dialects_, concerned(*plan), event, *publication->data));
  }

  Batch batch(connection, ids_, event, terms, now);
  for (const routing::Match& match : plan->matched) {
    if (match.coalescing) {
      WAYBILL_TRY(batch.add_once(match, plan->withheld));
    } else {
      WAYBILL_TRY(batch.add(model::DeliveryKind::kEvent, *match.subscription, match.order_key));
    }
  }
  Accepted accepted = std::move(batch.accepted());
  if (accepted.matched() == 0) {
    const bool none_speaks = publication && !publication->dialect.empty() && subscriptions.empty();
    accepted.unmatched_reason =
        none_speaks
            ? fmt::format("No endpoint that it is only for speaks {}.", publication->dialect)
            : routing::unmatched_reason(event.type, plan->withheld);
  }
  accepted.withheld = routing::withheld_text(plan->withheld);
  store::events::Routed routed{std::move(event), static_cast<int>(accepted.matched()),
                               accepted.unmatched_reason, accepted.withheld,
                               publication && publication->is_narrowed()};
  WAYBILL_TRY(store::events::insert(connection, routed));
  accepted.event = std::make_shared<const model::Event>(std::move(routed.event));
  return accepted;
}

Result<Accepted> Acceptance::accept_for(store::Connection& connection, model::Event event,
                                        const model::EndpointId& endpoint, const LeaseTerms& terms,
                                        Timestamp now) const {
  const auto target = find_target(connection, event, endpoint);
  if (!target) return fail(target.error());
  Batch batch(connection, ids_, event, terms, now);
  WAYBILL_TRY(batch.add(model::DeliveryKind::kTest, *target));
  store::events::Routed routed{event, 1, std::nullopt};
  WAYBILL_TRY(store::events::insert(connection, routed));
  Accepted accepted = std::move(batch.accepted());
  accepted.event = std::make_shared<const model::Event>(std::move(routed.event));
  return accepted;
}

Result<Accepted> Acceptance::replay(store::Connection& connection,
                                    const model::WorkspaceId& workspace,
                                    const model::EventId& event,
                                    const std::optional<model::EndpointId>& endpoint,
                                    const LeaseTerms& terms, Timestamp now) const {
  auto found = store::events::find(connection, workspace, event);
  if (!found) return fail(found.error());
  Batch batch(connection, ids_, found->event, terms, now);
  batch.accepted().is_replay = true;
  if (endpoint) {
    const auto target = find_target(connection, found->event, *endpoint);
    if (!target) return fail(target.error());
    WAYBILL_TRY(batch.add(model::DeliveryKind::kReplay, *target));
  } else if (found->narrowed) {
    return fail(Code::kConflict, "event_narrowed",
                "This event was published to some endpoints alone: say to which one it is to go.");
  } else {
    const auto subscriptions = store::endpoints::subscriptions(connection, workspace);
    if (!subscriptions) return fail(subscriptions.error());
    const auto plan = route(connection, found->event, *subscriptions);
    if (!plan) return fail(plan.error());
    for (const routing::Match& match : plan->matched) {
      WAYBILL_TRY(batch.add(model::DeliveryKind::kReplay, *match.subscription, match.order_key));
    }
    if (plan->matched.empty()) {
      batch.accepted().unmatched_reason =
          routing::unmatched_reason(found->event.type, plan->withheld);
    }
  }
  Accepted accepted = std::move(batch.accepted());
  accepted.event = std::make_shared<const model::Event>(std::move(found->event));
  return accepted;
}

}  // namespace waybill::intake
