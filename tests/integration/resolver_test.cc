#include "net/resolver.h"

#include <algorithm>
#include <deque>
#include <latch>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "integration/peer.h"

namespace waybill::net {
namespace {

using namespace std::chrono_literals;

Addresses some_address() { return {boost::asio::ip::make_address("192.0.2.1")}; }

// A system whose name servers for "silent…" do not answer before they are released.
class ResolverTest : public testing::Test {
 protected:
  ~ResolverTest() override { release(); }

  Result<Addresses> lookup(const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      ++asked_[name];
    }
    if (name.starts_with("silent")) answering_.wait();
    if (name == "unknown") return fail(Code::kUnavailable, "name_not_resolved", "No such name.");
    return some_address();
  }
  void release() {
    if (!std::exchange(released_, true)) answering_.count_down();
  }
  int asked(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return asked_[name];
  }

  Loop loop_;
  std::mutex mutex_;
  std::map<std::string, int> asked_;
  std::latch answering_{1};
  bool released_ = false;
  Resolver resolver_{loop_.context(), [this](const std::string& name) { return lookup(name); }};
};

TEST_F(ResolverTest, FindsTheAddressesOfAName) {
  EXPECT_EQ(loop_.await(resolver_.find("known", Deadline::after(kPatience))), some_address());
  const auto unknown = loop_.await(resolver_.find("unknown", Deadline::after(kPatience)));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, "name_not_resolved");
}

TEST_F(ResolverTest, GivesUpOnANameServerThatIsSilent) {
  const auto answer = loop_.await(resolver_.find("silent", Deadline::after(50ms)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  EXPECT_EQ(answer.error().reason, "connect_timeout");
  release();
  EXPECT_TRUE(loop_.await(resolver_.find("silent", Deadline::after(kPatience))));
}

// All names waited for one thread: an endpoint whose name server was down delayed everybody's.
TEST_F(ResolverTest, FindsOtherNamesWhileOneIsSilentThoughManyAskForIt) {
  std::deque<std::optional<Result<Addresses>>> silent(100);
  for (auto& answer : silent) {
    loop_.start(resolver_.find("silent", Deadline::after(kPatience)), answer);
  }
  for (std::size_t i = 2; i < Resolver::kThreads; ++i) {
    loop_.start(resolver_.find("silent" + std::to_string(i), Deadline::after(kPatience)),
                silent.emplace_back());
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(
        loop_.await(resolver_.find("known" + std::to_string(i), Deadline::after(kPatience))));
  }
  EXPECT_EQ(asked("silent"), 1);

  release();
  loop_.run_until([&] {
    return std::ranges::all_of(silent, [](const auto& answer) { return answer.has_value(); });
  });
  for (const auto& answer : silent) EXPECT_TRUE(*answer);
}

TEST_F(ResolverTest, AsksAgainForTheNextWhoAsks) {
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(loop_.await(resolver_.find("known", Deadline::after(kPatience))));
    EXPECT_EQ(asked("known"), i);
  }
}

TEST_F(ResolverTest, KnowsThisMachineByTheSystem) {
  Resolver resolver(loop_.context());
  const auto found = loop_.await(resolver.find("localhost", Deadline::after(kPatience)));
  ASSERT_TRUE(found);
  for (const auto& address : *found) EXPECT_TRUE(address.is_loopback());
}

}  // namespace
}  // namespace waybill::net
