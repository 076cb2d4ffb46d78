#include "store/products.h"

#include <string>
#include <utility>

#include "store/list_pages.h"

namespace waybill::store::products {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, sku, name, description, currency, price, published, supplier_id, "
    "created_at, updated_at FROM products";

model::Product read(const Row& row) {
  model::Product product;
  product.id = row.id<model::ProductId>(0);
  product.workspace_id = row.id<model::WorkspaceId>(1);
  product.sku = row.string(2);
  product.name = row.string(3);
  product.description = row.string_or_null(4);
  product.currency = row.string(5);
  product.price = row.integer(6);
  product.is_published = row.integer(7) != 0;
  product.supplier_id = row.id_or_null<model::SupplierId>(8);
  product.created_at = row.time(9);
  product.updated_at = row.time(10);
  return product;
}

}  // namespace

Result<void> put(Connection& connection, const model::Product& product) {
  return connection.write(
      "INSERT INTO products (workspace_id, id, sku, name, description, currency, price, published, "
      "supplier_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
      "ON CONFLICT (workspace_id, sku) DO UPDATE SET name = excluded.name, "
      "description = excluded.description, currency = excluded.currency, price = excluded.price, "
      "published = excluded.published, supplier_id = excluded.supplier_id, "
      "updated_at = excluded.updated_at",
      {product.workspace_id, product.id, product.sku, product.name, product.description,
       product.currency, product.price, product.is_published ? 1 : 0, product.supplier_id,
       product.created_at, product.updated_at});
}

Result<model::Product> find(Connection& connection, const model::WorkspaceId& workspace,
                            const model::ProductId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  std::optional<model::Product> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "product_not_found", "There is no such product.");
}

Result<std::optional<model::Product>> find_by_sku(Connection& connection,
                                                  const model::WorkspaceId& workspace,
                                                  std::string_view sku) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND sku = $2";
  std::optional<model::Product> found;
  WAYBILL_TRY(connection.query(sql, {workspace, sku}, [&](const Row& row) { found = read(row); }));
  return found;
}

Result<list_clock::Page<model::Product>> list_changed(Connection& connection,
                                                      const model::WorkspaceId& workspace,
                                                      const list_clock::Request& request) {
  static const std::string sql = list_clock::page_sql(kSelect, " AND published = 1");
  return list_clock::read_page<model::Product>(connection, sql, workspace, request, read);
}

Result<Page<model::Product>> list(Connection& connection, const model::WorkspaceId& workspace,
                                  const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  return select.page<model::Product>(connection, page, read,
                                     [](const model::Product& row) { return row.id.uuid(); });
}

}  // namespace waybill::store::products
