#include "delivery/turns.h"

#include <string>

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::delivery {
namespace {

class TurnsTest : public testing::Test {
 protected:
  // Takes everything out, and writes down in which order.
  std::string take_all() {
    std::string order;
    while (!turns.empty()) order += *turns.next();
    return order;
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  const model::WorkspaceId one = ids.next_id<model::WorkspaceId>();
  const model::WorkspaceId two = ids.next_id<model::WorkspaceId>();
  std::string a = "a", b = "b", c = "c", x = "x";
  Turns<std::string> turns;
};

TEST_F(TurnsTest, GoRoundTheItemsOfOneWorkspaceInTheOrderTheyCame) {
  for (auto* item : {&a, &b, &c}) turns.add(one, item);
  EXPECT_EQ(take_all(), "abc");
}

TEST_F(TurnsTest, AlternateBetweenWorkspacesWhateverTheirNumberOfItems) {
  for (auto* item : {&a, &b, &c}) turns.add(one, item);
  turns.add(two, &x);
  EXPECT_EQ(take_all(), "axbc");
}

TEST_F(TurnsTest, PutAnItemThatComesBackBehindTheOthers) {
  turns.add(one, &a);
  turns.add(one, &b);
  turns.add(two, &x);
  std::string order;
  for (int i = 0; i < 8; ++i) {
    std::string* const item = turns.next();
    order += *item;
    turns.add(item == &x ? two : one, item);
  }
  EXPECT_EQ(order, "axbxaxbx");
}

TEST_F(TurnsTest, AreEmptyOnceEverythingIsTaken) {
  EXPECT_TRUE(turns.empty());
  turns.add(one, &a);
  EXPECT_FALSE(turns.empty());
  turns.next();
  EXPECT_TRUE(turns.empty());
}

}  // namespace
}  // namespace waybill::delivery
