#include "store/sales_orders.h"

#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"
#include "store/list_pages.h"

namespace waybill::store::sales_orders {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, store_id, source, external_id, number, placed_at, currency, "
    "client_id, status, total, paid, refunded, details, created_at, updated_at FROM sales_orders";

// Details hold what a caller sent, as deep as it was: a row that cannot be read fails the call, and
// not the hub.
class Reader {
 public:
  model::SalesOrder operator()(const Row& row) {
    model::SalesOrder order;
    order.id = row.id<model::OrderId>(0);
    order.workspace_id = row.id<model::WorkspaceId>(1);
    order.store_id = row.id<model::StoreId>(2);
    order.source = row.string(3);
    order.external_id = row.string(4);
    order.number = row.string(5);
    order.placed_at = row.time(6);
    order.currency = row.string(7);
    order.client_id = row.id_or_null<model::ClientId>(8);
    const auto status = model::parse_sales_status(row.text(9));
    WAYBILL_CHECK(status.has_value(), "a stored order's status is one we wrote");
    order.state = {*status, row.integer(10), row.integer(11), row.integer(12)};
    const auto details = parse_json(row.text(13));
    if (details) {
      model::read_details(*details, order);
    } else {
      unreadable_ = order.id;
    }
    order.created_at = row.time(14);
    order.updated_at = row.time(15);
    return order;
  }

  // What was read; fails with kInternal (order_unreadable) if something of it was not readable.
  template <class T>
  Result<T> checked(Result<T> read) const {
    if (!read || !unreadable_) return read;
    return fail(
        Code::kInternal, "order_unreadable",
        fmt::format("What was stored of {} is not what the hub writes.", unreadable_->text()));
  }

 private:
  std::optional<model::OrderId> unreadable_;
};

}  // namespace

Result<void> insert(Connection& connection, const model::SalesOrder& order) {
  const auto inserted = connection.execute(
      "INSERT INTO sales_orders (workspace_id, id, store_id, source, external_id, number, "
      "placed_at, currency, client_id, status, total, paid, refunded, details, created_at, "
      "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
      "ON CONFLICT DO NOTHING",
      {order.workspace_id, order.id, order.store_id, order.source, order.external_id, order.number,
       order.placed_at, order.currency, order.client_id,
       model::sales_status_name(order.state.status), order.state.total, order.state.paid,
       order.state.refunded, model::write_details(order), order.created_at, order.updated_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "order_exists",
              fmt::format("The store has an order \"{}\" already.", order.external_id));
}

Result<void> update(Connection& connection, const model::SalesOrder& order) {
  return connection.write(
      "UPDATE sales_orders SET number = $3, placed_at = $4, currency = $5, client_id = $6, "
      "status = $7, total = $8, paid = $9, refunded = $10, details = $11, updated_at = $12 "
      "WHERE workspace_id = $1 AND id = $2",
      {order.workspace_id, order.id, order.number, order.placed_at, order.currency, order.client_id,
       model::sales_status_name(order.state.status), order.state.total, order.state.paid,
       order.state.refunded, model::write_details(order), order.updated_at});
}

Result<model::SalesOrder> find(Connection& connection, const model::WorkspaceId& workspace,
                               const model::OrderId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  Reader read;
  std::optional<model::SalesOrder> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (found) return read.checked<model::SalesOrder>(*std::move(found));
  return fail(Code::kNotFound, "order_not_found", "There is no such order.");
}

Result<std::optional<model::SalesOrder>> find_by_external(Connection& connection,
                                                          const model::WorkspaceId& workspace,
                                                          const model::StoreId& store,
                                                          std::string_view external_id) {
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND store_id = $2 AND external_id = $3";
  Reader read;
  std::optional<model::SalesOrder> found;
  WAYBILL_TRY(connection.query(sql, {workspace, store, external_id},
                               [&](const Row& row) { found = read(row); }));
  return read.checked<std::optional<model::SalesOrder>>(std::move(found));
}

Result<list_clock::Page<model::SalesOrder>> list_changed(Connection& connection,
                                                         const model::WorkspaceId& workspace,
                                                         const list_clock::Request& request) {
  static const std::string sql = list_clock::page_sql(kSelect);
  Reader read;
  return read.checked(list_clock::read_page<model::SalesOrder>(connection, sql, workspace, request,
                                                               std::ref(read)));
}

Result<Page<model::SalesOrder>> list(Connection& connection, const model::WorkspaceId& workspace,
                                     const Filter& filter, const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  select.where_if("store_id =", filter.store_id);
  select.where_if("external_id =", filter.external_id);
  select.where_if("number =", filter.number);
  select.where_if("status =", filter.status.transform(model::sales_status_name));
  Reader read;
  return read.checked(
      select.page<model::SalesOrder>(connection, page, std::ref(read),
                                     [](const model::SalesOrder& row) { return row.id.uuid(); }));
}

}  // namespace waybill::store::sales_orders
