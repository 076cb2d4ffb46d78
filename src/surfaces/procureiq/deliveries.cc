#include "store/deliveries.h"

#include <utility>

#include "surfaces/native/change.h"
#include "surfaces/platform_records.h"
#include "surfaces/procureiq/operations.h"
#include "surfaces/procureiq/render.h"
#include "surfaces/replay.h"

namespace waybill::surfaces::procureiq {
namespace {

using native::Call;
using native::Change;
using native::Reply;
using store::Connection;

struct DeliveryRows {
  std::vector<DeliveryRow> rows;
  std::int64_t total = 0;
};

Result<DeliveryRows> find_deliveries(Connection& connection, const Call& call,
                                     const model::EndpointId& webhook,
                                     const store::PageRequest& page) {
  WAYBILL_TRY(find_webhook(connection, call, webhook));
  store::deliveries::Filter filter;
  filter.endpoint = webhook;
  DeliveryRows found;
  const auto total = store::deliveries::count(connection, call.workspace_id, filter);
  if (!total) return fail(total.error());
  found.total = *total;
  auto deliveries = store::deliveries::list(connection, call.workspace_id, filter, page);
  if (!deliveries) return fail(deliveries.error());
  for (model::Delivery& delivery : deliveries->rows) {
    auto attempts = store::deliveries::attempts(connection, call.workspace_id, delivery.id);
    if (!attempts) return fail(attempts.error());
    DeliveryRow row{std::move(delivery), std::nullopt};
    if (!attempts->empty()) row.last = std::move(attempts->back());
    found.rows.push_back(std::move(row));
  }
  return found;
}

// A delivery of this webhook. Fails with kNotFound (delivery_not_found).
Result<model::Delivery> find_delivery(Connection& connection, const Call& call,
                                      const model::EndpointId& webhook,
                                      const model::DeliveryId& id) {
  auto delivery = store::deliveries::find(connection, call.workspace_id, id);
  if (delivery && delivery->endpoint_id != webhook) {
    return fail(Code::kNotFound, "delivery_not_found", "There is no such delivery.");
  }
  return delivery;
}

}  // namespace

Task<Result<Reply>> list_deliveries(Call& call) {
  const auto webhook = path_webhook_id(call);
  if (!webhook) co_return fail(webhook.error());
  const auto page = numbered_page(call.query);
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return find_deliveries(connection, call, *webhook, page); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_list(found->rows, found->total, page, [&](const DeliveryRow& row) {
                    return text_of(row, dialect_of(call));
                  })};
}

Task<Result<Reply>> replay_delivery(Call& call) {
  const auto webhook = path_webhook_id(call);
  if (!webhook) co_return fail(webhook.error());
  const auto id = native::path_id<model::DeliveryId>(call.request, "delivery");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_webhook(connection, call, *webhook));
    const auto delivery = find_delivery(connection, call, *webhook, *id);
    if (!delivery) return fail(delivery.error());
    auto replayed = replay(connection, call, delivery->event_id, *webhook, terms);
    if (!replayed) return fail(replayed.error());
    std::string answer;
    for (const model::Delivery& again : replayed->deliveries) {
      ObjectText(answer)
          .add("deliveryId", again.id)
          .add("eventId", again.event_id)
          .add("replayOf", *id)
          .end();
    }
    replayed->change.status = 202;
    replayed->change.body = text_of_data(answer);
    return std::move(replayed->change);
  });
}

}  // namespace waybill::surfaces::procureiq
