#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

constexpr Argument kEmail{
    .name = "--email", .placeholder = "ADDRESS", .help = "The user's e-mail address"};
constexpr Argument kName{.name = "--name", .placeholder = "NAME", .help = "What people call them"};
constexpr Argument kRoles{
    .name = "--roles",
    .placeholder = "A,B",
    .help = "super_user, or KIND:creator, KIND:approver, KIND:payer, KIND:viewer; \"\" is none",
    .repeated = true};

json::object body_of(const Session& session) {
  json::object body;
  add_text(body, session, "--email");
  add_text(body, session, "--name");
  if (session.has("--roles")) {
    json::array roles;
    for (const std::string& role : session.list("--roles")) {
      if (!role.empty()) roles.emplace_back(role);
    }
    body["roles"] = std::move(roles);
  }
  return body;
}

Session::Path place_of(Session& session) {
  return session.in_workspace("/users/" + segment(session.text("USER")));
}

Result<void> create(Session& session) {
  return session.print_answer(session.post(session.in_workspace("/users"), body_of(session)));
}

Result<void> list(Session& session) {
  return session.print_list(
      session.in_workspace("/users"), {},
      {{"ID", "id"}, {"EMAIL", "email"}, {"NAME", "name"}, {"ROLES", "roles"}});
}

Result<void> update(Session& session) {
  const json::object body = body_of(session);
  if (body.empty()) return usage_error("Give --email, --name or --roles: what is to change.");
  return session.print_answer(session.patch(place_of(session), body));
}

Result<void> remove(Session& session) {
  return session.print_answer(session.remove(place_of(session)));
}

}  // namespace

CommandGroup user_group() {
  const Argument user{.name = "USER", .help = "Their id or e-mail address", .required = true};
  Argument required_email = kEmail;
  required_email.required = true;
  return {
      .name = "user",
      .summary = "Users, whose roles decide what their endpoints and keys show",
      .commands = {
          {.name = "user create",
           .summary = "Makes a user",
           .details = "A role about a kind of document shows those documents: creator their own "
                      "alone, approver, payer and viewer all. super_user shows everything, and * "
                      "is every kind.",
           .example = "user create --workspace acme --email buyer@example.com "
                      "--roles purchase_order:creator,invoice:viewer",
           .arguments = {required_email, kName, kRoles},
           .in_workspace = true,
           .run = create},
          {.name = "user list",
           .summary = "Lists the users",
           .example = "user list --workspace acme",
           .in_workspace = true,
           .is_list = true,
           .run = list},
          {.name = "user update",
           .summary = "Changes a user; what is not named stays",
           .details = "Roles count from the next event and the next request on.",
           .example = "user update buyer@example.com --roles super_user",
           .arguments = {user, kEmail, kName, kRoles},
           .in_workspace = true,
           .run = update},
          {.name = "user delete",
           .summary = "Deletes a user who has no endpoints and no keys",
           .example = "user delete buyer@example.com",
           .arguments = {user},
           .in_workspace = true,
           .run = remove},
      }};
}

}  // namespace waybill::app::cli
