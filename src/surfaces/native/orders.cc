#include "store/orders.h"

#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {

Task<Result<Reply>> list_orders(Call& call) {
  const auto page = call.query.page();
  const store::orders::Filter filter{call.query.text("number"), call.query.time("since"),
                                     call.query.time("until")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::orders::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_order(Call& call) {
  const auto id = path_id<model::OrderId>(call.request, "order");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::orders::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

}  // namespace waybill::surfaces::native
