// A User is a person of a workspace. Roles decide which events the user's endpoints are sent, and
// which documents the user's keys may read (R-PR-8, R-PR-9).

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace waybill::model {

//   "super_user"                everything
//   "KIND:creator"              the documents of a kind that the user made:
//   "purchase_order:creator" "KIND:approver", ":payer", ":viewer"     all documents of the kind
//   "*" as KIND                 every kind
struct User {
  UserId id;
  WorkspaceId workspace_id;
  std::string email;
  std::string name;
  std::vector<std::string> roles;
  Timestamp created_at{};
  Timestamp updated_at{};
};

// Fails with kInvalid (role_invalid), saying what a role looks like.
Result<void> check_roles(const std::vector<std::string>& roles);

// The KIND of a role that check_roles() passes; empty for "super_user".
std::string_view role_kind(std::string_view role);

// Whether a user with these roles may see a document. `created_by` is the id of the user who made
// it, in either form, or empty. An event that is about no document, so of no kind, everybody sees.
bool may_see(const UserId& user, const std::vector<std::string>& roles, std::string_view kind,
             std::string_view created_by);

}  // namespace waybill::model
