#include "delivery/channels/broker_worker.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace waybill::delivery {
namespace {

namespace asio = boost::asio;

// How long an attempt whose time is up waits for what the thread says of it.
constexpr std::chrono::seconds kGrace{1};

BrokerOutcome later(std::string why) { return {model::Outcome::kLater, std::move(why), {}}; }

struct Job {
  enum class State { kQueued, kSending, kOver };

  Job(asio::io_context& context, BrokerMessage what, Deadline until)
      : message(std::move(what)), deadline(until), timer(context) {}

  BrokerMessage message;
  const Deadline deadline;
  asio::steady_timer timer;              // The io_context's thread alone.
  std::optional<BrokerOutcome> outcome;  // Likewise.
  State state = State::kQueued;          // Under the worker's mutex.
};
using JobHandle = std::shared_ptr<Job>;

}  // namespace

// Where those wait who found no thread. It outlives the workers, for who still waits.
class BrokerRoom {
 public:
  // Until change(), or until then.
  Task<void> wait(asio::io_context& context, Deadline by) {
    asio::steady_timer timer(context, by.time_point());
    const auto place = waiting_.insert(waiting_.end(), &timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    waiting_.erase(place);
  }
  // A thread has ended, or has nothing to do.
  void change() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
  }
  void stop() {
    stopped_ = true;
    change();
  }
  bool has_stopped() const { return stopped_; }

 private:
  std::list<asio::steady_timer*> waiting_;
  bool stopped_ = false;
};

class BrokerWorker {
 public:
  BrokerWorker(asio::io_context& context, const BrokerLimits& limits, std::string settings,
               std::unique_ptr<Broker> broker, std::shared_ptr<BrokerRoom> room)
      : settings_(std::move(settings)),
        context_(context),
        room_(std::move(room)),
        limits_(limits),
        broker_(std::move(broker)),
        thread_([this] { run(); }) {}
  ~BrokerWorker() {
    stop();
    thread_.join();
  }
  BrokerWorker(const BrokerWorker&) = delete;
  BrokerWorker& operator=(const BrokerWorker&) = delete;

  const std::string& settings() const { return settings_; }
  bool has_ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  bool is_idle() const {
    const std::lock_guard lock(mutex_);
    return queue_.empty() && batch_.empty();
  }

  enum class Added { kYes, kFull, kEnded };
  Added add(const JobHandle& job) {
    const std::lock_guard lock(mutex_);
    if (closing_ || stopping_) return Added::kEnded;
    if (queue_.size() >= limits_.queue_max) return Added::kFull;
    queue_.push_back(job);
    wake_.notify_one();
    return Added::kYes;
  }

  // Nobody waits for it any longer.
  void give_up(const JobHandle& job) {
    const std::lock_guard lock(mutex_);
    if (job->state == Job::State::kQueued) std::erase(queue_, job);
    if (job->state == Job::State::kSending && ++given_up_ == batch_.size()) broker_->cut();
    job->state = Job::State::kOver;
  }

  // Ends once nothing waits.
  void leave() {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
    wake_.notify_one();
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (broker_) broker_->cut();
    wake_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    auto quiet = std::chrono::milliseconds(0);
    while (!stopping_) {
      if (!queue_.empty()) {
        quiet = {};
        send(lock);
        continue;
      }
      if (leaving_ || quiet >= limits_.idle_ends) break;
      const bool woken = wake_.wait_for(lock, limits_.tick,
                                        [&] { return stopping_ || leaving_ || !queue_.empty(); });
      if (woken) continue;
      quiet += limits_.tick;
      lock.unlock();
      broker_->idle();
      lock.lock();
    }
    // From here on add() takes nothing more.
    closing_ = true;
    std::vector<JobHandle> left(queue_.begin(), queue_.end());
    queue_.clear();
    std::unique_ptr<Broker> closed = std::move(broker_);
    lock.unlock();
    closed.reset();  // Which may take a while.
    if (!left.empty()) {
      const std::vector<BrokerOutcome> outcomes(left.size(), later("The hub is stopping."));
      report(std::move(left), outcomes);
    }
    lock.lock();
    ended_ = true;
    asio::post(context_, [room = room_] { room->change(); });
  }

  // Requires: the mutex is held, and something waits. Holds it again afterwards.
  void send(std::unique_lock<std::mutex>& lock) {
    const std::size_t count = std::min(queue_.size(), limits_.batch_max);
    std::vector<BrokerMessage> messages;
    messages.reserve(count);
    Deadline deadline = Deadline::after(std::chrono::milliseconds(0));
    for (std::size_t i = 0; i < count; ++i) {
      JobHandle job = std::move(queue_.front());
      queue_.pop_front();
      job->state = Job::State::kSending;
      messages.push_back(std::move(job->message));
      deadline = std::max(deadline, job->deadline);
      batch_.push_back(std::move(job));
    }
    given_up_ = 0;
    broker_->mend();
    lock.unlock();
    std::vector<BrokerOutcome> outcomes = broker_->publish(messages, deadline);
    lock.lock();
    for (const JobHandle& job : batch_) job->state = Job::State::kOver;
    std::vector<JobHandle> done = std::exchange(batch_, {});
    lock.unlock();
    report(std::move(done), std::move(outcomes));
    lock.lock();
  }

  void report(std::vector<JobHandle> jobs, std::vector<BrokerOutcome> outcomes) {
    asio::post(context_, [jobs = std::move(jobs), outcomes = std::move(outcomes),
                          room = is_idle() ? room_ : nullptr]() mutable {
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i]->outcome = std::move(outcomes[i]);
        jobs[i]->timer.cancel();
      }
      if (room) room->change();
    });
  }

  const std::string settings_;
  asio::io_context& context_;
  const std::shared_ptr<BrokerRoom> room_;
  const BrokerLimits& limits_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::unique_ptr<Broker> broker_;
  std::deque<JobHandle> queue_;
  std::vector<JobHandle> batch_;  // What publish() was given.
  std::size_t given_up_ = 0;      // Of it.
  bool leaving_ = false;
  bool stopping_ = false;
  bool closing_ = false;  // It takes nothing more …
  bool ended_ = false;    // … and is gone.
  std::thread thread_;    // Last: it uses all of the above.
};

BrokerWorkers::BrokerWorkers(asio::io_context& context, BrokerLimits limits)
    : context_(context), limits_(limits), room_(std::make_shared<BrokerRoom>()) {}

BrokerWorkers::~BrokerWorkers() { stop(); }

Task<BrokerOutcome> BrokerWorkers::publish(model::EndpointId handler, std::string settings,
                                           Make make, BrokerMessage message,
                                           std::chrono::milliseconds timeout) {
  const auto room = room_;
  const auto job = std::make_shared<Job>(context_, std::move(message), Deadline::after(timeout));
  const Deadline by = std::min(job->deadline, Deadline::after(limits_.room_wait));
  // Held beyond the wait: the handler may be forgotten meanwhile.
  std::shared_ptr<BrokerWorker> worker;
  auto added = BrokerWorker::Added::kEnded;
  for (int i = 0; i < 2 && added == BrokerWorker::Added::kEnded; ++i) {
    if (worker) forget(handler);  // It was just ending, having nothing to do.
    worker = co_await wait_for(handler, settings, make, by);
    if (!worker) {
      co_return later(room->has_stopped() ? "The hub is stopping."
                                          : "All threads for handlers of brokers are in use.");
    }
    added = worker->add(job);
  }
  if (added != BrokerWorker::Added::kYes) co_return later("Too much waits for this handler.");

  constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
  job->timer.expires_at(job->deadline.time_point());
  co_await job->timer.async_wait(kAwait);
  if (!job->outcome) {
    worker->give_up(job);
    job->timer.expires_after(kGrace);
    co_await job->timer.async_wait(kAwait);
  }
  co_return job->outcome ? *std::move(job->outcome) : outcome_of(broker_silent());
}

// None: there was no room by then, or the hub is stopping, and this may be gone.
Task<std::shared_ptr<BrokerWorker>> BrokerWorkers::wait_for(model::EndpointId handler,
                                                            std::string settings, Make make,
                                                            Deadline by) {
  const auto room = room_;
  while (!room->has_stopped()) {
    if (auto worker = find(handler, settings, make)) co_return worker;
    if (by.passed()) break;
    co_await room->wait(context_, by);
  }
  co_return nullptr;
}

std::shared_ptr<BrokerWorker> BrokerWorkers::find(const model::EndpointId& handler,
                                                  const std::string& settings, Make make) {
  reap();
  const auto known = workers_.find(handler);
  if (known != workers_.end()) {
    if (known->second->settings() == settings) return known->second;
    forget(handler);
  }
  if (!make_room()) return nullptr;
  try {
    auto made = std::make_shared<BrokerWorker>(context_, limits_, settings, make(), room_);
    workers_.emplace(handler, made);
    return made;
  } catch (const std::system_error&) {
    return nullptr;  // The system has no thread left, though the limit is not reached.
  }
}

void BrokerWorkers::reap() {
  std::erase_if(workers_, [](const auto& each) { return each.second->has_ended(); });
  std::erase_if(leaving_, [](const auto& each) { return each->has_ended(); });
}

// A thread that has nothing to do leaves, so that there is room soon. One at a time: many may ask,
// and for the same handler.
bool BrokerWorkers::make_room() {
  if (workers_.size() + leaving_.size() < limits_.threads_max) return true;
  if (std::ranges::any_of(leaving_, [](const auto& each) { return each->is_idle(); })) return false;
  const auto idle = std::find_if(workers_.begin(), workers_.end(),
                                 [](const auto& each) { return each.second->is_idle(); });
  if (idle != workers_.end()) forget(model::EndpointId(idle->first));
  return false;
}

void BrokerWorkers::forget(const model::EndpointId& handler) {
  const auto known = workers_.find(handler);
  if (known == workers_.end()) return;
  known->second->leave();
  leaving_.push_back(std::move(known->second));
  workers_.erase(known);
}

void BrokerWorkers::stop() {
  room_->stop();
  for (const auto& each : workers_) each.second->stop();
  for (const auto& each : leaving_) each->stop();
  workers_.clear();
  leaving_.clear();
}

std::size_t BrokerWorkers::threads() {
  reap();
  return workers_.size() + leaving_.size();
}

}  // namespace waybill::delivery
