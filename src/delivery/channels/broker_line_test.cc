#include "delivery/channels/broker_line.h"

#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;

// What a name server that hangs waits for. Look-ups of an earlier test may begin late.
class Until {
 public:
  void set(std::shared_future<void> future) {
    const std::lock_guard lock(mutex_);
    future_ = std::move(future);
  }
  std::shared_future<void> get() {
    const std::lock_guard lock(mutex_);
    return future_;
  }

 private:
  std::mutex mutex_;
  std::shared_future<void> future_;
};

Until& until() {
  static Until made;
  return made;
}

int hanging_look_up(const char*, const char* port, const addrinfo* hints, addrinfo** found) {
  until().get().wait();
  return ::getaddrinfo("127.0.0.1", port, hints, found);
}

int missing_look_up(const char*, const char*, const addrinfo*, addrinfo**) { return EAI_NONAME; }

class HangingNameServer : public testing::Test {
 protected:
  HangingNameServer() { until().set(done.get_future().share()); }
  ~HangingNameServer() override {
    if (!is_done) done.set_value();
  }

  std::promise<void> done;
  bool is_done = false;
  BrokerLine line{hanging_look_up};
};

TEST_F(HangingNameServer, IsWaitedForUntilTheDeadline) {
  const Stopwatch stopwatch;
  const auto made = line.connect("broker.example", 6379, Deadline::after(100ms));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kTimeout);
  EXPECT_EQ(made.error().reason, "broker_silent");
  EXPECT_GE(stopwatch.elapsed(), 100ms);
  EXPECT_LT(stopwatch.elapsed(), 20s);
}

TEST_F(HangingNameServer, HoldsUpNobodyWhoCuts) {
  auto made = std::async(std::launch::async, [this] {
    return line.connect("broker.example", 6379, Deadline::after(1h)).error().code;
  });
  line.cut();
  ASSERT_EQ(made.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(made.get(), Code::kTimeout);
}

TEST_F(HangingNameServer, IsAskedByAFewOnly) {
  const auto ask = [this] {
    return line.resolve("broker.example", 6379, Deadline::after(0ms)).error().reason;
  };
  int asked = 0;
  while (asked <= BrokerLine::kLookUpsMax && ask() == "broker_silent") ++asked;
  EXPECT_LE(asked, BrokerLine::kLookUpsMax);
  EXPECT_EQ(ask(), "broker_unreachable");
  EXPECT_TRUE(line.resolve("127.0.0.1", 6379, Deadline::after(0ms)));
  done.set_value();
  is_done = true;
  // Those that hung have ended, so that there is room again.
  const Deadline end = Deadline::after(20s);
  while (!line.resolve("broker.example", 6379, Deadline::after(20s)) && !end.passed()) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(line.resolve("broker.example", 6379, Deadline::after(20s)));
}

TEST(BrokerLine, TellsOfANameThatIsNotThere) {
  BrokerLine line(missing_look_up);
  const auto made = line.connect("broker.example", 6379, Deadline::after(20s));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, "broker_unreachable");
  EXPECT_NE(made.error().message.find("broker.example port 6379"), std::string::npos);
}

}  // namespace
}  // namespace waybill::delivery
