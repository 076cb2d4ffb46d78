#include "delivery/dispatcher.h"

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "delivery/turns.h"
#include "delivery/units.h"

namespace waybill::delivery {
namespace {

using model::EndpointId;
using model::WorkspaceId;
using store::deliveries::Lease;

// After a database failure, before the same is tried again. Hub time.
constexpr std::chrono::seconds kPause{5};
// What an endpoint may claim although kReadyTotalMax deliveries are here.
constexpr std::size_t kReadyWhenFull = 8;
// What an attempt may take beyond its endpoint's timeout, until its outcome is recorded. Real time.
constexpr std::chrono::seconds kRecordingMargin{10};

// What waits for one endpoint, here and (as far as we know) in the store.
struct Queue {
  WorkspaceId workspace;
  EndpointId endpoint;
  std::shared_ptr<const Target> target;  // Null until it is needed, and again when it has changed.
  std::deque<Held> ready;
  std::optional<Timestamp> due;  // When the store has something for it. Nothing: not that we know.
  std::optional<Timestamp> alarm;                                 // Its place in `alarms_`.
  std::chrono::sys_time<std::chrono::microseconds> next_start{};  // Its rate allows none before.
  int failures = 0;            // In a row, as stored when this node last saw it …
  int failures_recording = 0;  // … and those on their way there.
  int in_flight = 0;
  int recording = 0;
  int releasing = 0;
  bool loading = false;
  bool changed = false;  // While it was being loaded.
  bool claiming = false;
  bool has_turn = false;
  bool congested = false;

  bool is_idle(Timestamp now) const {
    return ready.empty() && !due && next_start <= now && in_flight == 0 && recording == 0 &&
           releasing == 0 && !loading && !claiming && !has_turn;
  }
};

// Of two at one moment, the same is first in every run.
struct Sooner {
  using Alarm = std::pair<Timestamp, Queue*>;
  bool operator()(const Alarm& a, const Alarm& b) const {
    return std::tie(a.first, a.second->endpoint) < std::tie(b.first, b.second->endpoint);
  }
};

void make_earlier(std::optional<Timestamp>& time, Timestamp candidate) {
  if (!time || candidate < *time) time = candidate;
}

}  // namespace

class Dispatcher::Impl {
 public:
  Impl(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
       EndpointDirectory& endpoints, WebhookChannel& channel, Rng rng, DispatcherOptions options)
      : clock_(clock),
        log_(log),
        database_(database),
        endpoints_(endpoints),
        channel_(channel),
        rng_(rng),
        options_(options),
        timer_(context),
        tasks_(context, log) {}

  Task<Result<void>> start() {
    const Timestamp now = clock_.now();
    auto released = co_await database_.run([&](store::Connection& connection) {
      return store::deliveries::release_all_of(connection, options_.node, now);
    });
    if (!released) co_return fail(released.error());
    if (*released > 0) log_.info("deliveries_taken_back", {{"count", *released}});
    WAYBILL_CO_TRY(co_await find_owed());
    tasks_.spawn("dispatcher", run());
    co_return Result<void>();
  }

  Task<void> stop() {
    stopping_ = true;
    timer_.cancel();
    for (const auto& [id, queue] : queues_) give_back(*queue, After::kLeaveIt);
    co_await tasks_.join();
  }

  intake::LeaseTerms lease_terms() const {
    return {new_lease(), congested_, ready_ >= kReadyTotalMax};
  }

  void hand_over(intake::Accepted accepted) {
    if (accepted.matched() == 0) return;
    const auto event = std::make_shared<OutgoingEvent>(std::move(accepted.event));
    for (model::Delivery& delivery : accepted.leased) {
      Queue& queue = queue_of(delivery.workspace_id, delivery.endpoint_id);
      push(queue, {std::move(delivery), accepted.lease, event});
      update(queue);
    }
    for (const model::Delivery& delivery : accepted.due) {
      note_due(delivery.workspace_id, delivery.endpoint_id, clock_.now());
    }
    pump();
  }

  void wake(const WorkspaceId& workspace, const EndpointId& endpoint, Timestamp due_at) {
    note_due(workspace, endpoint, due_at);
    pump();
  }

  void endpoint_changed(const WorkspaceId& workspace, const EndpointId& endpoint) {
    endpoints_.forget(endpoint);
    const auto found = queues_.find(endpoint);
    if (found == queues_.end()) return;
    WAYBILL_CHECK(found->second->workspace == workspace, "an endpoint stays in its workspace");
    forget_target(*found->second);
    update(*found->second);
    pump();
  }

  DispatcherCounters counters() const {
    DispatcherCounters counters = counters_;
    counters.in_flight = static_cast<std::size_t>(in_flight_);
    counters.ready = ready_;
    return counters;
  }

 private:
  Lease new_lease(std::chrono::milliseconds attempt = {}) const {
    const auto real = std::max<std::chrono::milliseconds>(options_.lease, 2 * attempt);
    return {options_.node, clock_.now() + clock_.hub_time(real)};
  }

  // How long an attempt may take, until its outcome is recorded. Real time.
  static std::chrono::milliseconds longest_attempt(const Target& target) {
    return target.timeout + kRecordingMargin;
  }

  Queue& queue_of(const WorkspaceId& workspace, const EndpointId& endpoint) {
    auto& queue = queues_[endpoint];
    if (!queue) {
      queue = std::make_unique<Queue>();
      queue->workspace = workspace;
      queue->endpoint = endpoint;
    }
    return *queue;
  }

  void push(Queue& queue, Held held) {
    queue.ready.push_back(std::move(held));
    ++ready_;
  }

  Held pop(Queue& queue) {
    Held held = std::move(queue.ready.front());
    queue.ready.pop_front();
    --ready_;
    return held;
  }

  // Alarms, and the slow look for what nobody told us of.
  Task<void> run() {
    Timestamp next_poll = clock_.now() + options_.poll;
    while (!stopping_) {
      const Timestamp now = clock_.now();
      if (now >= next_poll) {
        next_poll = now + options_.poll;
        if (auto found = co_await find_owed(); !found) {
          log_.warn("cannot_read_due_deliveries", {{"what", found.error().message}});
        }
        continue;
      }
      while (!alarms_.empty() && alarms_.begin()->first <= now) {
        Queue& queue = *alarms_.begin()->second;
        alarms_.erase(alarms_.begin());
        queue.alarm.reset();
        update(queue);
      }
      pump();
      const Timestamp until =
          alarms_.empty() ? next_poll : std::min(next_poll, alarms_.begin()->first);
      co_await clock_.wait_until(until, timer_);
    }
  }

  Task<Result<void>> find_owed() {
    auto owed = co_await database_.read(
        [](store::Connection& connection) { return store::deliveries::owed(connection); });
    if (!owed) co_return fail(owed.error());
    for (const auto& entry : *owed) note_due(entry.workspace_id, entry.endpoint_id, entry.due_at);
    pump();
    co_return Result<void>();
  }

  void note_due(const WorkspaceId& workspace, const EndpointId& endpoint, Timestamp due_at) {
    Queue& queue = queue_of(workspace, endpoint);
    make_earlier(queue.due, due_at);
    update(queue);
  }

  // It is read anew before anything else is sent to it.
  static void forget_target(Queue& queue) {
    queue.target.reset();
    queue.changed = queue.loading;
  }

  // Looks at a queue after anything about it has changed, and lines up what is to be done next: the
  // one place where that is decided. May erase the queue. pump() follows.
  void update(Queue& queue) {
    const Timestamp now = clock_.now();
    std::optional<Timestamp> alarm;
    if (!stopping_) {
      if (queue.target && queue.target->endpoint.state != model::EndpointState::kActive) {
        queue.due.reset();  // A resume will wake it.
        give_back(queue, After::kClaimAgain);
      }
      if (queue.due && !queue.claiming) {
        const std::size_t room = room_to_claim(queue);
        if (*queue.due > now) {
          alarm = queue.due;
        } else if (room > 0) {
          queue.claiming = true;
          claiming_ += room;
          tasks_.spawn("claim", claim_due(queue, room));
        }
      }
      if (!queue.ready.empty() && !queue.target && !queue.loading) {
        queue.loading = true;
        tasks_.spawn("load endpoint", load(queue));
      }
      const auto start = std::chrono::ceil<std::chrono::milliseconds>(queue.next_start);
      if (start > now) {
        make_earlier(alarm, start);
      } else if (has_room(queue) && !queue.has_turn) {
        queue.has_turn = true;
        turns_.add(queue.workspace, &queue);
      }
    } else {
      give_back(queue, After::kLeaveIt);
    }
    set_congested(queue, now);
    set_alarm(queue, alarm);
    if (queue.is_idle(now)) queues_.erase(EndpointId(queue.endpoint));
  }

  std::size_t room_to_claim(const Queue& queue) const {
    if (queue.ready.size() >= kReadyMax / 2) return 0;
    if (ready_ + claiming_ < kReadyTotalMax) return kReadyMax - queue.ready.size();
    // Slow endpoints may have filled the memory: that must not stop one that has nothing there.
    return queue.ready.empty() ? kReadyWhenFull : 0;
  }

  bool has_room(const Queue& queue) const {
    return !queue.ready.empty() && queue.target && queue.in_flight < in_flight_max(queue);
  }

  int in_flight_max(const Queue& queue) const {
    const int usual =
        queue.target->endpoint.overrides.in_flight_max.value_or(options_.endpoint_in_flight);
    const int failures = queue.failures + queue.failures_recording;
    if (failures == 0) return usual;
    // No more than may still fail before it is switched off.
    const int limit = queue.target->dialect->endpoint.deactivate_after;
    const int left = limit > 0 ? std::max(1, limit - failures) : usual;
    return std::min({usual, left, options_.failing_endpoint_in_flight});
  }

  void set_alarm(Queue& queue, std::optional<Timestamp> alarm) {
    if (alarm == queue.alarm) return;
    if (queue.alarm) alarms_.erase({*queue.alarm, &queue});
    queue.alarm = alarm;
    if (!alarm) return;
    alarms_.insert({*alarm, &queue});
    if (alarms_.begin()->second == &queue) timer_.cancel();  // The sleeper must wake sooner.
  }

  // While an endpoint has its fill in memory, or older deliveries in the store, new ones go to the
  // store.
  void set_congested(Queue& queue, Timestamp now) {
    const bool backlog = queue.claiming || (queue.due && *queue.due <= now);
    const bool congested = queue.congested ? backlog || queue.ready.size() > kReadyMax / 4
                                           : queue.ready.size() >= kReadyMax;
    if (congested == queue.congested) return;
    queue.congested = congested;
    auto changed = congested_ ? std::make_shared<std::unordered_set<EndpointId>>(*congested_)
                              : std::make_shared<std::unordered_set<EndpointId>>();
    if (congested) {
      changed->insert(queue.endpoint);
    } else {
      changed->erase(queue.endpoint);
    }
    congested_ = std::move(changed);
  }

  // Starts attempts, turn by turn, while there is room.
  void pump() {
    while (!stopping_ && in_flight_ < options_.in_flight_max && !turns_.empty()) {
      Queue& queue = *turns_.next();
      queue.has_turn = false;
      if (has_room(queue)) start_next(queue);
      update(queue);
    }
  }

  void start_next(Queue& queue) {
    Held held = pop(queue);
    const Timestamp now = clock_.now();
    if (held.lease.until < now + clock_.hub_time(longest_attempt(*queue.target))) {
      // It waited so long that the lease could end during the attempt, and so have those behind it.
      queue.ready.push_front(std::move(held));
      ++ready_;
      give_back(queue, After::kClaimAgain);
      return;
    }
    if (const auto rate = queue.target->endpoint.overrides.rate_per_second) {
      const auto earliest = std::max<decltype(queue.next_start)>(queue.next_start, now);
      queue.next_start = earliest + std::chrono::microseconds(1'000'000 / *rate);
    }
    ++queue.in_flight;
    ++in_flight_;
    tasks_.spawn("deliver", deliver(queue, queue.target, std::move(held)));
  }

  Task<void> deliver(Queue& queue, std::shared_ptr<const Target> target, Held held) {
    // Do.
    model::Attempt attempt = co_await channel_.attempt(held.delivery, *target, *held.event);

    // Decide. Nothing suspends here, so nothing changes under our feet.
    const bool succeeded = attempt.outcome == model::Outcome::kSucceeded;
    ++counters_.attempts;
    ++(succeeded ? counters_.succeeded : counters_.failed);
    Record decided;
    decided.delivery = std::move(held.delivery);
    decided.delivery.attempts_made = attempt.number;
    decided.lease = held.lease;
    decided.attempt = std::move(attempt);
    decided.next =
        model::next_state(decided.delivery, decided.attempt, target->retry, clock_.now(), rng_);
    decided.touches_health = !succeeded || queue.failures + queue.failures_recording > 0;
    decided.deactivate_after = target->dialect->endpoint.deactivate_after;
    if (!succeeded) ++queue.failures_recording;

    // The place is free for the next one while this outcome is being written.
    --queue.in_flight;
    --in_flight_;
    ++queue.recording;
    update(queue);
    pump();

    // Record.
    const Timestamp now = clock_.now();
    auto written = co_await database_.run(
        [&](store::Connection& connection) { return record(connection, decided, now); });
    --queue.recording;
    if (!succeeded) --queue.failures_recording;
    if (written) {
      if (decided.next.due_at) make_earlier(queue.due, *decided.next.due_at);
      if (*written) apply_health(queue, **written);
    } else {
      // If the lease is still ours it runs out, and the delivery is made again: at least once.
      log_.warn("attempt_not_recorded", {{"delivery", decided.delivery.id.text()},
                                         {"code", written.error().reason},
                                         {"what", written.error().message}});
      make_earlier(queue.due, decided.lease.until);
    }
    update(queue);
    pump();
  }

  void apply_health(Queue& queue, const model::EndpointHealth& health) {
    if (health.consecutive_failures != queue.failures) endpoints_.forget(queue.endpoint);
    queue.failures = health.consecutive_failures;
    if (health.reason.empty()) return;
    endpoints_.forget(queue.endpoint);
    log_.warn("endpoint_deactivated",
              {{"endpoint", queue.endpoint.text()}, {"reason", health.reason}});
    forget_target(queue);
  }

  Task<void> load(Queue& queue) {
    auto target = co_await endpoints_.find(queue.workspace, queue.endpoint);
    while (std::exchange(queue.changed, false)) {
      target = co_await endpoints_.find(queue.workspace, queue.endpoint);
    }
    queue.loading = false;
    if (target) {
      queue.target = *std::move(target);
      queue.failures = queue.target->endpoint.consecutive_failures;
    } else {
      log_.warn("endpoint_not_loaded",
                {{"endpoint", queue.endpoint.text()}, {"what", target.error().message}});
      give_back(queue, After::kLeaveIt);
      queue.due = clock_.now() + kPause;
    }
    update(queue);
    pump();
  }

  Task<void> claim_due(Queue& queue, std::size_t limit) {
    queue.due.reset();  // What note_due() sets meanwhile is news.
    const Timestamp now = clock_.now();
    const Lease lease = queue.target ? new_lease(longest_attempt(*queue.target)) : new_lease();
    auto claimed = co_await database_.run([&](store::Connection& connection) {
      return claim(connection, queue.workspace, queue.endpoint, now, lease,
                   static_cast<int>(limit));
    });
    queue.claiming = false;
    claiming_ -= limit;
    if (claimed) {
      if (claimed->next_due) make_earlier(queue.due, *claimed->next_due);
      for (Held& held : claimed->held) push(queue, std::move(held));
    } else {
      log_.warn("claim_failed",
                {{"endpoint", queue.endpoint.text()}, {"what", claimed.error().message}});
      make_earlier(queue.due, clock_.now() + kPause);
    }
    update(queue);
    pump();
  }

  // Returns what has not been sent to the store, for whoever comes next.
  enum class After { kLeaveIt, kClaimAgain };
  void give_back(Queue& queue, After after) {
    if (queue.ready.empty()) return;
    ready_ -= queue.ready.size();
    ++queue.releasing;
    const bool deleted =
        queue.target && queue.target->endpoint.state == model::EndpointState::kDeleted;
    tasks_.spawn("give back", release_all(queue, std::exchange(queue.ready, {}), deleted, after));
  }

  Task<void> release_all(Queue& queue, std::deque<Held> held, bool deleted, After after) {
    const Timestamp now = clock_.now();
    auto released = co_await database_.run(
        [&](store::Connection& connection) { return release(connection, held, deleted, now); });
    --queue.releasing;
    if (released) {
      if (after == After::kClaimAgain) make_earlier(queue.due, clock_.now());
    } else {
      log_.warn("release_failed", {{"what", released.error().message}});
      make_earlier(queue.due, held.back().lease.until);  // It runs out by itself.
    }
    update(queue);
    pump();
  }

  Clock& clock_;
  Log& log_;
  store::Database& database_;
  EndpointDirectory& endpoints_;
  WebhookChannel& channel_;
  Rng rng_;
  const DispatcherOptions options_;
  std::unordered_map<EndpointId, std::unique_ptr<Queue>> queues_;
  Turns<Queue> turns_;
  std::set<std::pair<Timestamp, Queue*>, Sooner> alarms_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<const std::unordered_set<EndpointId>> congested_;
  DispatcherCounters counters_;
  std::size_t ready_ = 0;
  std::size_t claiming_ = 0;  // How many may be ready once the claims under way are done.
  int in_flight_ = 0;
  bool stopping_ = false;
  TaskGroup tasks_;
};

Dispatcher::Dispatcher(boost::asio::io_context& context, Clock& clock, Log& log,
                       store::Database& database, EndpointDirectory& endpoints,
                       WebhookChannel& channel, Rng rng, DispatcherOptions options)
    : impl_(std::make_unique<Impl>(context, clock, log, database, endpoints, channel, rng,
                                   options)) {}
Dispatcher::~Dispatcher() = default;

Task<Result<void>> Dispatcher::start() { return impl_->start(); }
Task<void> Dispatcher::stop() { return impl_->stop(); }
intake::LeaseTerms Dispatcher::lease_terms() const { return impl_->lease_terms(); }
void Dispatcher::hand_over(intake::Accepted accepted) { impl_->hand_over(std::move(accepted)); }
void Dispatcher::wake(const WorkspaceId& workspace, const EndpointId& endpoint, Timestamp due_at) {
  impl_->wake(workspace, endpoint, due_at);
}
void Dispatcher::endpoint_changed(const WorkspaceId& workspace, const EndpointId& endpoint) {
  impl_->endpoint_changed(workspace, endpoint);
}
DispatcherCounters Dispatcher::counters() const { return impl_->counters(); }

}  // namespace waybill::delivery
