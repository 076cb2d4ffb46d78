#include "store/endpoints.h"

#include <utility>

#include "surfaces/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/users.h"

namespace waybill::surfaces::native {
namespace {

using model::EndpointState;

struct Asked {
  endpoints::New made;
  OwnerChange owner;
};

Result<Asked> read_new_endpoint(const Call& call) {
  const Services& services = call.services;
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  model::Endpoint endpoint;
  const dialect::Dialect* const found = read_dialect(body, services.dialects);
  if (!found) return fail(body.done().error());
  const dialect::Dialect& dialect = *found;
  if (!body.has("url")) body.refuse("url", "member_missing", "\"url\" is missing.");
  endpoint.url = read_url(body, services, dialect).value_or("");
  endpoint.event_types = read_event_types(body, dialect).value_or(std::vector<std::string>{"*"});
  endpoint.name = read_name(body).value_or("");
  endpoint.description = read_description(body).value_or("");
  endpoint.filter = read_filter(body).value_or("");
  const auto own = read_secret(body, dialect);
  read_overrides(body, endpoint.overrides);
  OwnerChange owner = read_owner(body);
  const auto headers = read_headers(body, dialect).value_or(std::vector<delivery::CustomHeader>());
  endpoint.in_order = body.optional_flag("in_order").value_or(false);
  endpoint.state = read_state(body).value_or(EndpointState::kActive);
  if (endpoint.state == EndpointState::kPaused) endpoint.state_reason = "Created so.";
  WAYBILL_TRY(body.done());
  Asked asked{endpoints::make(call, dialect, std::move(endpoint), own), std::move(owner)};
  model::Endpoint& made = asked.made.endpoint;
  made.headers = delivery::seal_headers(services.secret_box, headers, made.id);
  return asked;
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
  const auto headers = read_headers(body, **dialect);
  const auto in_order = body.optional_flag("in_order");
  WAYBILL_TRY(body.done());
  if (in_order.value_or(endpoint.in_order) != endpoint.in_order) {
    return fail(Code::kConflict, "endpoint_order_fixed",
                "Whether an endpoint is sent to in order is said when it is made: create another.",
                body.path("in_order"));
  }
  if (url || types) {
    body.check(url ? "url" : "event_types", endpoints::check_editable(**dialect));
    WAYBILL_TRY(body.done());
  }
  if (url) endpoint.url = *url;
  if (types) endpoint.event_types = *std::move(types);
  if (name) endpoint.name = *std::move(name);
  if (description) endpoint.description = *description;
  if (filter) endpoint.filter = *std::move(filter);
  if (!headers) return owner;
  const auto before = delivery::open_headers(services.secret_box, endpoint.headers, endpoint.id);
  if (before && *before == *headers) return owner;
  endpoint.headers = delivery::seal_headers(services.secret_box, *headers, endpoint.id);
  return owner;
}

}  // namespace

Task<Result<Reply>> create_endpoint(Call& call) {
  const auto asked = read_new_endpoint(call);
  if (!asked) co_return fail(asked.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    endpoints::New made = asked->made;
    WAYBILL_TRY(change_owner(connection, asked->owner, made.endpoint));
    auto change = endpoints::add(connection, call, made);
    if (!change) return change;
    change->status = 201;
    ObjectText object(change->body);
    write(object, made.endpoint, call.services.dialects, call.now);
    write_secret(object, *made.dialect, made.secret);
    object.end();
    return change;
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
    return check_is_endpoint(store::endpoints::find(connection, call.workspace_id, *id));
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
    const model::Endpoint before = *endpoint;
    const auto owner = read_changes(call.services, *object, *endpoint);
    if (!owner) return fail(owner.error());
    WAYBILL_TRY(change_owner(connection, *owner, *endpoint));
    auto change = endpoints::change(connection, call, before, *endpoint);
    if (change) change->body = text_of(*endpoint, call.services.dialects, call.now);
    return change;
  });
}

Task<Result<Reply>> delete_endpoint(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto removed = endpoints::remove(connection, call, *id);
    if (!removed) return fail(removed.error());
    ObjectText(removed->change.body)
        .add("id", *id)
        .add("state", model::endpoint_state_name(EndpointState::kDeleted))
        .add("cancelled_deliveries", removed->cancelled_deliveries)
        .end();
    return std::move(removed->change);
  });
}

}  // namespace waybill::surfaces::native
