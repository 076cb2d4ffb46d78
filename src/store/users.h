// SQL of the User.

#pragma once

#include <optional>
#include <string_view>

#include "model/user.h"
#include "store/connection.h"
#include "store/page.h"

namespace waybill::store::users {

// An e-mail address is one user's in a workspace, without regard to case.
// Fails with kConflict (user_exists).
Result<void> insert(Connection& connection, const model::User& user);
// By its id in either form, or by its e-mail address.
Result<std::optional<model::User>> find(Connection& connection, const model::WorkspaceId& workspace,
                                        std::string_view id_or_email);
Result<Page<model::User>> list(Connection& connection, const model::WorkspaceId& workspace,
                               const PageRequest& page);
// Writes address, name, roles and the time of the change.
// Fails with kNotFound (user_not_found), kConflict (user_exists).
Result<void> update(Connection& connection, const model::User& user);
// Fails with kNotFound (user_not_found), and with kConflict (user_in_use) while an endpoint or a
// usable key is theirs.
Result<void> erase(Connection& connection, const model::WorkspaceId& workspace,
                   const model::UserId& id);

}  // namespace waybill::store::users
