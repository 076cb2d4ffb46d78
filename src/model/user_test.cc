#include "model/user.h"

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

using Roles = std::vector<std::string>;

const UserId kAnn = *UserId::parse("01941f29-7c00-7aaa-8000-000000000001");
const UserId kBob = *UserId::parse("01941f29-7c00-7aaa-8000-000000000002");

TEST(UserTest, RolesNameAKindAndADuty) {
  EXPECT_TRUE(check_roles(
      {"super_user", "purchase_order:creator", "invoice:approver", "*:viewer", "invoice:payer"}));
  EXPECT_TRUE(check_roles({}));
  for (const char* role :
       {"", "admin", "creator", "invoice:", ":viewer", "invoice:owner", "Invoice:viewer",
        "invoice:viewer ", "invoice:viewer:x", "super_user:"}) {
    const auto checked = check_roles({"super_user", role});
    ASSERT_FALSE(checked) << role;
    EXPECT_EQ(checked.error().reason, "role_invalid");
  }
}

// R-PR-8: a user with only a creator's role is told of their own documents only.
TEST(UserTest, ACreatorSeesTheirOwnDocumentsOfThatKind) {
  const Roles roles{"purchase_order:creator"};
  EXPECT_TRUE(may_see(kAnn, roles, "purchase_order", kAnn.text()));
  EXPECT_TRUE(may_see(kAnn, roles, "purchase_order", kAnn.uuid().text()));
  EXPECT_FALSE(may_see(kAnn, roles, "purchase_order", kBob.text()));
  EXPECT_FALSE(may_see(kAnn, roles, "purchase_order", ""));
  EXPECT_FALSE(may_see(kAnn, roles, "invoice", kAnn.text()));
}

TEST(UserTest, WhoApprovesPaysOrViewsSeesAllOfThatKind) {
  for (const char* duty : {"approver", "payer", "viewer"}) {
    const Roles roles{std::string("invoice:") + duty};
    EXPECT_TRUE(may_see(kAnn, roles, "invoice", kBob.text()));
    EXPECT_FALSE(may_see(kAnn, roles, "purchase_order", kAnn.text()));
  }
  EXPECT_TRUE(may_see(kAnn, {"*:viewer"}, "budget", ""));
  EXPECT_FALSE(may_see(kAnn, {}, "budget", kAnn.text()));
}

// R-PR-9.
TEST(UserTest, ASuperUserSeesEverything) {
  EXPECT_TRUE(may_see(kAnn, {"super_user"}, "supplier", ""));
}

TEST(UserTest, WhatIsAboutNoDocumentEverybodySees) { EXPECT_TRUE(may_see(kAnn, {}, "", "")); }

}  // namespace
}  // namespace waybill::model
