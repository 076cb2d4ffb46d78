// People of a workspace: store/users.h.

#include "conformance/store_conformance.h"
#include "store/api_keys.h"
#include "store/endpoints.h"
#include "store/users.h"

namespace waybill::store {
namespace {

using model::User;

auto fields(const User& user) {
  return std::tuple(user.id, user.workspace_id, user.email, user.name, user.roles,
                    unix_millis(user.created_at), unix_millis(user.updated_at));
}

User make_user(const model::WorkspaceId& workspace, const model::UserId& id,
               std::string_view email) {
  return {id,
          workspace,
          std::string(email),
          "Ann",
          {"purchase_order:creator"},
          ManualClock::kNoon,
          ManualClock::kNoon};
}

}  // namespace

TEST_P(StoreConformance, UsersAreFoundByIdAndByAddressInAnyCase) {
  const User ann = make_user(workspace_, ids_.next_id<model::UserId>(), "Ann@Example.com");
  ASSERT_TRUE(write([&](Connection& c) { return users::insert(c, ann); }));
  const auto find = [&](const model::WorkspaceId& workspace, std::string_view who) {
    return must(read([&](Connection& c) { return users::find(c, workspace, who); }))
        .transform([](const User& user) { return fields(user); });
  };
  for (const std::string& who :
       {ann.id.text(), ann.id.uuid().text(), std::string("ann@EXAMPLE.com")}) {
    EXPECT_EQ(find(workspace_, who), fields(ann)) << who;
    EXPECT_EQ(find(other_workspace_, who), std::nullopt) << who;
  }
  EXPECT_EQ(find(workspace_, "bob@example.com"), std::nullopt);
}

TEST_P(StoreConformance, UsersHaveAddressesOfTheirOwn) {
  const User ann = make_user(workspace_, ids_.next_id<model::UserId>(), "ann@example.com");
  User bob = make_user(workspace_, ids_.next_id<model::UserId>(), "ANN@example.com");
  const User elsewhere =
      make_user(other_workspace_, ids_.next_id<model::UserId>(), "ann@example.com");
  ASSERT_TRUE(write([&](Connection& c) { return users::insert(c, ann); }));
  ASSERT_TRUE(write([&](Connection& c) { return users::insert(c, elsewhere); }));
  const auto insert = [&] {
    return outcome(write([&](Connection& c) { return users::insert(c, bob); }));
  };
  EXPECT_EQ(insert(), "conflict user_exists");
  bob.email = "bob@example.com";
  EXPECT_EQ(insert(), "value");

  const auto update = [&] {
    return outcome(write([&](Connection& c) { return users::update(c, bob); }));
  };
  bob.email = "Ann@example.com";
  EXPECT_EQ(update(), "conflict user_exists");
  bob.email = "Bob@example.com";
  bob.roles = {"super_user"};
  EXPECT_EQ(update(), "value");
  const auto found =
      must(read([&](Connection& c) { return users::find(c, workspace_, bob.id.text()); }));
  ASSERT_TRUE(found);
  EXPECT_EQ(fields(*found), fields(bob));
  bob.workspace_id = other_workspace_;
  EXPECT_EQ(update(), "not_found user_not_found");
}

TEST_P(StoreConformance, UsersWithEndpointsOrKeysStay) {
  const model::Workspace workspace = add_workspace("acme");
  const User ann = make_user(workspace.id, ids_.next_id<model::UserId>(), "ann@example.com");
  ASSERT_TRUE(write([&](Connection& c) { return users::insert(c, ann); }));
  const auto erase = [&] {
    return outcome(write([&](Connection& c) { return users::erase(c, workspace.id, ann.id); }));
  };
  model::Endpoint endpoint = add_endpoint(model::EndpointState::kActive, workspace.id);
  endpoint.owner_id = ann.id;
  ASSERT_TRUE(write([&](Connection& c) { return endpoints::update(c, endpoint); }));
  EXPECT_EQ(erase(), "conflict user_in_use");
  endpoint.state = model::EndpointState::kDeleted;
  ASSERT_TRUE(write([&](Connection& c) { return endpoints::update(c, endpoint); }));

  model::ApiKey key;
  key.id = ids_.next_id<model::ApiKeyId>();
  key.workspace_id = workspace.id;
  key.platform = model::KeyPlatform::kPrecoro;
  key.user_id = ann.id;
  ASSERT_TRUE(write([&](Connection& c) { return api_keys::insert(c, key); }));
  EXPECT_EQ(
      must(read([&](Connection& c) { return api_keys::find(c, workspace.id, key.id); })).user_id,
      ann.id);
  EXPECT_EQ(erase(), "conflict user_in_use");
  ASSERT_TRUE(write([&](Connection& c) {
    return api_keys::revoke(c, workspace.id, key.id, ManualClock::kNoon);
  }));
  EXPECT_EQ(erase(), "value");
  EXPECT_EQ(erase(), "not_found user_not_found");
}

}  // namespace waybill::store
