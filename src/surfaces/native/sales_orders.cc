#include "store/sales_orders.h"

#include <functional>
#include <utility>

#include "intake/sales.h"
#include "store/list_clock.h"
#include "store/payments.h"
#include "store/shipments.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/trade.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::native {
namespace {

using intake::SalesUnit;
using store::Connection;

struct FullOrder {
  model::SalesOrder order;
  std::vector<model::Payment> payments;
  std::vector<model::Shipment> shipments;
};

Result<FullOrder> find_full(Connection& connection, const model::WorkspaceId& workspace,
                            const model::OrderId& id) {
  auto order = store::sales_orders::find(connection, workspace, id);
  if (!order) return fail(order.error());
  auto payments = store::payments::of_order(connection, workspace, id);
  if (!payments) return fail(payments.error());
  auto shipments = store::shipments::of_order(connection, workspace, id);
  if (!shipments) return fail(shipments.error());
  return FullOrder{*std::move(order), *std::move(payments), *std::move(shipments)};
}

// A body that is optional for a new shipment; `tracking_number` is required to change one.
intake::ShipmentDraft read_shipment(ObjectReader& body, bool is_new) {
  intake::ShipmentDraft draft;
  draft.carrier = body.optional_text("carrier", {1, 100});
  draft.tracking_url = body.optional_text("tracking_url", {1, 2'000});
  if (is_new) {
    draft.tracking_number = body.optional_text("tracking_number", {1, 200});
    draft.shipped_at = body.optional_time("shipped_at");
  } else {
    draft.tracking_number = body.text("tracking_number", {1, 200});
  }
  return draft;
}

// What one operation does to one order, and its answer.
using Act = std::function<Result<Change>(SalesUnit& sales)>;

// Runs `act` on the sales of the call's workspace. The events that it makes are owed by the same
// transaction, and go to the dispatcher after the commit.
Task<Result<Reply>> change_sales(Call& call, Act act) {
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  const model::TraceContext trace = trace_of(call.request);
  co_return co_await make_change(
      call,
      [&](Connection& connection) -> Result<Change> {
        SalesUnit sales(connection, call.services.acceptance, call.services.ids, terms,
                        call.workspace_id, call.now, trace);
        WAYBILL_TRY(sales.begin());
        auto change = act(sales);
        if (!change) return fail(change.error());
        change->after_commit = hand_over(sales.take_accepted());
        return change;
      },
      store::list_clock::order_of(call.workspace_id));
}

// Cancels, or delivers: one of the SalesUnit's functions.
using Step = Result<model::SalesOrder> (SalesUnit::*)(const model::SalesOrder& order);

Task<Result<Reply>> step(Call& call, Step change, std::string_view action) {
  const auto id = path_id<model::OrderId>(call.request, "order");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await change_sales(call, [&](SalesUnit& sales) -> Result<Change> {
    const auto before = sales.find(*id);
    if (!before) return fail(before.error());
    const auto after = (sales.*change)(*before);
    if (!after) return fail(after.error());
    Change done{200, text_of(*after), {}, {}};
    if (after->state.status != before->state.status) {
      done.audit = AuditNote{action, id->text(), "{}", {}};
    }
    return done;
  });
}

std::string detail_of(const model::Shipment& shipment) {
  std::string detail;
  ObjectText(detail)
      .add("shipment_id", shipment.id)
      .add("carrier", shipment.carrier)
      .add("tracking_number", shipment.tracking_number)
      .end();
  return detail;
}

}  // namespace

Task<Result<Reply>> list_sales_orders(Call& call) {
  const auto page = call.query.page();
  const auto store = call.query.text("store");
  store::sales_orders::Filter filter;
  filter.external_id = call.query.text("external_id");
  filter.number = call.query.text("number");
  filter.status = call.query.parsed("status", model::parse_sales_status,
                                    "open, shipped, delivered or cancelled");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) -> Result<store::Page<model::SalesOrder>> {
        if (store) {
          const auto named = find_named_store(connection, call.workspace_id, *store);
          if (!named) return fail(named.error());
          filter.store_id = named->id;
        }
        return store::sales_orders::list(connection, call.workspace_id, filter, page);
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_sales_order(Call& call) {
  const auto id = path_id<model::OrderId>(call.request, "order");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return find_full(connection, call.workspace_id, *id); });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, found->order);
  append_records(object.member("payments"), found->payments);
  append_records(object.member("shipments"), found->shipments);
  object.end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> ship_sales_order(Call& call) {
  const auto id = path_id<model::OrderId>(call.request, "order");
  if (!id) co_return fail(id.error());
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const intake::ShipmentDraft draft = read_shipment(body, /*is_new=*/true);
  WAYBILL_CO_TRY(body.done());
  co_return co_await change_sales(call, [&](SalesUnit& sales) -> Result<Change> {
    const auto order = sales.find(*id);
    if (!order) return fail(order.error());
    const auto shipment = sales.ship(*order, draft);
    if (!shipment) return fail(shipment.error());
    return Change{201,
                  text_of(*shipment),
                  AuditNote{"sales_order.ship", id->text(), detail_of(*shipment), {}},
                  {}};
  });
}

Task<Result<Reply>> deliver_sales_order(Call& call) {
  return step(call, &SalesUnit::deliver, "sales_order.deliver");
}

Task<Result<Reply>> cancel_sales_order(Call& call) {
  return step(call, &SalesUnit::cancel, "sales_order.cancel");
}

Task<Result<Reply>> update_shipment(Call& call) {
  const auto id = path_id<model::ShipmentId>(call.request, "shipment");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const intake::ShipmentDraft draft = read_shipment(body, /*is_new=*/false);
  WAYBILL_CO_TRY(body.done());
  co_return co_await change_sales(call, [&](SalesUnit& sales) -> Result<Change> {
    const auto shipment = sales.add_tracking(*id, draft);
    if (!shipment) return fail(shipment.error());
    return Change{200,
                  text_of(*shipment),
                  AuditNote{"shipment.update", id->text(), detail_of(*shipment), {}},
                  {}};
  });
}

}  // namespace waybill::surfaces::native
