// Users as other records name them: the owner of an endpoint, whose key it is.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/endpoint.h"
#include "model/user.h"
#include "store/connection.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

// A member that names a user, by id or e-mail.
std::optional<std::string> read_user(ObjectReader& body, std::string_view name);

// The user so named, who is not deleted until this transaction is over.
// Fails with kNotFound (user_not_found), at `path`.
Result<model::UserId> find_named_user(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      const std::string& id_or_email, std::string path);

// The "owner" of an endpoint, as a body names it.
struct OwnerChange {
  bool is_asked = false;            // Without it the owner stays.
  std::optional<std::string> user;  // Nothing: it has none from now on.
};
OwnerChange read_owner(ObjectReader& body);
// Fails as find_named_user(), at $.owner.
Result<void> change_owner(store::Connection& connection, const OwnerChange& change,
                          model::Endpoint& endpoint);

}  // namespace waybill::surfaces::native
