#include "store/deliveries.h"

#include <algorithm>
#include <utility>

#include "store/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

constexpr int kRetriedMax = 1'000;

struct DeliveryWithAttempts {
  model::Delivery delivery;
  std::vector<model::Attempt> attempts;
};

Result<DeliveryWithAttempts> find_delivery(store::Connection& connection,
                                           const model::WorkspaceId& workspace,
                                           const model::DeliveryId& id) {
  auto delivery = store::deliveries::find(connection, workspace, id);
  if (!delivery) return fail(delivery.error());
  auto attempts = store::deliveries::attempts(connection, workspace, id);
  if (!attempts) return fail(attempts.error());
  return DeliveryWithAttempts{*std::move(delivery), *std::move(attempts)};
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
  const store::deliveries::Filter filter{
      call.query.id<model::EndpointId>("endpoint"),
      call.query.parsed("state", model::parse_delivery_state,
                        "pending, delivering, succeeded, retrying, dropped or cancelled"),
      call.query.text("type"), call.query.time("since"), call.query.time("until")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::deliveries::list(connection, call.workspace_id, filter, page);
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

Task<Result<Reply>> retry_dropped_deliveries(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const auto endpoint = body.optional_id<model::EndpointId>("endpoint");
  const auto since = body.moment("since", call.now);
  WAYBILL_CO_TRY(body.done());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    if (endpoint) {
      WAYBILL_TRY(store::endpoints::find(connection, call.workspace_id, *endpoint));
    }
    const auto retried = store::deliveries::retry_dropped(connection, call.workspace_id, endpoint,
                                                          since, call.now, kRetriedMax);
    if (!retried) return fail(retried.error());
    std::vector<model::EndpointId> owed;
    for (const model::Delivery& delivery : *retried) owed.push_back(delivery.endpoint_id);
    std::sort(owed.begin(), owed.end());
    owed.erase(std::unique(owed.begin(), owed.end()), owed.end());

    std::string answer;
    ObjectText(answer)
        .add("retried", retried->size())
        .add("more", retried->size() == kRetriedMax)
        .end();
    if (retried->empty()) return Change{202, answer, {}, {}};
    std::string detail;
    ObjectText(detail).add("since", since).add("retried", retried->size()).end();
    return Change{202, answer,
                  AuditNote{"delivery.retry_dropped",
                            endpoint ? endpoint->text() : call.workspace_id.text(),
                            detail,
                            {}},
                  [workspace = call.workspace_id, owed = std::move(owed),
                   now = call.now](const Services& services) {
                    for (const auto& id : owed) services.dispatcher.wake(workspace, id, now);
                  }};
  });
}

}  // namespace waybill::surfaces::native
