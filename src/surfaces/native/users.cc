#include "surfaces/native/users.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "model/document.h"
#include "store/users.h"
#include "store/workspaces.h"
#include "surfaces/native/change.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::size_t kRolesMax = 100;
constexpr std::size_t kEmailCharactersMax = 254;  // RFC 5321, with its erratum 1690.

Error not_found(std::string path = {}) {
  return {Code::kNotFound, "user_not_found", "There is no such user.", std::move(path)};
}

Result<void> check_email(std::string_view email) {
  const std::size_t at = email.find('@');
  const bool good = at != std::string_view::npos && at > 0 && at + 1 < email.size() &&
                    email.find('@', at + 1) == std::string_view::npos &&
                    email.find(' ') == std::string_view::npos;
  if (good) return {};
  return fail(Code::kInvalid, "member_invalid",
              "This has to be an e-mail address, as buyer@example.com.");
}

// A role about a kind that nothing is of would show nothing, silently.
Result<void> check_kinds(const std::vector<std::string>& roles,
                         const dialect::DialectRegistry& dialects) {
  const auto is_known = [&](std::string_view kind) {
    if (kind.empty() || kind == "*" || model::find_document_kind(kind)) return true;
    return std::ranges::any_of(dialects.names(), [&](std::string_view name) {
      const dialect::Dialect* dialect = dialects.find(name);
      return dialect && std::ranges::any_of(dialect->events, [&](const dialect::EventType& event) {
               return event.document == kind;
             });
    });
  };
  for (const std::string& role : roles) {
    if (is_known(model::role_kind(role))) continue;
    return fail(Code::kInvalid, "role_kind_unknown",
                fmt::format("Nothing is of the kind \"{}\", of which the role \"{}\" is.",
                            model::role_kind(role), role));
  }
  return {};
}

// Changes `user` as the body asks.
Result<void> read_changes(ObjectReader& body, const Call& call, model::User& user) {
  if (const auto email = body.optional_text("email", {1, kEmailCharactersMax})) {
    body.check("email", check_email(*email));
    user.email = *email;
  }
  if (auto name = body.optional_text("name", {0, 200})) user.name = *std::move(name);
  if (auto roles = body.optional_texts("roles", {0, kRolesMax}, {1, 100})) {
    body.check("roles", model::check_roles(*roles));
    body.check("roles", check_kinds(*roles, call.services.dialects));
    // Roles let a user's keys read documents.
    const bool gives = std::ranges::any_of(*roles, [&](const std::string& role) {
      return std::ranges::find(user.roles, role) == user.roles.end();
    });
    if (gives && !call.caller.allows("documents:read")) {
      body.check("roles", fail(Code::kForbidden, "scope_missing",
                               "Who gives roles has to have the scope documents:read."));
    }
    user.roles = *std::move(roles);
  }
  return body.done();
}

std::string detail_of(const model::User& user) {
  std::string detail;
  ObjectText(detail).add("email", user.email).add("name", user.name).add("roles", user.roles).end();
  return detail;
}

// The user that the address names.
Result<model::User> find_user(store::Connection& connection, const Call& call) {
  auto user = store::users::find(connection, call.workspace_id, call.request.param("user"));
  if (!user) return fail(user.error());
  if (*user) return **std::move(user);
  return fail(not_found());
}

}  // namespace

std::optional<std::string> read_user(ObjectReader& body, std::string_view name) {
  return body.optional_text(name, {1, kEmailCharactersMax});
}

Result<model::UserId> find_named_user(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      const std::string& id_or_email, std::string path) {
  WAYBILL_TRY(store::workspaces::lock(connection, workspace));
  const auto user = store::users::find(connection, workspace, id_or_email);
  if (!user) return fail(user.error());
  if (!*user) return fail(not_found(std::move(path)));
  return (*user)->id;
}

OwnerChange read_owner(ObjectReader& body) {
  if (body.is_null("owner")) return {true, std::nullopt};
  auto user = read_user(body, "owner");
  return {user.has_value(), std::move(user)};
}

Result<void> change_owner(store::Connection& connection, const OwnerChange& change,
                          model::Endpoint& endpoint) {
  if (!change.is_asked) return {};
  endpoint.owner_id.reset();
  if (!change.user) return {};
  const auto user = find_named_user(connection, endpoint.workspace_id, *change.user, "$.owner");
  if (!user) return fail(user.error());
  endpoint.owner_id = *user;
  return {};
}

Task<Result<Reply>> create_user(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  model::User user;
  if (!body.has("email")) body.refuse("email", "member_missing", "\"email\" is missing.");
  WAYBILL_CO_TRY(read_changes(body, call, user));
  user.id = call.services.ids.next_id<model::UserId>();
  user.workspace_id = call.workspace_id;
  user.created_at = user.updated_at = call.now;
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(store::users::insert(connection, user));
    return Change{
        201, text_of(user), AuditNote{"user.create", user.id.text(), detail_of(user), {}}, {}};
  });
}

Task<Result<Reply>> list_users(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::users::list(connection, call.workspace_id, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_user(Call& call) {
  const auto found = co_await call.services.database.read(
      [&](store::Connection& connection) { return find_user(connection, call); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found)};
}

Task<Result<Reply>> update_user(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(store::workspaces::lock(connection, call.workspace_id));
    auto user = find_user(connection, call);
    if (!user) return fail(user.error());
    const std::string before = detail_of(*user);
    ObjectReader body(*object);
    WAYBILL_TRY(read_changes(body, call, *user));
    const std::string after = detail_of(*user);
    if (after == before) return Change{200, text_of(*user), {}, {}};
    user->updated_at = call.now;
    WAYBILL_TRY(store::users::update(connection, *user));
    std::string detail;
    ObjectText(detail).add_json("before", before).add_json("after", after).end();
    return Change{200, text_of(*user), AuditNote{"user.update", user->id.text(), detail, {}}, {}};
  });
}

Task<Result<Reply>> delete_user(Call& call) {
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    // Nobody gives the user a key or an endpoint meanwhile: find_named_user() takes it, too.
    WAYBILL_TRY(store::workspaces::lock(connection, call.workspace_id));
    const auto user = find_user(connection, call);
    if (!user) return fail(user.error());
    WAYBILL_TRY(store::users::erase(connection, call.workspace_id, user->id));
    return Change{
        200, text_of(*user), AuditNote{"user.delete", user->id.text(), detail_of(*user), {}}, {}};
  });
}

}  // namespace waybill::surfaces::native
