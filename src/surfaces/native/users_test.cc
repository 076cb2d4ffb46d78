// Users, and what belongs to them.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr std::string_view kUsers = "/hub/v1/workspaces/acme/users";
constexpr std::string_view kKeys = "/hub/v1/workspaces/acme/keys";
constexpr std::string_view kEndpoints = "/hub/v1/workspaces/acme/endpoints";

class UsersTest : public NativeApiTest {
 public:
  json::value new_user(std::string_view email = "buyer@example.com",
                       std::string_view roles = R"(["purchase_order:creator"])") {
    return ok(201, "POST", kUsers, fmt::format(R"({{"email": "{}", "roles": {}}})", email, roles));
  }
  static std::string at_user(std::string_view user) { return fmt::format("{}/{}", kUsers, user); }
};

TEST_F(UsersTest, AUserIsMadeFoundAndChanged) {
  const json::value made = ok(201, "POST", kUsers,
                              R"({"email": "Buyer@Example.com", "name": "Ada",
                                  "roles": ["purchase_order:creator", "*:viewer"]})");
  const std::string id = text(made, "id");
  EXPECT_EQ(text(made, "email"), "Buyer@Example.com");
  EXPECT_EQ(write_json(at(made, "roles")), R"(["purchase_order:creator","*:viewer"])");
  EXPECT_EQ(ok(200, "GET", at_user(id)), made);
  EXPECT_EQ(ok(200, "GET", at_user("buyer@example.com")), made) << "by the address, in any case";

  clock.run_for(1min);
  const json::value changed =
      ok(200, "PATCH", at_user(id), R"({"email": "ada@example.com", "roles": ["super_user"]})");
  EXPECT_EQ(text(changed, "email"), "ada@example.com");
  EXPECT_EQ(text(changed, "name"), "Ada") << "what is not named stays";
  EXPECT_EQ(write_json(at(changed, "roles")), R"(["super_user"])");
  EXPECT_EQ(text(changed, "updated_at"), "2026-01-01T12:01:00.000Z");
  EXPECT_EQ(text(ok(200, "GET", kUsers), "rows", 0, "email"), "ada@example.com");
  ok(200, "PATCH", at_user(id), R"({"roles": ["super_user"]})");
  EXPECT_THAT(audit_actions(), ElementsAre("user.update", "user.create", "workspace.create"))
      << "what changes nothing is no change";
}

TEST_F(UsersTest, AnAddressIsOneUsersInAWorkspace) {
  new_user();
  refused(409, "user_exists", "", "POST", kUsers, R"({"email": "BUYER@example.com"})");
  const std::string other = text(new_user("other@example.com"), "id");
  refused(409, "user_exists", "", "PATCH", at_user(other), R"({"email": "buyer@example.com"})");
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "other"})");
  ok(201, "POST", "/hub/v1/workspaces/other/users", R"({"email": "buyer@example.com"})");
}

TEST_F(UsersTest, EveryFaultIsToldWithItsPath) {
  struct Case {
    std::string_view body, code, path;
  };
  for (const Case& c : {
           Case{R"({})", "member_missing", "$.email"},
           Case{R"({"email": "nobody"})", "member_invalid", "$.email"},
           Case{R"({"email": "a@b@c"})", "member_invalid", "$.email"},
           Case{R"({"email": "a b@c"})", "member_invalid", "$.email"},
           Case{R"({"email": "a@b", "roles": "super_user"})", "member_type", "$.roles"},
           Case{R"({"email": "a@b", "roles": ["boss"]})", "role_invalid", "$.roles"},
           Case{R"({"email": "a@b", "roles": ["purchaseorder:creator"]})", "role_kind_unknown",
                "$.roles"},
           Case{R"({"email": "a@b", "phone": "1"})", "member_unknown", "$.phone"},
       }) {
    refused(400, c.code, c.path, "POST", kUsers, c.body);
  }
  refused(404, "user_not_found", "", "GET", at_user("nobody@example.com"));
  refused(404, "user_not_found", "", "PATCH", at_user("usr_nonsense"), "{}");
  refused(404, "user_not_found", "", "DELETE", at_user("usr_nonsense"));
}

TEST_F(UsersTest, ScopesDecideWhoMayReadAndChangeThem) {
  new_user();
  refused(403, "scope_missing", "", "GET", kUsers, {}, key_with({"keys:read"}));
  refused(403, "scope_missing", "", "POST", kUsers, R"({"email": "a@b"})",
          key_with({"users:read"}));
  ok(200, "GET", kUsers, {}, key_with({"users:read"}));
  ok(201, "POST", kUsers, R"({"email": "a@b"})", key_with({"users:*"}));
}

// --- What belongs to a user ----------------------------------------------------------------------

TEST_F(UsersTest, AKeyOfPrecoroBelongsToAUserAndNoOtherDoes) {
  const std::string id = text(new_user(), "id");
  const json::value key =
      ok(201, "POST", kKeys, R"({"platform": "precoro", "user": "buyer@example.com"})");
  EXPECT_EQ(text(key, "user_id"), id);
  EXPECT_EQ(text(ok(200, "GET", fmt::format("{}/{}", kKeys, text(key, "id"))), "user_id"), id);

  refused(400, "member_missing", "$.user", "POST", kKeys, R"({"platform": "precoro"})");
  refused(400, "user_not_used", "$.user", "POST", kKeys,
          R"({"platform": "proculink", "user": "buyer@example.com"})");
  refused(404, "user_not_found", "$.user", "POST", kKeys,
          R"({"platform": "precoro", "user": "nobody@example.com"})");
}

TEST_F(UsersTest, NobodyMakesAKeyThatShowsWhatTheyMayNotRead) {
  new_user();
  constexpr std::string_view body = R"({"platform": "precoro", "user": "buyer@example.com"})";
  refused(403, "scope_missing", "", "POST", kKeys, body, key_with({"keys:write"}));
  ok(201, "POST", kKeys, body, key_with({"keys:write", "documents:read"}));
}

TEST_F(UsersTest, AnEndpointMayHaveAnOwner) {
  const std::string buyer = text(new_user(), "id");
  const std::string other = text(new_user("other@example.com"), "id");
  const std::string id = new_endpoint("precoro", R"("owner": "buyer@example.com")");
  const std::string place = fmt::format("{}/{}", kEndpoints, id);
  EXPECT_EQ(text(ok(200, "GET", place), "owner_id"), buyer);

  const std::string body = fmt::format(R"({{"owner": "{}"}})", other);
  EXPECT_EQ(text(ok(200, "PATCH", place, body), "owner_id"), other);
  EXPECT_EQ(text(ok(200, "PATCH", place, R"({"description": "x"})"), "owner_id"), other);
  EXPECT_EQ(text(ok(200, "PATCH", place, R"({"owner": null})"), "owner_id"), "null");
  refused(404, "user_not_found", "$.owner", "PATCH", place, R"({"owner": "nobody@example.com"})");
  refused(404, "user_not_found", "$.owner", "POST", kEndpoints,
          R"({"dialect": "precoro", "url": "https://example.com/b", "owner": "nobody@x"})");
}

TEST_F(UsersTest, AUserWhoHasEndpointsOrKeysIsNotDeleted) {
  new_user();
  const std::string place = at_user("buyer@example.com");
  const std::string endpoint = new_endpoint("precoro", R"("owner": "buyer@example.com")");
  const std::string key =
      text(ok(201, "POST", kKeys, R"({"platform": "precoro", "user": "buyer@example.com"})"), "id");

  refused(409, "user_in_use", "", "DELETE", place);
  ok(200, "DELETE", fmt::format("{}/{}", kEndpoints, endpoint));
  refused(409, "user_in_use", "", "DELETE", place);
  ok(200, "DELETE", fmt::format("{}/{}", kKeys, key));
  EXPECT_EQ(text(ok(200, "DELETE", place), "email"), "buyer@example.com");
  refused(404, "user_not_found", "", "GET", place);
  refused(404, "user_not_found", "", "DELETE", place);
  EXPECT_EQ(audit_actions().front(), "user.delete");
}

// Roles decide what keys of a user may read: who gives them has to be able to read that.
TEST_F(NativeApiTest, RolesAreGivenByWhoMayReadDocuments) {
  const std::string users = "/hub/v1/workspaces/acme/users";
  const std::string body = R"({"email": "a@example.com", "roles": ["invoice:viewer"]})";
  const Headers weak = key_with({"users:*"});
  refused(403, "scope_missing", "$.roles", "POST", users, body, weak);
  const std::string id =
      text(ok(201, "POST", users, body, key_with({"users:*", "documents:read"})), "id");
  const std::string path = users + "/" + id;
  refused(403, "scope_missing", "$.roles", "PATCH", path, R"({"roles": ["super_user"]})", weak);
  ok(200, "PATCH", path, R"({"name": "A", "roles": ["invoice:viewer"]})", weak);
  ok(200, "PATCH", path, R"({"roles": []})", weak);
}

}  // namespace
}  // namespace waybill::surfaces::native
