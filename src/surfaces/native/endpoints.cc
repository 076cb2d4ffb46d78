#include "store/endpoints.h"

#include <utility>

#include <fmt/format.h>

#include "store/deliveries.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/users.h"

namespace waybill::surfaces::native {
namespace {

using model::EndpointState;
using SecretRule = dialect::EndpointRules::SecretRule;

struct NewEndpoint {
  model::Endpoint endpoint;
  const dialect::Dialect* dialect = nullptr;
  Secret secret;  // Empty: none.
  OwnerChange owner;
};

Result<NewEndpoint> read_new_endpoint(const Services& services, const net::Request& request) {
  const auto object = read_body(request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  NewEndpoint made;
  model::Endpoint& endpoint = made.endpoint;
  made.dialect = read_dialect(body, services.dialects);
  if (!made.dialect) return fail(body.done().error());
  endpoint.dialect = made.dialect->name;
  const dialect::Dialect& dialect = *made.dialect;
  if (!body.has("url")) body.refuse("url", "member_missing", "\"url\" is missing.");
  endpoint.url = read_url(body, services, dialect).value_or("");
  endpoint.event_types = read_event_types(body, dialect).value_or(std::vector<std::string>{"*"});
  endpoint.name = read_name(body).value_or("");
  endpoint.description = read_description(body).value_or("");
  endpoint.filter = read_filter(body).value_or("");
  const auto own = read_secret(body, dialect);
  read_overrides(body, endpoint.overrides);
  made.owner = read_owner(body);
  WAYBILL_TRY(body.done());
  if (own) {
    made.secret = *own;
  } else if (dialect.endpoint.secret == SecretRule::kGenerated) {
    made.secret = dialect.new_secret();
  }
  return made;
}

// What the audit log keeps of an endpoint's settings.
std::string settings_text(const model::Endpoint& endpoint) {
  std::string detail;
  ObjectText(detail)
      .add("dialect", endpoint.dialect)
      .add("url", endpoint.url)
      .add("event_types", endpoint.event_types)
      .add("name", endpoint.name)
      .add("description", endpoint.description)
      .add_json("filter", endpoint.filter.empty() ? "null" : endpoint.filter)
      .add("owner_id", endpoint.owner_id)
      .add("retry", endpoint.overrides.retry)
      .add("attempts_max", endpoint.overrides.attempts_max)
      .add("timeout", endpoint.overrides.timeout)
      .add("rate_per_second", endpoint.overrides.rate_per_second)
      .add("in_flight_max", endpoint.overrides.in_flight_max)
      .add_json("coalescing", coalescing_text(endpoint.overrides.coalescing))
      .end();
  return detail;
}

// Changes `endpoint` as the body asks, but for its owner: who that is to be is returned.
Result<OwnerChange> read_changes(const Services& services, const json::object& object,
                                 model::Endpoint& endpoint) {
  const auto dialect = dialect_of(endpoint, services.dialects);
  if (!dialect) return fail(dialect.error());
  ObjectReader body(object);
  const auto url = read_url(body, services, **dialect);
  auto types = read_event_types(body, **dialect);
  auto name = read_name(body);
  const auto description = read_description(body);
  auto filter = read_filter(body);
  read_overrides(body, endpoint.overrides);
  OwnerChange owner = read_owner(body);
  WAYBILL_TRY(body.done());
  if ((url || types) && !(*dialect)->endpoint.editable) {
    return fail(Code::kConflict, "endpoint_not_editable",
                fmt::format("Endpoints of {} keep their address and events: delete this one and "
                            "create another.",
                            (*dialect)->title),
                body.path(url ? "url" : "event_types"));
  }
  if (url) endpoint.url = *url;
  if (types) endpoint.event_types = *std::move(types);
  if (name) endpoint.name = *std::move(name);
  if (description) endpoint.description = *description;
  if (filter) endpoint.filter = *std::move(filter);
  return owner;
}

}  // namespace

Task<Result<Reply>> create_endpoint(Call& call) {
  const Services& services = call.services;
  auto made = read_new_endpoint(services, call.request);
  if (!made) co_return fail(made.error());
  model::Endpoint& endpoint = made->endpoint;
  endpoint.id = services.ids.next_id<model::EndpointId>();
  endpoint.workspace_id = call.workspace_id;
  endpoint.created_at = endpoint.updated_at = call.now;
  if (!made->secret.empty()) {
    endpoint.secrets.current = services.secret_box.seal(made->secret.reveal(), endpoint.id.bytes());
  }
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(check_room(connection, endpoint, *made->dialect));
    WAYBILL_TRY(change_owner(connection, made->owner, endpoint));
    WAYBILL_TRY(store::endpoints::insert(connection, endpoint));
    std::string answer;
    ObjectText object(answer);
    write(object, endpoint, services.dialects, call.now);
    write_secret(object, *made->dialect, made->secret);
    object.end();
    return Change{201,
                  answer,
                  AuditNote{"endpoint.create", endpoint.id.text(), settings_text(endpoint), {}},
                  {}};
  });
}

Task<Result<Reply>> list_endpoints(Call& call) {
  const auto page = call.query.page();
  const store::endpoints::Filter filter{call.query.parsed("state", model::parse_endpoint_state,
                                                          "active, paused, deactivated or deleted"),
                                        call.query.text("dialect")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::endpoints::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found, call.services.dialects, call.now)};
}

Task<Result<Reply>> get_endpoint(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::endpoints::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found, call.services.dialects, call.now)};
}

Task<Result<Reply>> update_endpoint(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto endpoint = find_endpoint_to_change(connection, call, *id);
    if (!endpoint) return fail(endpoint.error());
    const std::string before = settings_text(*endpoint);
    const auto owner = read_changes(call.services, *object, *endpoint);
    if (!owner) return fail(owner.error());
    WAYBILL_TRY(change_owner(connection, *owner, *endpoint));
    const std::string after = settings_text(*endpoint);
    const auto dialect = dialect_of(*endpoint, call.services.dialects);
    if (!dialect) return fail(dialect.error());
    WAYBILL_TRY(check_url_free(connection, *endpoint, **dialect));
    if (after == before) {
      return Change{200, text_of(*endpoint, call.services.dialects, call.now), {}, {}};
    }
    endpoint->updated_at = call.now;
    WAYBILL_TRY(store::endpoints::update(connection, *endpoint));
    std::string detail;
    ObjectText(detail).add_json("before", before).add_json("after", after).end();
    return Change{200, text_of(*endpoint, call.services.dialects, call.now),
                  AuditNote{"endpoint.update", id->text(), detail, {}},
                  [workspace = call.workspace_id, changed = *id](const Services& services) {
                    forget_endpoint(services, workspace, changed);
                  }};
  });
}

Task<Result<Reply>> delete_endpoint(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto endpoint = store::endpoints::find_to_change(connection, call.workspace_id, *id);
    if (!endpoint) return fail(endpoint.error());
    const bool was_there = endpoint->state != EndpointState::kDeleted;
    endpoint->state = EndpointState::kDeleted;
    endpoint->state_reason = "Deleted by an operator.";
    endpoint->secrets = {};
    if (was_there) {
      endpoint->updated_at = call.now;
      WAYBILL_TRY(store::endpoints::update(connection, *endpoint));
    }
    // Also when it was deleted before: what was on its way then may have come to wait since.
    const auto cancelled =
        store::deliveries::cancel_waiting(connection, call.workspace_id, *id, call.now);
    if (!cancelled) return fail(cancelled.error());
    std::string answer;
    ObjectText(answer)
        .add("id", *id)
        .add("state", model::endpoint_state_name(EndpointState::kDeleted))
        .add("cancelled_deliveries", *cancelled)
        .end();
    if (!was_there) return Change{200, answer, {}, {}};
    std::string detail;
    ObjectText(detail).add("cancelled_deliveries", *cancelled).end();
    return Change{200, answer, AuditNote{"endpoint.delete", id->text(), detail, {}},
                  [workspace = call.workspace_id, deleted = *id](const Services& services) {
                    forget_endpoint(services, workspace, deleted);
                  }};
  });
}

}  // namespace waybill::surfaces::native
