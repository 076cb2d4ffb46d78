#include "store/deliveries.h"

#include <utility>

#include "model/message.h"
#include "store/endpoints.h"
#include "store/messages.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

struct DeliveryWithAttempts {
  model::Delivery delivery;
  std::vector<model::Attempt> attempts;
  std::optional<model::Message> message;  // What it is of, if that is one.
};

// The message that a delivery is of, by either of its events. Nothing: it is of none, or that is
// gone.
Result<std::optional<model::Message>> message_of(store::Connection& connection,
                                                 const model::Delivery& delivery) {
  if (!model::is_message(delivery.event_type)) return std::optional<model::Message>();
  return store::messages::find_by_event(connection, delivery.workspace_id, delivery.event_id);
}

Result<DeliveryWithAttempts> find_delivery(store::Connection& connection,
                                           const model::WorkspaceId& workspace,
                                           const model::DeliveryId& id) {
  auto delivery = store::deliveries::find(connection, workspace, id);
  if (!delivery) return fail(delivery.error());
  auto attempts = store::deliveries::attempts(connection, workspace, id);
  if (!attempts) return fail(attempts.error());
  auto message = message_of(connection, *delivery);
  if (!message) return fail(message.error());
  return DeliveryWithAttempts{*std::move(delivery), *std::move(attempts), *std::move(message)};
}

// A dropped delivery outlives its endpoint; revived, it would wait for it forever.
Result<void> check_endpoint(store::Connection& connection, const model::WorkspaceId& workspace,
                            const model::DeliveryId& id) {
  const auto delivery = store::deliveries::find(connection, workspace, id);
  if (!delivery) return fail(delivery.error());
  if (delivery->state != model::DeliveryState::kDropped) return {};
  const auto endpoint = store::endpoints::find(connection, workspace, delivery->endpoint_id);
  if (!endpoint) return fail(endpoint.error());
  if (endpoint->state != model::EndpointState::kDeleted) return {};
  return fail(Code::kConflict, "endpoint_deleted",
              "The endpoint of this delivery has been deleted.");
}

}  // namespace

Task<Result<Reply>> list_deliveries(Call& call) {
  const auto page = call.query.page();
  store::deliveries::Filter filter{
      call.query.id<model::EndpointId>("endpoint"),
      call.query.parsed("state", model::parse_delivery_state,
                        "pending, delivering, succeeded, retrying, dropped or cancelled"),
      call.query.text("type"), call.query.time("since"), call.query.time("until")};
  const auto named = call.query.text("source");
  filter.message_type = call.query.text("message_type");
  filter.external_id = call.query.text("external_id");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<store::Page<model::Delivery>> {
        store::deliveries::Filter wanted = filter;
        if (named) {
          const auto source = find_named_source(connection, call.workspace_id, *named);
          if (!source) return fail(source.error());
          wanted.source = source->id;
        }
        return store::deliveries::list(connection, call.workspace_id, wanted, page);
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_delivery(Call& call) {
  const auto id = path_id<model::DeliveryId>(call.request, "delivery");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return find_delivery(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, found->delivery);
  append_records(object.member("attempts"), found->attempts);
  if (found->message && call.caller.allows("messages:read")) {
    object.add_json("message", text_of(*found->message));
  } else {
    object.add_json("message", "null");
  }
  object.end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> retry_delivery(Call& call) {
  const auto id = path_id<model::DeliveryId>(call.request, "delivery");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(check_endpoint(connection, call.workspace_id, *id));
    const auto delivery = store::deliveries::retry(connection, call.workspace_id, *id, call.now);
    if (!delivery) return fail(delivery.error());
    std::string detail;
    ObjectText(detail)
        .add("endpoint_id", delivery->endpoint_id)
        .add("attempts_made", delivery->attempts_made)
        .end();
    return Change{202, text_of(*delivery), AuditNote{"delivery.retry", id->text(), detail, {}},
                  [workspace = call.workspace_id, due = delivery->endpoint_id, now = call.now](
                      const Services& services) { services.dispatcher.wake(workspace, due, now); }};
  });
}

}  // namespace waybill::surfaces::native
