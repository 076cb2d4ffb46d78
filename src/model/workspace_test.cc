#include "model/workspace.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

TEST(Slug, IsShortLowerCaseAndSafeInAUrl) {
  for (const std::string_view slug : {"ab", "acme", "acme-2", "2-acme", "a--b", "v2", "01"}) {
    EXPECT_TRUE(check_slug(slug).has_value()) << slug;
  }
  EXPECT_TRUE(check_slug(std::string(63, 'a')).has_value());

  const std::string long_slug(64, 'a');
  for (const std::string_view slug : std::initializer_list<std::string_view>{
           "", "a", "-a", "a-", "--", "Acme", "ac me", "ac_me", "ac.me", "ac/me", "äcme", "a%62",
           "acme\n", long_slug}) {
    const Result<void> checked = check_slug(slug);
    ASSERT_FALSE(checked.has_value()) << slug;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().reason, "slug_invalid") << slug;
  }
}

// A workspace of such a name would stand where one of the hub's own addresses does.
TEST(Slug, IsNoneOfTheHubsOwnAddresses) {
  for (const std::string_view slug :
       {"hub", "api", "ingress", "events", "integrations", "v1", "purchaseorders", "invoices",
        "itemcustomfields", "suppliers", "in", "webhooks", "console", "health", "metrics"}) {
    const Result<void> checked = check_slug(slug);
    ASSERT_FALSE(checked.has_value()) << slug;
    EXPECT_EQ(checked.error().reason, "slug_reserved") << slug;
  }
}

TEST(Environment, HasNames) {
  for (const Environment environment : {Environment::kProduction, Environment::kSandbox}) {
    EXPECT_EQ(parse_environment(environment_name(environment)), environment);
  }
  EXPECT_EQ(parse_environment("staging"), std::nullopt);
}

}  // namespace
}  // namespace waybill::model
