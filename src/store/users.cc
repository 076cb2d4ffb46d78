#include "store/users.h"

#include <fmt/format.h>

#include "store/columns.h"

namespace waybill::store::users {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, email, name, roles, created_at, updated_at FROM users";

model::User read(const Row& row) {
  return {row.id<model::UserId>(0),
          row.id<model::WorkspaceId>(1),
          row.string(2),
          row.string(3),
          list_from_column(row.text(4)),
          row.time(5),
          row.time(6)};
}

Error exists(std::string_view email) {
  return {Code::kConflict, "user_exists",
          fmt::format("There is a user with the address {} already.", email)};
}

Error not_found() { return {Code::kNotFound, "user_not_found", "There is no such user."}; }

}  // namespace

Result<void> insert(Connection& connection, const model::User& user) {
  const auto inserted = connection.execute(
      "INSERT INTO users (workspace_id, id, email, email_folded, name, roles, created_at, "
      "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
      {user.workspace_id, user.id, user.email, fold_case(user.email), user.name,
       list_to_column(user.roles), user.created_at, user.updated_at});
  if (!inserted) return fail(inserted.error());
  if (*inserted == 0) return fail(exists(user.email));
  return {};
}

Result<std::optional<model::User>> find(Connection& connection, const model::WorkspaceId& workspace,
                                        std::string_view id_or_email) {
  std::optional<model::User> found;
  const auto keep = [&](const Row& row) { found = read(row); };
  const std::string select(kSelect);
  if (const auto id = model::UserId::parse(id_or_email)) {
    WAYBILL_TRY(
        connection.query(select + " WHERE workspace_id = $1 AND id = $2", {workspace, *id}, keep));
  } else {
    WAYBILL_TRY(connection.query(select + " WHERE workspace_id = $1 AND email_folded = $2",
                                 {workspace, fold_case(id_or_email)}, keep));
  }
  return found;
}

Result<Page<model::User>> list(Connection& connection, const model::WorkspaceId& workspace,
                               const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  return select.page<model::User>(connection, page, read,
                                  [](const model::User& row) { return row.id.uuid(); });
}

Result<void> update(Connection& connection, const model::User& user) {
  const std::string folded = fold_case(user.email);
  const auto taken = connection.query(
      "SELECT 1 FROM users WHERE workspace_id = $1 AND email_folded = $2 AND id <> $3",
      {user.workspace_id, folded, user.id}, [](const Row&) {});
  if (!taken) return fail(taken.error());
  if (*taken > 0) return fail(exists(user.email));
  const auto changed = connection.execute(
      "UPDATE users SET email = $3, email_folded = $4, name = $5, roles = $6, updated_at = $7 "
      "WHERE workspace_id = $1 AND id = $2",
      {user.workspace_id, user.id, user.email, folded, user.name, list_to_column(user.roles),
       user.updated_at});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(not_found());
  return {};
}

Result<void> erase(Connection& connection, const model::WorkspaceId& workspace,
                   const model::UserId& id) {
  const auto in_use = connection.query(
      "SELECT 1 FROM endpoints WHERE workspace_id = $1 AND owner_id = $2 AND state <> 'deleted' "
      "UNION ALL "
      "SELECT 1 FROM api_keys WHERE workspace_id = $1 AND user_id = $2 AND revoked_at IS NULL",
      {workspace, id}, [](const Row&) {});
  if (!in_use) return fail(in_use.error());
  if (*in_use > 0) {
    return fail(Code::kConflict, "user_in_use",
                "This user still has endpoints or keys: give them to somebody else, or delete "
                "and revoke them.");
  }
  const auto erased =
      connection.execute("DELETE FROM users WHERE workspace_id = $1 AND id = $2", {workspace, id});
  if (!erased) return fail(erased.error());
  if (*erased == 0) return fail(not_found());
  return {};
}

}  // namespace waybill::store::users
