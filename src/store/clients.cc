#include "store/clients.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "store/list_pages.h"

namespace waybill::store::clients {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, store_id, external_id, email, name, phone, source, said_at, "
    "created_at, updated_at FROM clients";

model::Client read(const Row& row) {
  model::Client client;
  client.id = row.id<model::ClientId>(0);
  client.workspace_id = row.id<model::WorkspaceId>(1);
  client.store_id = row.id<model::StoreId>(2);
  client.external_id = row.string_or_null(3);
  client.email = row.string_or_null(4);
  client.name = row.string_or_null(5);
  client.phone = row.string_or_null(6);
  client.source = row.string(7);
  client.said_at = row.time_or_null(8);
  client.created_at = row.time(9);
  client.updated_at = row.time(10);
  return client;
}

std::optional<std::string> folded(const std::optional<std::string>& email) {
  return email.transform([](const std::string& text) { return fold_case(text); });
}

}  // namespace

Result<void> insert(Connection& connection, const model::Client& client) {
  const auto inserted = connection.execute(
      "INSERT INTO clients (workspace_id, id, store_id, external_id, email, email_folded, name, "
      "phone, source, said_at, created_at, updated_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
      {client.workspace_id, client.id, client.store_id, client.external_id, client.email,
       folded(client.email), client.name, client.phone, client.source, client.said_at,
       client.created_at, client.updated_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 1) return {};
  return fail(Code::kConflict, "client_exists",
              fmt::format("The store has a client \"{}\" already.",
                          client.external_id.value_or(client.id.text())));
}

Result<void> update(Connection& connection, const model::Client& client) {
  return connection.write(
      "UPDATE clients SET external_id = $3, email = $4, email_folded = $5, name = $6, phone = $7, "
      "said_at = $8, updated_at = $9 WHERE workspace_id = $1 AND id = $2",
      {client.workspace_id, client.id, client.external_id, client.email, folded(client.email),
       client.name, client.phone, client.said_at, client.updated_at});
}

Result<model::Client> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ClientId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  std::optional<model::Client> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (found) return *std::move(found);
  return fail(Code::kNotFound, "client_not_found", "There is no such client.");
}

Result<std::optional<model::Client>> find_by_external(Connection& connection,
                                                      const model::WorkspaceId& workspace,
                                                      const model::StoreId& store,
                                                      std::string_view external_id) {
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND store_id = $2 AND external_id = $3";
  std::optional<model::Client> found;
  WAYBILL_TRY(connection.query(sql, {workspace, store, external_id},
                               [&](const Row& row) { found = read(row); }));
  return found;
}

Result<std::optional<model::Client>> find_by_email(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const model::StoreId& store,
                                                   std::string_view email, bool only_nameless) {
  static const std::string where =
      std::string(kSelect) + " WHERE workspace_id = $1 AND store_id = $2 AND email_folded = $3";
  static const std::string any = where + " ORDER BY id LIMIT 1";
  static const std::string nameless = where + " AND external_id IS NULL ORDER BY id LIMIT 1";
  std::optional<model::Client> found;
  WAYBILL_TRY(connection.query(only_nameless ? nameless : any, {workspace, store, fold_case(email)},
                               [&](const Row& row) { found = read(row); }));
  return found;
}

Result<list_clock::Page<model::Client>> list_changed(Connection& connection,
                                                     const model::WorkspaceId& workspace,
                                                     const list_clock::Request& request) {
  static const std::string sql = list_clock::page_sql(kSelect);
  return list_clock::read_page<model::Client>(connection, sql, workspace, request, read);
}

}  // namespace waybill::store::clients
