#include "bench/ledger/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using testing::ElementsAre;

class EndpointsTest : public testing::Test {
 public:
  Ledger ledger{"run"};
  Endpoints endpoints{ledger};
};

TEST_F(EndpointsTest, AreFoundByTheirPath) {
  ASSERT_TRUE(endpoints.add("shop"));
  ASSERT_TRUE(endpoints.add("fan*3=delay:1s"));
  EXPECT_EQ(endpoints.find("/hook/shop")->group, 0U);
  EXPECT_EQ(endpoints.find("/hook/fan.2")->group, 1U);
  EXPECT_EQ(endpoints.find("/hook/fan.2")->member, 2U);
  for (const char* path : {"/hook/fan", "/hook/fan.3", "/hook/", "/shop", ""}) {
    EXPECT_FALSE(endpoints.find(path)) << path;
  }
  EXPECT_EQ(ledger.groups()[1].members, 3U);
  EXPECT_EQ(endpoints.behaviour(1).kind, Behaviour::Kind::kDelay);
}

TEST_F(EndpointsTest, LearnToBehaveOtherwise) {
  ASSERT_TRUE(endpoints.add("shop"));
  EXPECT_THAT(endpoints.takes_all(), ElementsAre(true));
  ASSERT_TRUE(endpoints.behave("shop", "never"));
  EXPECT_THAT(endpoints.takes_all(), ElementsAre(false));
  EXPECT_EQ(endpoints.behave("shop", "nicely").error().code, Code::kInvalid);
  EXPECT_EQ(endpoints.behave("other", "never").error().code, Code::kNotFound);
}

TEST_F(EndpointsTest, RefuseWhatIsNoneAndWhatIsThere) {
  ASSERT_TRUE(endpoints.add("shop"));
  for (const char* text :
       {"shop", "", "=never", "Shop 2", "a*0", "a*x", "a*", "a=slow", "a*100001"}) {
    EXPECT_EQ(endpoints.add(text).error().code, Code::kInvalid) << text;
  }
  EXPECT_EQ(ledger.groups().size(), 1U);
}

}  // namespace
}  // namespace waybill::bench
