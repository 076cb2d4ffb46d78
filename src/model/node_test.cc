#include "model/node.h"

#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace waybill::model {
namespace {

using namespace std::chrono_literals;
constexpr Timestamp kNoon = ManualClock::kNoon;

std::string state_after(std::chrono::milliseconds age, const Node& like = {}) {
  Node node = like;
  node.seen_at = kNoon;
  return std::string(node_state_name(node_state(node, kNoon + age, Node::kBelieved)));
}

TEST(Node, IsLiveWhileItWasSeenWithinTwentySeconds) {
  EXPECT_EQ(state_after(0s), "live");
  EXPECT_EQ(state_after(20s), "live");
  EXPECT_EQ(state_after(20s + 1ms), "silent");
  EXPECT_EQ(state_after(-3s), "live") << "its clock is ahead of ours";
}

TEST(Node, IsStoppedOnceItHasSaidSoHoweverLongAgo) {
  Node stopped;
  stopped.stopped_at = kNoon;
  EXPECT_EQ(state_after(0s, stopped), "stopped");
  EXPECT_EQ(state_after(1h, stopped), "stopped");
}

TEST(Node, ThatSharesItsIdTakesPartAndSaysSo) {
  Node shared;
  shared.shared_at = kNoon;
  EXPECT_EQ(state_after(5s, shared), "shared");
  EXPECT_EQ(state_after(1h, shared), "silent");
  EXPECT_TRUE(is_live(NodeState::kShared));
  EXPECT_TRUE(is_live(NodeState::kLive));
  EXPECT_FALSE(is_live(NodeState::kSilent));
  EXPECT_FALSE(is_live(NodeState::kStopped));
}

}  // namespace
}  // namespace waybill::model
