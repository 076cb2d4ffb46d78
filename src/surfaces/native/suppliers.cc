#include "store/suppliers.h"

#include "store/list_clock.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::native {
namespace {

model::Event created_event(const Call& call, const model::Supplier& supplier) {
  model::Event event;
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.type = model::kSupplierCreated;
  event.occurred_at = call.now;
  event.subject = supplier.id.text();
  event.data = model::supplier_data(supplier);
  event.trace = trace_of(call.request);
  return event;
}

}  // namespace

Task<Result<Reply>> create_supplier(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const std::string name = body.text("name", {1, 200});
  WAYBILL_CO_TRY(body.done());
  const auto id = call.services.ids.next_id<model::SupplierId>();
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  const Unit create = [&](store::Connection& connection) -> Result<Change> {
    // A unit that fails after it wrote costs all others of its transaction.
    WAYBILL_TRY(store::suppliers::check_name_free(connection, call.workspace_id, name));
    const auto stamp = store::list_clock::take(connection, call.workspace_id, call.now);
    if (!stamp) return fail(stamp.error());
    model::Supplier supplier{id, call.workspace_id, name, call.now};
    supplier.updated_at = *stamp;
    WAYBILL_TRY(store::suppliers::insert(connection, supplier));
    auto accepted =
        call.services.acceptance.accept(connection, created_event(call, supplier), terms, call.now);
    if (!accepted) return fail(accepted.error());
    std::string detail;
    ObjectText(detail).add("name", supplier.name).end();
    return Change{201, text_of(supplier),
                  AuditNote{"supplier.create", supplier.id.text(), detail, {}},
                  hand_over(*std::move(accepted))};
  };
  co_return co_await make_change(call, create, store::list_clock::order_of(call.workspace_id));
}

Task<Result<Reply>> list_suppliers(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::suppliers::list(connection, call.workspace_id, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_supplier(Call& call) {
  const auto id = path_id<model::SupplierId>(call.request, "supplier");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::suppliers::find(connection, call.workspace_id, id->text());
  });
  if (!found) co_return fail(found.error());
  // A supplier may be called like another's id; here it is the id that counts.
  if (!*found || (*found)->id != *id) {
    co_return fail(Code::kNotFound, "supplier_not_found", "There is no such supplier.");
  }
  co_return Reply{200, text_of(**found)};
}

}  // namespace waybill::surfaces::native
