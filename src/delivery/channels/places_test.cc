#include "delivery/channels/places.h"

#include <map>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;

class PlacesTest : public testing::Test {
 protected:
  // Asks for `count` places for the handler, and waits for nobody.
  void ask(const model::EndpointId& handler, int count, Deadline by = Deadline::after(1h)) {
    for (int i = 0; i < count; ++i) {
      boost::asio::co_spawn(context, places.take(handler, by),
                            [this, handler](std::exception_ptr, bool has_place) {
                              (has_place ? given : refused)[handler] += 1;
                            });
    }
    context.restart();
    context.poll();
  }
  void give(const model::EndpointId& handler) {
    places.give(handler);
    context.restart();
    context.poll();
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  Places places{context, 16};
  const model::EndpointId one = ids.next_id<model::EndpointId>();
  const model::EndpointId other = ids.next_id<model::EndpointId>();
  std::map<model::EndpointId, int> given;
  std::map<model::EndpointId, int> refused;
};

TEST_F(PlacesTest, AHandlerHasAtMostHalfOfWhatIsLeft) {
  ask(one, 20);
  EXPECT_EQ(given[one], 8);
  ask(other, 20);
  EXPECT_EQ(given[other], 4);
  EXPECT_EQ(places.left(), 4);
  places.close();
  ask(one, 0);
}

// Else a few that never end would leave nothing to those that come later.
TEST_F(PlacesTest, WhoWaitsForMoreHoldsUpNobodyWhoHasLess) {
  ask(one, 9);
  ask(other, 1);
  EXPECT_EQ(given[other], 1);
  places.close();
  ask(one, 0);
}

TEST_F(PlacesTest, APlaceThatIsGivenBackGoesToWhoWaits) {
  ask(one, 9);
  EXPECT_EQ(given[one], 8);
  give(one);
  EXPECT_EQ(given[one], 9);
  places.close();
  ask(one, 0);
}

TEST_F(PlacesTest, NobodyWaitsLongerThanItsDeadline) {
  ask(one, 9, Deadline::after(0ms));
  context.restart();
  context.run();
  EXPECT_EQ(given[one], 8);
  EXPECT_EQ(refused[one], 1);
}

TEST_F(PlacesTest, NobodyIsGivenOneAfterTheEnd) {
  ask(one, 10);
  places.close();
  ask(other, 1);
  EXPECT_EQ(refused[one], 2);
  EXPECT_EQ(refused[other], 1);
  give(one);
  EXPECT_EQ(given[one], 8);
}

TEST_F(PlacesTest, TheOnlyPlaceIsForWhoHasNone) {
  Places single(context, 1);
  int has = 0;
  for (int i = 0; i < 2; ++i) {
    boost::asio::co_spawn(context, single.take(one, Deadline::after(0ms)),
                          [&has](std::exception_ptr, bool has_place) { has += has_place ? 1 : 0; });
  }
  context.restart();
  context.run();
  EXPECT_EQ(has, 1);
}

}  // namespace
}  // namespace waybill::delivery
