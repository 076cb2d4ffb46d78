#include "store/suppliers.h"

#include <fmt/format.h>

namespace waybill::store::suppliers {
namespace {

model::Supplier read(const Row& row) {
  return {row.id<model::SupplierId>(0), row.id<model::WorkspaceId>(1), row.string(2), row.time(3)};
}

}  // namespace

Result<void> insert(Connection& connection, const model::Supplier& supplier) {
  const auto inserted = connection.execute(
      "INSERT INTO suppliers (workspace_id, id, name, name_folded, created_at) "
      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
      {supplier.workspace_id, supplier.id, supplier.name, fold_case(supplier.name),
       supplier.created_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "supplier_exists",
              fmt::format("There is a supplier called \"{}\" already.", supplier.name));
}

Result<std::optional<model::Supplier>> find(Connection& connection,
                                            const model::WorkspaceId& workspace,
                                            std::string_view id_or_name) {
  std::optional<model::Supplier> found;
  const auto keep = [&](const Row& row) { found = read(row); };
  if (const auto id = model::SupplierId::parse(id_or_name)) {
    WAYBILL_TRY(
        connection.query("SELECT id, workspace_id, name, created_at FROM suppliers "
                         "WHERE workspace_id = $1 AND id = $2",
                         {workspace, *id}, keep));
  }
  if (!found) {
    WAYBILL_TRY(
        connection.query("SELECT id, workspace_id, name, created_at FROM suppliers "
                         "WHERE workspace_id = $1 AND name_folded = $2",
                         {workspace, fold_case(id_or_name)}, keep));
  }
  return found;
}

Result<Page<model::Supplier>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const PageRequest& page) {
  Select select("SELECT id, workspace_id, name, created_at FROM suppliers");
  select.where("workspace_id =", workspace);
  return select.page<model::Supplier>(connection, page, read,
                                      [](const model::Supplier& row) { return row.id.uuid(); });
}

}  // namespace waybill::store::suppliers
