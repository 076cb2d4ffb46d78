#include "delivery/channels/broker_worker.h"

#include <atomic>
#include <deque>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "delivery/channels/no_thread_left.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;
using model::Outcome;
using testing::ElementsAre;
using testing::Le;

// What the brokers of a test have seen. Any thread.
struct Seen {
  std::mutex mutex;
  std::vector<std::size_t> batches;
  std::vector<std::string> ids;
  std::set<std::thread::id> threads;
  std::atomic<int> made{0};
  std::atomic<int> ended{0};
  std::atomic<int> idled{0};

  std::vector<std::size_t> batch_sizes() {
    const std::lock_guard lock(mutex);
    return batches;
  }
};

// A server that answers at once, unless the first batch is held up: then as one that is silent,
// until it is cut or `go_on` is set.
class TestBroker final : public Broker {
 public:
  TestBroker(Seen& seen, bool hangs, std::shared_future<void> go_on = {})
      : seen_(seen), hangs_(hangs), go_on_(std::move(go_on)) {
    ++seen_.made;
    WAYBILL_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair_) == 0, "a socket");
  }
  ~TestBroker() override {
    ::close(pair_[0]);
    ::close(pair_[1]);
    ++seen_.ended;
  }

  std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                     Deadline deadline) override {
    {
      const std::lock_guard lock(seen_.mutex);
      seen_.batches.push_back(batch.size());
      seen_.threads.insert(std::this_thread::get_id());
      for (const BrokerMessage& message : batch) seen_.ids.push_back(message.id);
    }
    std::vector<BrokerOutcome> outcomes(batch.size());
    if (hangs_) {
      // Longer than anybody waits: cut() alone ends it.
      const auto waited = line_.hold(pair_[0]) ? line_.wait(pair_[0], POLLIN, Deadline::after(1h))
                                               : Result<void>(fail(broker_silent()));
      line_.release();
      fail_unanswered(outcomes, std::vector<bool>(batch.size()), waited.error());
      return outcomes;
    }
    if (go_on_.valid()) go_on_.wait();
    static_cast<void>(deadline);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const bool good = !batch[i].id.starts_with("bad");
      outcomes[i] = {good ? Outcome::kSucceeded : Outcome::kRefused, good ? "" : "no", batch[i].id};
    }
    return outcomes;
  }
  void idle() override { ++seen_.idled; }

 private:
  Seen& seen_;
  const bool hangs_;
  std::shared_future<void> go_on_;
  int pair_[2] = {-1, -1};
};

class BrokerWorkersTest : public testing::Test {
 protected:
  BrokerWorkers::Make make(bool hangs = false, std::shared_future<void> go_on = {}) {
    return [this, hangs, go_on] { return std::make_unique<TestBroker>(seen, hangs, go_on); };
  }
  void publish(BrokerWorkers& workers, const model::EndpointId& handler, std::string id,
               const BrokerWorkers::Make& broker, std::chrono::milliseconds timeout = 30s,
               std::string settings = "a") {
    BrokerMessage message;
    message.id = std::move(id);
    const std::size_t place = outcomes.size();
    outcomes.emplace_back();
    boost::asio::co_spawn(
        context, workers.publish(handler, std::move(settings), broker, std::move(message), timeout),
        [this, place](std::exception_ptr failure, BrokerOutcome outcome) {
          if (failure) std::rethrow_exception(failure);
          outcomes[place] = std::move(outcome);
        });
  }
  void run() {
    context.restart();
    context.run();
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  model::EndpointId one = ids.next_id<model::EndpointId>();
  model::EndpointId two = ids.next_id<model::EndpointId>();
  Seen seen;
  std::deque<std::optional<BrokerOutcome>> outcomes;
};

TEST_F(BrokerWorkersTest, WhatWaitsGoesTogetherAndEachHasItsOwnOutcome) {
  BrokerWorkers workers(context);
  std::promise<void> go_on;
  const auto broker = make(false, go_on.get_future().share());
  publish(workers, one, "first", broker);
  context.poll();
  for (int i = 0; i < 300; ++i) {
    publish(workers, one, i == 7 ? "bad" : std::to_string(i), broker);
  }
  context.poll();
  go_on.set_value();
  run();
  const std::vector<std::size_t> sizes = seen.batch_sizes();
  EXPECT_THAT(sizes, testing::Each(Le(256U)));
  EXPECT_THAT(sizes.size(), Le(4U));
  EXPECT_EQ(outcomes[8]->outcome, Outcome::kRefused);
  EXPECT_EQ(outcomes[9]->outcome, Outcome::kSucceeded);
  EXPECT_EQ(outcomes[9]->answer, "8");
  EXPECT_EQ(seen.ids.size(), 301U);
  EXPECT_EQ(seen.made, 1);
}

TEST_F(BrokerWorkersTest, ABrokerThatHangsBlocksItsOwnThreadOnly) {
  BrokerWorkers workers(context);
  publish(workers, one, "never", make(true), 30s);
  const Stopwatch stopwatch;
  publish(workers, two, "now", make());
  context.restart();
  while (!outcomes[1]) context.run_one();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kSucceeded);
  EXPECT_FALSE(outcomes[0].has_value());
  EXPECT_LT(stopwatch.elapsed(), 20s);
  workers.stop();
  run();
}

TEST_F(BrokerWorkersTest, ABatchWithoutAnAnswerIsATimeoutAndItsConnectionIsCut) {
  BrokerWorkers workers(context);
  const Stopwatch stopwatch;
  publish(workers, one, "a", make(true), 100ms);
  publish(workers, one, "b", make(true), 100ms);
  run();
  EXPECT_EQ(outcomes[0]->outcome, Outcome::kTimeout);
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kTimeout);
  EXPECT_NE(outcomes[0]->error, "");
  EXPECT_GE(stopwatch.elapsed(), 100ms);
  EXPECT_LT(stopwatch.elapsed(), 20s);
}

TEST_F(BrokerWorkersTest, WhatNobodyWaitsForAnyLongerIsNotSent) {
  BrokerWorkers workers(context);
  std::promise<void> go_on;
  const auto broker = make(false, go_on.get_future().share());
  publish(workers, one, "first", broker, 30s);
  context.poll();
  while (seen.batch_sizes().empty()) std::this_thread::yield();
  publish(workers, one, "second", broker, 50ms);
  context.restart();
  while (!outcomes[1]) context.run_one();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kTimeout);
  go_on.set_value();
  run();
  EXPECT_EQ(outcomes[0]->outcome, Outcome::kSucceeded);
  EXPECT_THAT(seen.ids, ElementsAre("first"));
}

// At once, it was claimed and let go again as fast as the store could write that.
TEST_F(BrokerWorkersTest, MoreHandlersThanThreadsWaitAndAreThenLaterAndNoFailure) {
  BrokerLimits limits;
  limits.threads_max = 1;
  limits.room_wait = 100ms;
  BrokerWorkers workers(context, limits);
  std::promise<void> go_on;
  publish(workers, one, "a", make(false, go_on.get_future().share()));
  const Stopwatch stopwatch;
  publish(workers, two, "b", make());
  context.restart();
  while (!outcomes[1]) context.run_one();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kLater);
  EXPECT_GE(stopwatch.elapsed(), 100ms);
  go_on.set_value();
  run();
  EXPECT_EQ(outcomes[0]->outcome, Outcome::kSucceeded);
  EXPECT_THAT(seen.ids, ElementsAre("a"));
}

TEST_F(BrokerWorkersTest, WhoWaitsForAThreadHasTheFirstThatHasNothingToDo) {
  BrokerLimits limits;
  limits.threads_max = 1;
  limits.room_wait = 20s;
  BrokerWorkers workers(context, limits);
  std::promise<void> go_on;
  publish(workers, one, "a", make(false, go_on.get_future().share()));
  const Stopwatch stopwatch;
  publish(workers, two, "b", make());
  publish(workers, two, "c", make());
  context.poll();
  EXPECT_FALSE(outcomes[1].has_value());
  go_on.set_value();
  run();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->outcome, Outcome::kSucceeded);
  EXPECT_LT(stopwatch.elapsed(), 20s);
  EXPECT_EQ(workers.threads(), 1U);
}

TEST_F(BrokerWorkersTest, ManyWhoWaitForOneThreadEndOneConnection) {
  BrokerLimits limits;
  limits.threads_max = 2;
  limits.room_wait = 20s;
  BrokerWorkers workers(context, limits);
  publish(workers, one, "a", make());
  publish(workers, two, "b", make());
  run();
  const auto three = ids.next_id<model::EndpointId>();
  for (int i = 0; i < 5; ++i) publish(workers, three, "c", make());
  run();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->outcome, Outcome::kSucceeded);
  EXPECT_EQ(workers.threads(), 2U);
  EXPECT_EQ(seen.ended, 1);
}

// It ended the whole hub.
TEST_F(BrokerWorkersTest, AMachineWithoutAThreadLeftIsNoEndOfTheHub) {
  BrokerLimits limits;
  limits.room_wait = 10ms;
  BrokerWorkers workers(context, limits);
  {
    const NoThreadLeft none_left;
    publish(workers, one, "a", make());
    run();
  }
  EXPECT_EQ(outcomes[0]->outcome, Outcome::kLater);
  EXPECT_EQ(seen.ended, seen.made);
  EXPECT_EQ(workers.threads(), 0U);
  publish(workers, one, "b", make());
  run();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kSucceeded);
}

TEST_F(BrokerWorkersTest, AStopWaitsForNoThread) {
  BrokerLimits limits;
  limits.threads_max = 1;
  limits.room_wait = 1h;
  auto workers = std::make_unique<BrokerWorkers>(context, limits);
  publish(*workers, one, "a", make(true), 1h);
  publish(*workers, two, "b", make(), 1h);
  context.poll();
  EXPECT_FALSE(outcomes[1].has_value());
  workers.reset();
  run();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kLater);
  EXPECT_NE(outcomes[1]->error.find("stopping"), std::string::npos) << outcomes[1]->error;
}

TEST_F(BrokerWorkersTest, AQueueHasAnEnd) {
  BrokerLimits limits;
  limits.queue_max = 2;
  BrokerWorkers workers(context, limits);
  std::promise<void> go_on;
  const auto broker = make(false, go_on.get_future().share());
  publish(workers, one, "under way", broker);
  context.poll();
  while (seen.batch_sizes().empty()) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) publish(workers, one, "waits", broker);
  context.restart();
  while (!outcomes[3]) context.run_one();
  EXPECT_EQ(outcomes[3]->outcome, Outcome::kLater);
  go_on.set_value();
  run();
  EXPECT_EQ(outcomes[2]->outcome, Outcome::kSucceeded);
}

TEST_F(BrokerWorkersTest, AThreadWithoutWorkEndsAndItsNextMessageMakesANewOne) {
  BrokerLimits limits;
  limits.tick = 5ms;
  limits.idle_ends = 15ms;
  BrokerWorkers workers(context, limits);
  publish(workers, one, "a", make());
  run();
  while (workers.threads() != 0) std::this_thread::yield();
  EXPECT_GE(seen.idled, 1);
  EXPECT_EQ(seen.ended, 1);
  publish(workers, one, "b", make());
  run();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kSucceeded);
  EXPECT_EQ(seen.made, 2);
}

TEST_F(BrokerWorkersTest, OtherSettingsMakeAnotherConnection) {
  BrokerWorkers workers(context);
  publish(workers, one, "a", make(), 30s, "a");
  run();
  publish(workers, one, "b", make(), 30s, "b");
  run();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kSucceeded);
  EXPECT_EQ(seen.made, 2);
  while (workers.threads() != 1) std::this_thread::yield();
  EXPECT_EQ(seen.ended, 1);
}

TEST_F(BrokerWorkersTest, AForgottenHandlersConnectionIsClosedOnceWhatWaitsIsDone) {
  BrokerWorkers workers(context);
  std::promise<void> go_on;
  publish(workers, one, "a", make(false, go_on.get_future().share()));
  context.poll();
  workers.forget(one);
  go_on.set_value();
  run();
  EXPECT_EQ(outcomes[0]->outcome, Outcome::kSucceeded);
  while (workers.threads() != 0) std::this_thread::yield();
  EXPECT_EQ(seen.ended, 1);
}

TEST_F(BrokerWorkersTest, StopEndsAtOnceWhatHangs) {
  auto workers = std::make_unique<BrokerWorkers>(context);
  publish(*workers, one, "a", make(true), 30s);
  context.poll();
  while (seen.batch_sizes().empty()) std::this_thread::yield();
  const Stopwatch stopwatch;
  workers->stop();
  run();
  EXPECT_LT(stopwatch.elapsed(), 20s);
  EXPECT_EQ(seen.ended, 1);
  EXPECT_NE(outcomes[0]->outcome, Outcome::kSucceeded);
  publish(*workers, one, "b", make());
  run();
  EXPECT_EQ(outcomes[1]->outcome, Outcome::kLater);
}

}  // namespace
}  // namespace waybill::delivery
