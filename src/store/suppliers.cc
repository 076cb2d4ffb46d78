#include "store/suppliers.h"

#include <fmt/format.h>

#include "store/list_pages.h"

namespace waybill::store::suppliers {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, name, created_at, email, phone, claimed_at, updated_at "
    "FROM suppliers";

model::Supplier read(const Row& row) {
  return {row.id<model::SupplierId>(0),
          row.id<model::WorkspaceId>(1),
          row.string(2),
          row.time(3),
          row.string_or_null(4),
          row.string_or_null(5),
          row.time_or_null(6),
          row.time(7)};
}

std::unexpected<Error> taken(std::string_view name) {
  return fail(Code::kConflict, "supplier_exists",
              fmt::format("There is a supplier called \"{}\" already.", name));
}

}  // namespace

Result<void> insert(Connection& connection, const model::Supplier& supplier) {
  const auto inserted = connection.execute(
      "INSERT INTO suppliers (workspace_id, id, name, name_folded, created_at, email, phone, "
      "claimed_at, updated_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
      {supplier.workspace_id, supplier.id, supplier.name, fold_case(supplier.name),
       supplier.created_at, supplier.email, supplier.phone, supplier.claimed_at,
       supplier.updated_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return taken(supplier.name);
}

Result<void> check_name_free(Connection& connection, const model::WorkspaceId& workspace,
                             std::string_view name, const model::SupplierId& own) {
  bool is_taken = false;
  WAYBILL_TRY(
      connection.query("SELECT id FROM suppliers "
                       "WHERE workspace_id = $1 AND name_folded = $2 AND id <> $3",
                       {workspace, fold_case(name), own}, [&](const Row&) { is_taken = true; }));
  if (is_taken) return taken(name);
  return {};
}

Result<void> update(Connection& connection, const model::Supplier& supplier) {
  WAYBILL_TRY(check_name_free(connection, supplier.workspace_id, supplier.name, supplier.id));
  return connection.write(
      "UPDATE suppliers SET name = $3, name_folded = $4, email = $5, phone = $6, claimed_at = $7, "
      "updated_at = $8 WHERE workspace_id = $1 AND id = $2",
      {supplier.workspace_id, supplier.id, supplier.name, fold_case(supplier.name), supplier.email,
       supplier.phone, supplier.claimed_at, supplier.updated_at});
}

Result<std::optional<model::Supplier>> find(Connection& connection,
                                            const model::WorkspaceId& workspace,
                                            std::string_view id_or_name) {
  static const std::string by_id = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  static const std::string by_name =
      std::string(kSelect) + " WHERE workspace_id = $1 AND name_folded = $2";
  std::optional<model::Supplier> found;
  const auto keep = [&](const Row& row) { found = read(row); };
  if (const auto id = model::SupplierId::parse(id_or_name)) {
    WAYBILL_TRY(connection.query(by_id, {workspace, *id}, keep));
  }
  if (!found) WAYBILL_TRY(connection.query(by_name, {workspace, fold_case(id_or_name)}, keep));
  return found;
}

Result<Page<model::Supplier>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  return select.page<model::Supplier>(connection, page, read,
                                      [](const model::Supplier& row) { return row.id.uuid(); });
}

Result<list_clock::Page<model::Supplier>> list_changed(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const list_clock::Request& request) {
  static const std::string sql = list_clock::page_sql(kSelect);
  return list_clock::read_page<model::Supplier>(connection, sql, workspace, request, read);
}

}  // namespace waybill::store::suppliers
