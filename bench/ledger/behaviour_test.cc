#include "bench/ledger/behaviour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::bench {
namespace {

using namespace std::chrono_literals;
using Kind = Behaviour::Kind;

TEST(Behaviour, IsReadWithItsArgument) {
  EXPECT_EQ(parse_behaviour("healthy")->kind, Kind::kHealthy);
  EXPECT_EQ(parse_behaviour("delay:250ms")->delay, 250ms);
  EXPECT_EQ(parse_behaviour("fail:2")->tries, 2);
  EXPECT_EQ(parse_behaviour("fail:2")->status, 503);
  EXPECT_EQ(parse_behaviour("fail:3:429")->status, 429);
  EXPECT_EQ(parse_behaviour("status:410")->status, 410);
  EXPECT_EQ(parse_behaviour("redirect:http://10.0.0.1/x")->location, "http://10.0.0.1/x");
}

TEST(Behaviour, OnlyWhatTakesAllInTheEndCanLose) {
  for (const char* text : {"healthy", "delay:1s", "fail:2"}) {
    EXPECT_TRUE(parse_behaviour(text)->takes_all()) << text;
  }
  for (const char* text :
       {"never", "drip", "endless", "reset", "status:500", "redirect:http://a"}) {
    EXPECT_FALSE(parse_behaviour(text)->takes_all()) << text;
  }
}

TEST(Behaviour, RefusesWhatIsNone) {
  for (const char* text : {"", "helthy", "healthy:1", "delay", "delay:soon", "fail", "fail:0",
                           "fail:2:200", "status:99", "redirect", "never:1"}) {
    const auto read = parse_behaviour(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_THAT(read.error().message, testing::HasSubstr("there are healthy, delay:30s"));
  }
}

}  // namespace
}  // namespace waybill::bench
