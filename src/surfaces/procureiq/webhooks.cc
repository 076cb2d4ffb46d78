// A webhook is an endpoint of the dialect procureiq.

#include <optional>
#include <utility>

#include "store/endpoints.h"
#include "surfaces/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/platform_records.h"
#include "surfaces/procureiq/operations.h"
#include "surfaces/procureiq/render.h"

namespace waybill::surfaces::procureiq {
namespace {

using native::Call;
using native::Change;
using native::ObjectReader;
using native::Reply;
using store::Connection;

// What a body says of a webhook. Nothing: it does not say.
struct Wanted {
  std::optional<std::string> name;
  std::optional<std::string> url;
  std::optional<std::vector<std::string>> events;
  std::optional<bool> active;

  bool has_settings() const { return name || url || events; }
  void apply_to(model::Endpoint& endpoint) const {
    if (name) endpoint.name = *name;
    if (url) endpoint.url = *url;
    if (events) endpoint.event_types = *events;
  }
};

Wanted read_settings(ObjectReader& body, const Call& call) {
  const dialect::Dialect& dialect = dialect_of(call);
  Wanted wanted;
  wanted.name = body.optional_text("name", {1, 200});
  wanted.url = native::read_url(body, call.services, dialect);
  wanted.events = native::read_event_types(body, dialect, "events");
  return wanted;
}

// All of a webhook.
Result<Wanted> read_whole(const Call& call) {
  const auto object = native::read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  for (const char* member : {"name", "url", "events"}) require_member(body, member);
  Wanted wanted = read_settings(body, call);
  WAYBILL_TRY(body.done());
  return wanted;
}

// Some of it.
Result<Wanted> read_part(const Call& call) {
  const auto object = native::read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  Wanted wanted = read_settings(body, call);
  wanted.active = body.optional_flag("active");
  if (wanted.active && wanted.has_settings()) {
    // Each is a change of its own, with its own line in the audit log.
    body.refuse("active", "member_invalid",
                "\"active\" is changed alone: send the other members in a call of their own.");
  }
  WAYBILL_TRY(body.done());
  return wanted;
}

// Makes a webhook what is wanted of it.
Task<Result<Reply>> change(Call& call, Wanted wanted) {
  const auto id = path_webhook_id(call);
  if (!id) co_return fail(id.error());
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    auto endpoint = find_webhook_to_change(connection, call, *id);
    if (!endpoint) return fail(endpoint.error());
    Result<Change> change = Change();
    if (wanted.active) {
      change = *wanted.active ? endpoints::resume(connection, call, *endpoint)
                              : endpoints::pause(connection, call, *endpoint);
    } else {
      if (wanted.url || wanted.events) WAYBILL_TRY(endpoints::check_editable(dialect_of(call)));
      const model::Endpoint before = *endpoint;
      wanted.apply_to(*endpoint);
      change = endpoints::change(connection, call, before, *endpoint);
    }
    if (change) change->body = text_of_data(text_of(*endpoint));
    return change;
  });
}

}  // namespace

Task<Result<Reply>> register_webhook(Call& call) {
  const auto wanted = read_whole(call);
  if (!wanted) co_return fail(wanted.error());
  model::Endpoint endpoint;
  wanted->apply_to(endpoint);
  const endpoints::New made =
      endpoints::make(call, dialect_of(call), std::move(endpoint), std::nullopt);
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    auto change = endpoints::add(connection, call, made);
    if (!change) return change;
    change->status = 201;
    change->body = text_of_data(text_of(made.endpoint, made.secret));
    return change;
  });
}

Task<Result<Reply>> list_webhooks(Call& call) {
  const auto page = numbered_page(call.query);
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return endpoints::list(connection, call, kDialect, page); });
  if (!found) co_return fail(found.error());
  co_return Reply{200,
                  text_of_list(found->rows, found->total, page,
                               [](const model::Endpoint& endpoint) { return text_of(endpoint); })};
}

Task<Result<Reply>> get_webhook(Call& call) {
  const auto id = path_webhook_id(call);
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return find_webhook(connection, call, *id); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_data(text_of(*found))};
}

Task<Result<Reply>> change_webhook(Call& call) {
  auto wanted = read_part(call);
  if (!wanted) co_return fail(wanted.error());
  co_return co_await change(call, *std::move(wanted));
}

Task<Result<Reply>> replace_webhook(Call& call) {
  auto wanted = read_whole(call);
  if (!wanted) co_return fail(wanted.error());
  co_return co_await change(call, *std::move(wanted));
}

Task<Result<Reply>> delete_webhook(Call& call) {
  const auto id = path_webhook_id(call);
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_webhook(connection, call, *id));
    auto removed = endpoints::remove(connection, call, *id);
    if (!removed) return fail(removed.error());
    std::string answer;
    ObjectText(answer).add("id", webhook_id(*id)).add("deleted", true).end();
    removed->change.body = text_of_data(answer);
    return std::move(removed->change);
  });
}

Task<Result<Reply>> test_webhook(Call& call) {
  const auto id = path_webhook_id(call);
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  const model::Event test = endpoints::new_test(call, *id);
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_webhook(connection, call, *id));
    auto tested = endpoints::test(connection, call, *id, test, terms);
    if (!tested) return fail(tested.error());
    std::string answer;
    ObjectText(answer).add("eventId", test.id).add("deliveryId", tested->delivery).end();
    tested->change.status = 202;
    tested->change.body = text_of_data(answer);
    return std::move(tested->change);
  });
}

}  // namespace waybill::surfaces::procureiq
