#include "app/node_registry.h"

#include <filesystem>
#include <memory>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "store/nodes.h"
#include "store/sqlite/sqlite_driver.h"

namespace waybill::app {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using model::Node;
using model::NodeState;

// A clock of another machine: as the test's, but for an offset.
class OffsetClock final : public Clock {
 public:
  OffsetClock(Clock& clock, std::chrono::milliseconds ahead) : clock_(clock), ahead_(ahead) {}
  Timestamp now() const override { return clock_.now() + ahead_; }
  Timestamp wall_now() const override { return now(); }
  Task<void> wait_until(Timestamp when, asio::steady_timer& timer) override {
    return clock_.wait_until(when - ahead_, timer);
  }

 private:
  Clock& clock_;
  const std::chrono::milliseconds ahead_;
};

class NodeRegistryTest : public testing::Test {
 protected:
  struct Member {
    std::unique_ptr<OffsetClock> clock;
    Uuid id;
    int live = 1;  // As it was told.
    std::unique_ptr<NodeRegistry> registry;
  };

  NodeRegistryTest() {
    auto opened = store::Database::open(
        context, log, std::make_unique<store::SqliteDriver>(folder / "waybill.db"), clock.now());
    WAYBILL_CHECK(opened.has_value(), opened.error().message);
    database = *std::move(opened);
    clock.set_settle([this] { settle(); });
  }
  ~NodeRegistryTest() override {
    for (auto& member : members) {
      if (member->registry) stop(*member);
    }
    members.clear();
    database.reset();
  }

  void settle() {
    for (;;) {
      context.restart();
      const std::size_t ran = context.poll();
      if (database->unanswered() > 0) {
        context.restart();
        context.run_one();
      } else if (ran == 0) {
        return;
      }
    }
  }

  Member& add(std::string name, std::optional<Uuid> id = std::nullopt,
              std::chrono::milliseconds ahead = 0ms) {
    auto& member = *members.emplace_back(std::make_unique<Member>());
    member.clock = std::make_unique<OffsetClock>(clock, ahead);
    member.id = id.value_or(ids.next());
    member.registry = std::make_unique<NodeRegistry>(
        context, *member.clock, log, *database, NodeIdentity{member.id, ids.next(), name, "1.2.3"},
        [&member](int live) { member.live = live; });
    asio::co_spawn(context, member.registry->start("http://" + name),
                   [](std::exception_ptr, Result<void> started) { EXPECT_TRUE(started); });
    settle();
    return member;
  }
  void stop(Member& member) {
    bool stopped = false;
    asio::co_spawn(context, member.registry->stop(), [&](std::exception_ptr) { stopped = true; });
    settle();
    EXPECT_TRUE(stopped);
  }
  // As with kill -9: it says nothing any more.
  void kill(Member& member) {
    stop(member);
    in_store([&](store::Connection& c) -> Result<void> {
      auto node = store::nodes::find(c, member.id);
      if (!node) return fail(node.error());
      (*node)->stopped_at.reset();
      return store::nodes::save(c, **node);
    });
    member.registry.reset();
  }

  template <class Unit>
  void in_store(Unit unit) {
    bool done = false;
    asio::co_spawn(context, database->run(std::move(unit)),
                   [&](std::exception_ptr, Result<void> result) { done = result.has_value(); });
    settle();
    EXPECT_TRUE(done);
  }
  std::vector<Node> listed() {
    std::vector<Node> nodes;
    asio::co_spawn(context, database->read(store::nodes::list),
                   [&](std::exception_ptr, Result<std::vector<Node>> result) {
                     nodes = std::move(result).value();
                   });
    settle();
    return nodes;
  }
  std::string state(const Member& member) {
    for (const Node& node : listed()) {
      if (node.id != member.id) continue;
      return std::string(
          model::node_state_name(model::node_state(node, clock.now(), Node::kBelieved)));
    }
    return "none";
  }

  // What is logged while the clock runs.
  std::string logged_in(std::chrono::milliseconds time) {
    testing::internal::CaptureStderr();
    clock.run_for(time);
    return testing::internal::GetCapturedStderr();
  }
  static std::size_t count(const std::string& text, std::string_view word) {
    std::size_t times = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++times;
    return times;
  }

  asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kWarn};
  IdGenerator ids{clock, /*seed=*/1};
  const TemporaryFolder folder;
  std::unique_ptr<store::Database> database;
  std::vector<std::unique_ptr<Member>> members;
};

TEST_F(NodeRegistryTest, ShowsTheOneNodeOfAHubAlone) {
  const Member& only = add("one");
  const auto nodes = listed();
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].id, only.id);
  EXPECT_EQ(nodes[0].name, "one");
  EXPECT_EQ(nodes[0].version, "1.2.3");
  EXPECT_EQ(nodes[0].address, "http://one");
  EXPECT_EQ(nodes[0].started_at, clock.now());
  clock.run_for(1min);
  EXPECT_EQ(state(only), "live");
  EXPECT_EQ(only.registry->live(), 1);
  EXPECT_TRUE(only.registry->is_first());
}

TEST_F(NodeRegistryTest, CountsTheLiveNodesWithinABeatOfTheirComingAndGoing) {
  Member& first = add("one");
  Member& second = add("two");
  EXPECT_EQ(second.live, 2) << "it has read the others at its start";
  clock.run_for(5s);
  EXPECT_EQ(first.live, 2);

  stop(second);
  clock.run_for(5s);
  EXPECT_EQ(first.live, 1);
  EXPECT_EQ(state(second), "stopped");
}

TEST_F(NodeRegistryTest, TakesANodeForGoneTwentySecondsAfterItWasSeen) {
  Member& first = add("one");
  Member& second = add("two");
  clock.run_for(5s);
  kill(second);
  clock.run_for(19s);
  EXPECT_EQ(first.live, 2);
  clock.run_for(6s);
  EXPECT_EQ(first.live, 1);
  EXPECT_EQ(state(second), "silent");
}

TEST_F(NodeRegistryTest, LeavesWhatOneAloneShouldDoToTheLiveNodeWithTheLowestId) {
  Member& first = add("one");
  Member& second = add("two");
  Member& third = add("three");
  clock.run_for(5s);
  EXPECT_TRUE(first.registry->is_first());
  EXPECT_FALSE(second.registry->is_first());
  EXPECT_FALSE(third.registry->is_first());

  stop(first);
  clock.run_for(5s);
  EXPECT_TRUE(second.registry->is_first());
  EXPECT_FALSE(third.registry->is_first());
}

TEST_F(NodeRegistryTest, DoesItItselfWhileTheOthersCannotBeRead) {
  add("one");
  Member& second = add("two");
  clock.run_for(5s);
  ASSERT_FALSE(second.registry->is_first());
  in_store([](store::Connection& c) { return c.run_script("ALTER TABLE nodes RENAME TO gone"); });
  clock.run_for(30s);
  EXPECT_TRUE(second.registry->is_first());
  EXPECT_EQ(second.live, 2) << "the last that was known";
  in_store([](store::Connection& c) { return c.run_script("ALTER TABLE gone RENAME TO nodes"); });
  clock.run_for(5s);
  EXPECT_FALSE(second.registry->is_first());
}

TEST_F(NodeRegistryTest, ForgetsANodeThatWasNotSeenForAWeek) {
  add("one");
  Member& second = add("two");
  kill(second);
  clock.step(24h * 7 - 1min);
  clock.run_for(5s);
  EXPECT_EQ(state(second), "silent");
  clock.run_for(2min);
  EXPECT_EQ(state(second), "none");
  EXPECT_EQ(listed().size(), 1u);
}

TEST_F(NodeRegistryTest, WarnsOnceOfANodeWhoseClockIsAhead) {
  add("one");
  Member& second = add("fast", std::nullopt, 8s);
  const std::string log = logged_in(1min);
  EXPECT_EQ(count(log, "clocks_differ"), 1u) << log;
  EXPECT_NE(log.find("\"fast\""), std::string::npos) << log;
  EXPECT_EQ(state(second), "live");
}

TEST_F(NodeRegistryTest, TakesClocksThatAreCloseForEqual) {
  add("one");
  add("fast", std::nullopt, 2s);
  EXPECT_EQ(logged_in(1min), "");
}

// kill -9 and a start: the row of the former life is there, and says that it lives.
TEST_F(NodeRegistryTest, IsNotAlarmedByItsOwnFormerLife) {
  Member& before = add("one");
  clock.run_for(7s);
  kill(before);
  testing::internal::CaptureStderr();
  Member& after = add("one", before.id);
  clock.run_for(1min);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(state(after), "live");
  EXPECT_EQ(listed().size(), 1u);
}

TEST_F(NodeRegistryTest, IsAlarmedByAnotherHubWithItsIdAsLongAsThereIsOne) {
  Member& original = add("original");
  clock.run_for(2s);
  Member& copy = add("copy", original.id);
  const std::string log = logged_in(20s);
  EXPECT_GE(count(log, "node_id_shared"), 6u) << "both, with each beat: " << log;
  EXPECT_EQ(state(copy), "shared");

  stop(copy);
  clock.run_for(5s);
  EXPECT_EQ(count(logged_in(1min), "node_id_shared"), 0u);
  EXPECT_EQ(state(original), "live");
}

}  // namespace
}  // namespace waybill::app
