#include "delivery/channels/broker_line.h"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "delivery/channels/no_thread_left.h"

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

// A port of 127.0.0.N. One that is full answers no connection, as what loses its packets.
class Listener {
 public:
  Listener(int host, std::uint16_t port, bool is_full) : socket_(make()) {
    sockaddr_in address = address_of(host, port);
    socklen_t size = sizeof address;
    WAYBILL_CHECK(::bind(socket_, as_any(address), size) == 0 && ::listen(socket_, 0) == 0 &&
                      ::getsockname(socket_, as_any(address), &size) == 0,
                  "a port");
    port_ = ntohs(address.sin_port);
    // The system takes one more than it is told to, and drops what comes then.
    for (int i = 0; is_full && i < 3; ++i) {
      fillers_.push_back(make());
      WAYBILL_CHECK(::connect(fillers_.back(), as_any(address), size) == 0 || errno == EINPROGRESS,
                    "a connection");
    }
  }
  ~Listener() {
    for (const int each : fillers_) ::close(each);
    ::close(socket_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  static int make() {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    WAYBILL_CHECK(::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "a socket");
    return made;
  }
  static sockaddr_in address_of(int host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<std::uint32_t>(host));
    return address;
  }
  static sockaddr* as_any(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

  int socket_;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

// 127.0.0.1, then 127.0.0.2.
int two_addresses(const char*, const char* port, const addrinfo* hints, addrinfo** found) {
  addrinfo* second = nullptr;
  WAYBILL_CHECK(::getaddrinfo("127.0.0.1", port, hints, found) == 0 &&
                    ::getaddrinfo("127.0.0.2", port, hints, &second) == 0,
                "an address is one");
  (*found)->ai_next = second;
  return 0;
}

// The first one took all of the time.
TEST(BrokerLine, AnAddressThatIsSilentLeavesTimeForTheNextOne) {
  const Listener silent(1, 0, /*is_full=*/true);
  BrokerLine line(two_addresses);
  {
    const Listener answers(2, silent.port(), /*is_full=*/false);
    const Stopwatch stopwatch;
    const auto made = line.connect("broker.example", silent.port(), Deadline::after(1s));
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_GE(stopwatch.elapsed(), 400ms);
    line.release();
    ::close(*made);
  }
  {
    const Listener silent_too(2, silent.port(), /*is_full=*/true);
    const Stopwatch stopwatch;
    const auto made = line.connect("broker.example", silent.port(), Deadline::after(200ms));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kTimeout);
    EXPECT_GE(stopwatch.elapsed(), 200ms);
  }
  // Nobody listens at the second one.
  const auto made = line.connect("broker.example", silent.port(), Deadline::after(200ms));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, "broker_unreachable");
  EXPECT_NE(made.error().message.find("broker.example port"), std::string::npos);
}

// It ended the whole hub.
TEST(BrokerLine, AMachineWithoutAThreadLeftIsNoEndOfTheHub) {
  BrokerLine line(missing_look_up);
  {
    const NoThreadLeft none_left;
    for (int i = 0; i <= BrokerLine::kLookUpsMax; ++i) {
      const auto made = line.connect("broker.example", 6379, Deadline::after(20s));
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().reason, "broker_unreachable");
      EXPECT_NE(made.error().message.find("no thread"), std::string::npos) << made.error().message;
    }
  }
  // None of them counts as one that still looks.
  const auto made = line.connect("broker.example", 6379, Deadline::after(20s));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find(::gai_strerror(EAI_NONAME)), std::string::npos)
      << made.error().message;
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
