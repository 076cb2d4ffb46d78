#include "surfaces/endpoints.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "model/event.h"
#include "net/url.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/handlers.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::endpoints {
namespace {

using model::EndpointState;
using native::AuditNote;
using native::Call;
using native::Change;
using native::Services;
using store::Connection;
using SecretRule = dialect::EndpointRules::SecretRule;

// What the audit log keeps of an endpoint's settings.
std::string settings_text(const model::Endpoint& endpoint) {
  std::string detail;
  ObjectText object(detail);
  object.add("dialect", endpoint.dialect)
      .add("url", endpoint.url)
      .add("name", endpoint.name)
      .add("event_types", endpoint.event_types)
      .add_json("filter", endpoint.filter.empty() ? "null" : endpoint.filter)
      .add("owner_id", endpoint.owner_id)
      .add("description", endpoint.description)
      .add("retry", endpoint.overrides.retry)
      .add("attempts_max", endpoint.overrides.attempts_max)
      .add("timeout", endpoint.overrides.timeout)
      .add("rate_per_second", endpoint.overrides.rate_per_second)
      .add("in_flight_max", endpoint.overrides.in_flight_max)
      .add_json("coalescing", native::coalescing_text(endpoint.overrides.coalescing))
      .add("deactivate_after", endpoint.overrides.deactivate_after)
      .add("exhausted", endpoint.overrides.exhausted_deactivates.transform(native::exhausted_name))
      .add("header_names", endpoint.headers.names)
      .add("in_order", endpoint.in_order)
      .end();
  return detail;
}

bool same_origin(const std::string& a, const std::string& b) {
  const auto one = net::parse_url(a);
  const auto other = net::parse_url(b);
  return one && other && one->tls == other->tls && one->host == other->host &&
         one->port == other->port;
}

// What waits for the end of a window would hold up all that is in order behind it.
Result<void> check_order(const model::Endpoint& endpoint, const dialect::Dialect& dialect) {
  if (!endpoint.in_order || !dialect.coalescing) return {};
  using Edge = dialect::CoalescingRules::Edge;
  const auto& own = endpoint.overrides.coalescing;
  const bool trailing =
      own ? own->trailing && own->window.count() > 0 : dialect.coalescing->edge == Edge::kTrailing;
  if (!trailing) return {};
  return fail(Code::kConflict, "coalescing_not_in_order",
              "An endpoint in strict order cannot wait for the last of a window: use the leading "
              "edge.",
              "$.coalescing");
}

// The audit entry of a change, and what makes every node forget the endpoint as it was.
Change noted(const Call& call, const model::EndpointId& id, std::string_view action,
             std::string detail) {
  Change change;
  change.audit = AuditNote{action, id.text(), std::move(detail), {}};
  change.after_commit = [workspace = call.workspace_id, id](const Services& services) {
    native::forget_endpoint(services, workspace, id);
  };
  return change;
}

// Writes an endpoint whose state an operator has changed.
Result<Change> write_state(Connection& connection, const Call& call, model::Endpoint& endpoint,
                           EndpointState state, std::string_view action) {
  const std::string_view before = model::endpoint_state_name(endpoint.state);
  endpoint.state = state;
  endpoint.updated_at = call.now;
  WAYBILL_TRY(store::endpoints::update(connection, endpoint));
  std::string detail;
  ObjectText(detail)
      .add("before", before)
      .add("after", model::endpoint_state_name(endpoint.state))
      .end();
  return noted(call, endpoint.id, action, std::move(detail));
}

}  // namespace

New make(const Call& call, const dialect::Dialect& dialect, model::Endpoint wanted,
         const std::optional<Secret>& own) {
  New made{std::move(wanted), &dialect, {}};
  model::Endpoint& endpoint = made.endpoint;
  endpoint.id = call.services.ids.next_id<model::EndpointId>();
  endpoint.workspace_id = call.workspace_id;
  endpoint.dialect = dialect.name;
  endpoint.created_at = endpoint.updated_at = call.now;
  if (own) {
    made.secret = *own;
  } else if (dialect.endpoint.secret == SecretRule::kGenerated) {
    made.secret = dialect.new_secret();
  }
  if (!made.secret.empty()) {
    endpoint.secrets.current =
        call.services.secret_box.seal(made.secret.reveal(), endpoint.id.bytes());
  }
  return made;
}

Result<Change> add(Connection& connection, const Call& call, const New& made) {
  WAYBILL_TRY(check_order(made.endpoint, *made.dialect));
  WAYBILL_TRY(native::check_room(connection, made.endpoint, *made.dialect));
  WAYBILL_TRY(store::endpoints::insert(connection, made.endpoint));
  Change change = noted(call, made.endpoint.id, "endpoint.create", settings_text(made.endpoint));
  change.after_commit = {};  // Nobody knows it yet.
  return change;
}

Result<Change> change(Connection& connection, const Call& call, const model::Endpoint& before,
                      model::Endpoint& after) {
  const auto dialect = native::dialect_of(after, call.services.dialects);
  if (!dialect) return fail(dialect.error());
  const std::string was = settings_text(before);
  const std::string is = settings_text(after);
  // What they say is not in the log, but that it is another.
  const bool headers_changed = after.headers.sealed != before.headers.sealed;
  if (is == was && !headers_changed) return Change();
  if (!headers_changed && !after.headers.sealed.empty() && !same_origin(before.url, after.url)) {
    return fail(Code::kConflict, "endpoint_headers_bound",
                "This endpoint has headers of its own, which may hold what only its receiver "
                "should see: to send to another place, give them anew or take them away in the "
                "same change.",
                "$.url");
  }
  WAYBILL_TRY(check_order(after, **dialect));
  WAYBILL_TRY(native::check_url_free(connection, after, **dialect));
  after.updated_at = call.now;
  WAYBILL_TRY(store::endpoints::update(connection, after));
  std::string detail;
  ObjectText(detail)
      .add_json("before", was)
      .add_json("after", is)
      .add("headers_changed", headers_changed)
      .end();
  return noted(call, after.id, "endpoint.update", std::move(detail));
}

Result<void> check_editable(const dialect::Dialect& dialect) {
  if (dialect.endpoint.editable) return {};
  return fail(Code::kConflict, "endpoint_not_editable",
              fmt::format("Endpoints of {} keep their address and events: delete this one and "
                          "create another.",
                          dialect.title));
}

namespace {

// Of an endpoint and of a handler alike.
Result<Removed> remove_either(Connection& connection, const Call& call,
                              Result<model::Endpoint> endpoint) {
  if (!endpoint) return fail(endpoint.error());
  const model::EndpointId& id = endpoint->id;
  const bool was_there = endpoint->state != EndpointState::kDeleted;
  endpoint->state = EndpointState::kDeleted;
  endpoint->state_reason = "Deleted by an operator.";
  endpoint->secrets = {};
  endpoint->headers = {};
  endpoint->channel_settings = {};
  if (was_there) {
    endpoint->updated_at = call.now;
    WAYBILL_TRY(store::endpoints::update(connection, *endpoint));
  }
  // Also when it was deleted before: what was on its way then may have come to wait since.
  const auto cancelled =
      store::deliveries::cancel_waiting(connection, call.workspace_id, id, call.now);
  if (!cancelled) return fail(cancelled.error());
  Removed removed{{}, *cancelled};
  if (!was_there) return removed;
  std::string detail;
  ObjectText(detail).add("cancelled_deliveries", *cancelled).end();
  removed.change = noted(call, id, endpoint->is_handler() ? "handler.delete" : "endpoint.delete",
                         std::move(detail));
  return removed;
}

}  // namespace

Result<Removed> remove(Connection& connection, const Call& call, const model::EndpointId& id) {
  return remove_either(connection, call,
                       native::check_is_endpoint(
                           store::endpoints::find_to_change(connection, call.workspace_id, id)));
}

Result<Removed> remove_handler(Connection& connection, const Call& call,
                               const model::EndpointId& id) {
  return remove_either(connection, call,
                       native::check_is_handler(
                           store::endpoints::find_to_change(connection, call.workspace_id, id)));
}

Result<Change> pause(Connection& connection, const Call& call, model::Endpoint& endpoint) {
  if (endpoint.state == EndpointState::kPaused) return Change();
  endpoint.state_reason = "Paused by an operator.";
  return write_state(connection, call, endpoint, EndpointState::kPaused,
                     endpoint.is_handler() ? "handler.pause" : "endpoint.pause");
}

Result<Change> resume(Connection& connection, const Call& call, model::Endpoint& endpoint) {
  if (endpoint.state == EndpointState::kActive && endpoint.consecutive_failures == 0 &&
      !endpoint.failing) {
    return Change();
  }
  const dialect::Dialect* dialect = call.services.dialects.find(endpoint.dialect);
  if (dialect && !endpoint.is_handler() && endpoint.state != EndpointState::kActive &&
      dialect->endpoint.endpoints_max_of_active) {
    WAYBILL_TRY(native::check_room(connection, endpoint, *dialect));
  }
  endpoint.state_reason.clear();
  endpoint.consecutive_failures = 0;
  endpoint.failing = false;
  auto change = write_state(connection, call, endpoint, EndpointState::kActive,
                            endpoint.is_handler() ? "handler.resume" : "endpoint.resume");
  if (!change) return change;
  change->after_commit = [workspace = call.workspace_id, resumed = endpoint.id,
                          now = call.now](const Services& services) {
    native::forget_endpoint(services, workspace, resumed);
    services.dispatcher.wake(workspace, resumed, now);
  };
  return change;
}

Result<Listed> list(Connection& connection, const Call& call, std::string_view dialect,
                    const store::PageRequest& page) {
  const auto total = store::endpoints::count(connection, call.workspace_id, dialect,
                                             store::endpoints::Counted::kAll);
  if (!total) return fail(total.error());
  auto found = store::endpoints::list(connection, call.workspace_id,
                                      {std::nullopt, std::string(dialect)}, page);
  if (!found) return fail(found.error());
  return Listed{std::move(found->rows), *total};
}

model::Event new_test(const Call& call, const model::EndpointId& endpoint) {
  model::Event event;
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.type = model::kTestEvent;
  event.occurred_at = call.now;
  ObjectText(event.data)
      .add("message", "This is a test event from Waybill.")
      .add("endpoint_id", endpoint)
      .end();
  return event;
}

Result<Tested> test(Connection& connection, const Call& call, const model::EndpointId& endpoint,
                    const model::Event& test, const intake::LeaseTerms& terms) {
  auto accepted = call.services.acceptance.accept_for(connection, test, endpoint, terms, call.now);
  if (!accepted) return fail(accepted.error());
  Tested tested;
  native::for_each_delivery(
      *accepted, [&](const model::Delivery& delivery) { tested.delivery = delivery.id; });
  std::string detail;
  ObjectText(detail).add("event_id", test.id).end();
  tested.change = noted(call, endpoint, "endpoint.test", std::move(detail));
  tested.change.after_commit = native::hand_over(*std::move(accepted));
  return tested;
}

}  // namespace waybill::surfaces::endpoints
