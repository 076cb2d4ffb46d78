#include "store/stores.h"

#include <string>

#include <fmt/format.h>

namespace waybill::store::stores {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, name, currency, number_prefix, created_at FROM stores";

model::Store read(const Row& row) {
  return {row.id<model::StoreId>(0),
          row.id<model::WorkspaceId>(1),
          row.string(2),
          row.string(3),
          row.string(4),
          row.time(5)};
}

}  // namespace

Result<void> insert(Connection& connection, const model::Store& store) {
  const auto inserted = connection.execute(
      "INSERT INTO stores (workspace_id, id, name, name_folded, currency, number_prefix, "
      "last_number, created_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT DO NOTHING",
      {store.workspace_id, store.id, store.name, fold_case(store.name), store.currency,
       store.number_prefix, store.created_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "store_exists",
              fmt::format("There is a store called \"{}\" already.", store.name));
}

Result<std::optional<model::Store>> find(Connection& connection,
                                         const model::WorkspaceId& workspace,
                                         std::string_view id_or_name) {
  static const std::string by_id = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  static const std::string by_name =
      std::string(kSelect) + " WHERE workspace_id = $1 AND name_folded = $2";
  std::optional<model::Store> found;
  const auto keep = [&](const Row& row) { found = read(row); };
  if (const auto id = model::StoreId::parse(id_or_name)) {
    WAYBILL_TRY(connection.query(by_id, {workspace, *id}, keep));
  }
  if (!found) WAYBILL_TRY(connection.query(by_name, {workspace, fold_case(id_or_name)}, keep));
  return found;
}

Result<Page<model::Store>> list(Connection& connection, const model::WorkspaceId& workspace,
                                const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  return select.page<model::Store>(connection, page, read,
                                   [](const model::Store& row) { return row.id.uuid(); });
}

Result<std::int64_t> next_number(Connection& connection, const model::WorkspaceId& workspace,
                                 const model::StoreId& store) {
  std::int64_t number = 0;
  WAYBILL_TRY(
      connection.query("UPDATE stores SET last_number = last_number + 1 "
                       "WHERE workspace_id = $1 AND id = $2 RETURNING last_number",
                       {workspace, store}, [&](const Row& row) { number = row.integer(0); }));
  if (number > 0) return number;
  return fail(Code::kNotFound, "store_not_found", "There is no such store.");
}

}  // namespace waybill::store::stores
