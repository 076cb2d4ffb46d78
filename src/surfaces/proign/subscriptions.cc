// A subscription is an endpoint of the dialect proign. Endpoints of other dialects are not there.

#include <utility>

#include <fmt/format.h>

#include "store/deliveries.h"
#include "store/endpoints.h"
#include "surfaces/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/platform_records.h"
#include "surfaces/proign/operations.h"
#include "surfaces/proign/render.h"

namespace waybill::surfaces::proign {
namespace {

using native::Call;
using native::Change;
using native::ObjectReader;
using native::Reply;
using store::Connection;

constexpr std::size_t kFilterMembersMax = 50;
constexpr std::size_t kFilterBytesMax = 4'096;  // As it is written.

Error no_subscription() {
  return {Code::kNotFound, "subscription_not_found", "There is no such subscription."};
}

Result<model::EndpointId> subscription_id(const Call& call) {
  const auto id =
      parse_id_as<model::EndpointId>(kSubscriptionPrefix, call.request.param("subscription"));
  if (!id) return fail(no_subscription());
  return *id;
}

// What was found, if it is a subscription that is there.
Result<model::Endpoint> check_subscription(Result<model::Endpoint> endpoint) {
  if (!endpoint && endpoint.error().code != Code::kNotFound) return endpoint;
  const bool good = endpoint && !endpoint->is_handler() && endpoint->dialect == kDialect &&
                    endpoint->state != model::EndpointState::kDeleted;
  if (!good) return fail(no_subscription());
  return endpoint;
}

Result<model::Endpoint> find_subscription(Connection& connection, const Call& call,
                                          const model::EndpointId& id) {
  return check_subscription(store::endpoints::find(connection, call.workspace_id, id));
}

// The filter's rule (A-PG-6): each member equals the member of that name of the event's data. So it
// is what the hub's language of filters says of plain members, and none of its operators.
Result<void> check_filter(const json::object& filter) {
  const auto refuse = [](std::string message) {
    return fail(Code::kInvalid, "filter_invalid", std::move(message));
  };
  if (filter.size() > kFilterMembersMax) {
    return refuse(fmt::format("A filter has at most {} members.", kFilterMembersMax));
  }
  for (const auto& [name, value] : filter) {
    const std::string_view member = name;
    if (member.empty() || member.starts_with('$') || member.contains('.')) {
      return refuse(
          "A filter names members of an event's data: without \"$\" at the front, and "
          "without \".\".");
    }
    if (!value.is_string() && !value.is_number() && !value.is_bool()) {
      return refuse("What a filter's member has to be is a text, a number, true or false.");
    }
  }
  if (write_json(filter).size() > kFilterBytesMax) {
    return refuse(fmt::format("A filter has at most {} bytes.", kFilterBytesMax));
  }
  return {};
}

std::string read_equalities(ObjectReader& body) {
  if (!body.has("filter")) return {};
  const json::object* filter = body.object("filter");
  if (filter == nullptr) return {};
  body.check("filter", check_filter(*filter));
  return filter->empty() ? std::string() : write_json(*filter);
}

// Requires: `body` names the type, which a subscription does once (R-PG-5).
std::string read_event_type(ObjectReader& body, const dialect::Dialect& dialect) {
  std::string type = body.text("event_type", {1, 128});
  if (!body.has_fault() && (type == "*" || !dialect.has_event(type))) {
    body.refuse("event_type", "event_type_unknown",
                fmt::format("PROIGN has no event \"{}\".", type));
  }
  return type;
}

Result<endpoints::New> read_subscription(const Call& call, const dialect::Dialect& dialect) {
  const auto object = native::read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  model::Endpoint wanted;
  wanted.event_types = {read_event_type(body, dialect)};
  if (body.text("target_module", {1, 100}) != "external" && !body.has_fault()) {
    body.refuse("target_module", "target_module_invalid",
                "\"target_module\" has to be \"external\": the hub sends to webhooks only.");
  }
  require_member(body, "webhook_url");
  wanted.url = native::read_url(body, call.services, dialect, "webhook_url").value_or("");
  require_member(body, "secret");
  const auto secret = native::read_secret(body, dialect);
  wanted.filter = read_equalities(body);
  WAYBILL_TRY(body.done());
  return endpoints::make(call, dialect, std::move(wanted), secret);
}

}  // namespace

Task<Result<Reply>> create_subscription(Call& call) {
  const auto made = read_subscription(call, dialect_of(call));
  if (!made) co_return fail(made.error());
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    auto change = endpoints::add(connection, call, *made);
    if (!change) return change;
    change->status = 201;
    change->body = text_of_data(text_of(made->endpoint));
    return change;
  });
}

Task<Result<Reply>> list_subscriptions(Call& call) {
  const auto page = numbered_page(call.query);
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return endpoints::list(connection, call, kDialect, page); });
  if (!found) co_return fail(found.error());
  co_return Reply{200,
                  text_of_list(found->rows, found->total, page,
                               [](const model::Endpoint& endpoint) { return text_of(endpoint); })};
}

Task<Result<Reply>> get_subscription(Call& call) {
  const auto id = subscription_id(call);
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return find_subscription(connection, call, *id); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_data(text_of(*found))};
}

Task<Result<Reply>> delete_subscription(Call& call) {
  const auto id = subscription_id(call);
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_subscription(connection, call, *id));
    auto removed = endpoints::remove(connection, call, *id);
    if (!removed) return fail(removed.error());
    std::string answer;
    ObjectText(answer).add("id", id_as(kSubscriptionPrefix, *id)).add("status", "deleted").end();
    removed->change.body = text_of_data(answer);
    return std::move(removed->change);
  });
}

Task<Result<Reply>> test_subscription(Call& call) {
  const auto id = subscription_id(call);
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  const model::Event test = endpoints::new_test(call, *id);
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_subscription(connection, call, *id));
    auto tested = endpoints::test(connection, call, *id, test, terms);
    if (!tested) return fail(tested.error());
    std::string answer;
    ObjectText(answer)
        .add("subscription_id", id_as(kSubscriptionPrefix, *id))
        .add("event_id", test.id)
        .add("delivery_id", delivery_id(tested->delivery, 1))
        .end();
    tested->change.body = text_of_data(answer);
    return std::move(tested->change);
  });
}

Task<Result<Reply>> list_deliveries(Call& call) {
  const auto id = subscription_id(call);
  if (!id) co_return fail(id.error());
  const auto page = numbered_page(call.query);
  WAYBILL_CO_TRY(call.query.done());
  std::int64_t total = 0;
  const auto tries = co_await call.services.database.read(
      [&](Connection& connection) -> Result<std::vector<store::deliveries::Try>> {
        WAYBILL_TRY(find_subscription(connection, call, *id));
        const auto count = store::deliveries::count_tries_at(connection, call.workspace_id, *id);
        if (!count) return fail(count.error());
        total = *count;
        return store::deliveries::tries_at(connection, call.workspace_id, *id, page.limit,
                                           page.offset);
      });
  if (!tries) co_return fail(tries.error());
  co_return Reply{200, text_of_list(*tries, total, page, [&](const store::deliveries::Try& tried) {
                    return text_of(tried, dialect_of(call));
                  })};
}

}  // namespace waybill::surfaces::proign
