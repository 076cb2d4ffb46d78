#include "store/orders.h"

#include "base/json.h"

namespace waybill::store::orders {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, surface, number, order_date, currency, supplier_id, supplier_name, "
    "status, lines, created_at FROM orders";

model::Order read(const Row& row) {
  model::Order order;
  order.id = row.id<model::OrderId>(0);
  order.workspace_id = row.id<model::WorkspaceId>(1);
  order.surface = row.string(2);
  order.number = row.string_or_null(3);
  order.order_date = row.string_or_null(4);
  order.currency = row.string_or_null(5);
  order.supplier_id = row.id<model::SupplierId>(6);
  order.supplier_name = row.string(7);
  const auto status = model::parse_order_status(row.text(8));
  WAYBILL_CHECK(status.has_value(), "a stored order status is one we wrote");
  order.status = *status;
  const auto lines = parse_json(row.text(9));
  WAYBILL_CHECK(lines.has_value(), "stored lines are the JSON we wrote");
  order.lines = model::lines_from_json(*lines);
  order.created_at = row.time(10);
  return order;
}

}  // namespace

Result<void> insert(Connection& connection, const model::Order& order) {
  return insert(connection, order, model::write_lines(order.lines));
}

Result<void> insert(Connection& connection, const model::Order& order, std::string_view lines) {
  WAYBILL_TRY(connection.write(
      "INSERT INTO orders (workspace_id, id, surface, number, order_date, currency, supplier_id, "
      "supplier_name, status, lines, created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      {order.workspace_id, order.id, order.surface, order.number, order.order_date, order.currency,
       order.supplier_id, order.supplier_name, model::order_status_name(order.status), lines,
       order.created_at}));
  return {};
}

Result<model::Order> find(Connection& connection, const model::WorkspaceId& workspace,
                          const model::OrderId& id) {
  std::optional<model::Order> found;
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "order_not_found", "There is no such order.");
  return *std::move(found);
}

Result<Page<model::Order>> list(Connection& connection, const model::WorkspaceId& workspace,
                                const Filter& filter, const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  select.where_if("number =", filter.number);
  const auto since = filter.since.transform(Uuid::lowest_at);
  const auto until = filter.until.transform(Uuid::lowest_at);
  select.where_if("id >=", since);
  select.where_if("id <", until);
  return select.page<model::Order>(connection, page, read,
                                   [](const model::Order& row) { return row.id.uuid(); });
}

}  // namespace waybill::store::orders
