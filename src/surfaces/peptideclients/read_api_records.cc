// What the public API reads: orders, vendors, clients and products.

#include <string>
#include <utility>

#include "store/clients.h"
#include "store/payments.h"
#include "store/products.h"
#include "store/sales_orders.h"
#include "store/suppliers.h"
#include "surfaces/peptideclients/read_api_operations.h"
#include "surfaces/peptideclients/render.h"

namespace waybill::surfaces::peptideclients::reads {
namespace {

using native::Call;
using native::Reply;
using store::Connection;
namespace list_clock = store::list_clock;

struct OrderRow {
  model::SalesOrder order;
  std::vector<model::Payment> payments;
};

std::string text_of_row(const OrderRow& row) { return text_of(row.order, row.payments); }
template <class T>
std::string text_of_row(const T& row) {
  return text_of(row);
}

// {"rows": […], "next_cursor": {"at", "id"} or null} (R-PC-28).
template <class T>
std::string text_of_page(const list_clock::Page<T>& page) {
  std::string out;
  ObjectText object(out);
  append_array(object.member("rows"), page.rows,
               [](std::string& text, const T& row) { text += text_of_row(row); });
  if (page.next) {
    ObjectText(object.member("next_cursor"))
        .add("at", page.next->at)
        .add("id", page.next->id.text())
        .end();
  } else {
    object.add_json("next_cursor", "null");
  }
  object.end();
  return out;
}

// `list` is a function of the store: of the connection, the workspace and the request.
template <class List>
Task<Result<Reply>> answer_list(Call& call, List list) {
  const auto request = read_list_query(call.request.query);
  if (!request) co_return fail(request.error());
  const auto page = co_await call.services.database.read(
      [&](Connection& connection) { return list(connection, call.workspace_id, *request); });
  if (!page) co_return fail(page.error());
  co_return Reply{200, text_of_page(*page)};
}

// The order's own read: rows and their payments are of one moment.
Result<OrderRow> with_payments(Connection& connection, model::SalesOrder order) {
  auto payments = store::payments::of_order(connection, order.workspace_id, order.id);
  if (!payments) return fail(payments.error());
  return OrderRow{std::move(order), *std::move(payments)};
}

Result<list_clock::Page<OrderRow>> page_of_orders(Connection& connection,
                                                  const model::WorkspaceId& workspace,
                                                  const list_clock::Request& request) {
  auto orders = store::sales_orders::list_changed(connection, workspace, request);
  if (!orders) return fail(orders.error());
  list_clock::Page<OrderRow> page{{}, orders->next};
  for (model::SalesOrder& order : orders->rows) {
    auto row = with_payments(connection, std::move(order));
    if (!row) return fail(row.error());
    page.rows.push_back(*std::move(row));
  }
  return page;
}

}  // namespace

Task<Result<Reply>> get_health(Call&) { co_return Reply{200, R"({"ok":true})"}; }

Task<Result<Reply>> get_openapi(Call&) {
  co_return Reply{200, std::string(read_openapi_document().front().text)};
}

Task<Result<Reply>> list_orders(Call& call) { return answer_list(call, page_of_orders); }

Task<Result<Reply>> get_order(Call& call) {
  const auto id = native::path_id<model::OrderId>(call.request, "order");
  if (!id) co_return fail(id.error());
  const auto found =
      co_await call.services.database.read([&](Connection& connection) -> Result<OrderRow> {
        auto order = store::sales_orders::find(connection, call.workspace_id, *id);
        if (!order) return fail(order.error());
        return with_payments(connection, *std::move(order));
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_row(*found)};
}

Task<Result<Reply>> list_vendors(Call& call) {
  return answer_list(call, store::suppliers::list_changed);
}

Task<Result<Reply>> get_vendor(Call& call) {
  const auto id = native::path_id<model::SupplierId>(call.request, "vendor");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](Connection& connection) {
    return store::suppliers::find(connection, call.workspace_id, id->text());
  });
  if (!found) co_return fail(found.error());
  // A supplier may be called like another's id; here it is the id that counts.
  if (!*found || (*found)->id != *id) {
    co_return fail(Code::kNotFound, "vendor_not_found", "There is no such vendor.");
  }
  co_return Reply{200, text_of(**found)};
}

Task<Result<Reply>> list_clients(Call& call) {
  return answer_list(call, store::clients::list_changed);
}

Task<Result<Reply>> list_products(Call& call) {
  return answer_list(call, store::products::list_changed);
}

Task<Result<Reply>> get_product(Call& call) {
  const auto id = native::path_id<model::ProductId>(call.request, "product");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](Connection& connection) {
    return store::products::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  if (!found->is_published) {
    co_return fail(Code::kNotFound, "product_not_found", "There is no such product.");
  }
  co_return Reply{200, text_of(*found)};
}

}  // namespace waybill::surfaces::peptideclients::reads
