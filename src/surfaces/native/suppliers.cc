#include "store/suppliers.h"

#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {

Task<Result<Reply>> create_supplier(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const std::string name = body.text("name", {1, 200});
  WAYBILL_CO_TRY(body.done());
  const model::Supplier supplier{call.services.ids.next_id<model::SupplierId>(), call.workspace_id,
                                 name, call.now};
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(store::suppliers::insert(connection, supplier));
    std::string detail;
    ObjectText(detail).add("name", supplier.name).end();
    return Change{
        201, text_of(supplier), AuditNote{"supplier.create", supplier.id.text(), detail, {}}, {}};
  });
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
