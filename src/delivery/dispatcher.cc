#include "delivery/dispatcher.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "delivery/alarms.h"
#include "delivery/caps.h"
#include "delivery/due_notices.h"
#include "delivery/endpoint_queue.h"
#include "delivery/flights.h"
#include "delivery/leases.h"
#include "delivery/recorder.h"
#include "delivery/room.h"
#include "delivery/turns.h"
#include "delivery/units.h"

namespace waybill::delivery {
namespace {

using model::EndpointId;
using model::WorkspaceId;
using Queue = EndpointQueue;

// After a database failure, before the same is tried again. Hub time.
constexpr std::chrono::seconds kPause{5};
// How long outcomes may take to be written once the time to stop is over. Real time.
constexpr std::chrono::seconds kLastWords{1};

}  // namespace

class Dispatcher::Impl {
 public:
  Impl(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
       EndpointDirectory& endpoints, Channels& channels, const Alerts& alerts, Rng rng,
       DispatcherOptions options)
      : clock_(clock),
        log_(log),
        database_(database),
        endpoints_(endpoints),
        channels_(channels),
        rng_(rng),
        options_(options),
        caps_(options.endpoint_in_flight, options.failing_endpoint_in_flight),
        leases_(clock, options.node, options.lease),
        alarms_(context),
        rates_(options.failing_attempts, options.failing_percent),
        recorder_(context, clock, database, alerts),
        tasks_(context, log),
        notices_(context, clock, database, options.node, tasks_) {}

  Task<Result<void>> start() {
    const Timestamp now = clock_.now();
    auto released = co_await database_.run(
        [&](store::Connection& connection) {
          return store::deliveries::release_all_of(connection, options_.node, now);
        },
        store::Priority::kOwn);
    if (!released) co_return fail(released.error());
    if (*released > 0) log_.info("deliveries_taken_back", {{"count", *released}});
    WAYBILL_CO_TRY(co_await find_owed());
    tasks_.spawn("dispatcher", run());
    co_return Result<void>();
  }

  void begin_stop() {
    if (std::exchange(stopping_, true)) return;
    alarms_.wake();
    notices_.begin_stop();
    recorder_.begin_stop();
    for (const auto& [id, queue] : queues_) give_back(*queue, After::kLeaveIt);
  }

  Task<void> stop(Deadline deadline) {
    begin_stop();
    co_await tasks_.join_until(deadline);
    if (tasks_.running() > 0) co_await cut_off();
    co_await notices_.stop();
  }

  Task<void> cut_off() {
    // What has not come back by now may have arrived, or not: it is made again, by whoever comes
    // next. An outcome that comes later is nobody's any more.
    cut_off_ = true;
    const std::deque<Held> held = flights_.held();
    const Timestamp now = clock_.now();
    auto released = co_await database_.run(
        [&](store::Connection& connection) { return release(connection, held, false, now); },
        store::Priority::kOwn);
    for (const Held& one : held) tell_others(one.delivery.workspace_id, one.delivery.endpoint_id);
    log_.warn("attempts_cut_off", {{"count", held.size()}, {"given_back", released.has_value()}});
    // Outcomes that are being written are waited for: the database answers in any case.
    if (tasks_.running() > flights_.size()) co_await tasks_.join_until(Deadline::after(kLastWords));
  }

  intake::LeaseTerms lease_terms() const {
    return {leases_.for_new(), congested_.endpoints(), room_.is_full()};
  }

  void hand_over(intake::Accepted accepted) {
    if (accepted.event && !accepted.is_replay) counters_.count(*accepted.event);
    if (accepted.made() == 0) return;
    counters_.accepted += accepted.made();
    const auto event = std::make_shared<OutgoingEvent>(std::move(accepted.event));
    for (model::Delivery& delivery : accepted.leased) {
      Queue& queue = queue_of(delivery.workspace_id, delivery.endpoint_id);
      room_.push(queue, {std::move(delivery), accepted.lease, event});
      update(queue);
    }
    for (const model::Delivery& delivery : accepted.due) {
      Queue& queue = queue_of(delivery.workspace_id, delivery.endpoint_id);
      queue.note_new(delivery, clock_.now());
      update(queue);
      tell_others(delivery.workspace_id, delivery.endpoint_id);
    }
    pump();
  }

  void wake(const WorkspaceId& workspace, const EndpointId& endpoint, Timestamp due_at) {
    note_due(workspace, endpoint, due_at);
    tell_others(workspace, endpoint);
    pump();
  }

  void hear_due(const WorkspaceId& workspace, const EndpointId& endpoint) {
    note_due(workspace, endpoint, clock_.now());
    pump();
  }

  void set_nodes(int live) {
    if (caps_.set_nodes(live)) update_all();
  }

  void trust(bool trusted) {
    trusted_ = trusted;
    endpoints_.trust(trusted);
    for (const auto& [id, queue] : queues_) forget_target(*queue);
    update_all();
    next_poll_ = clock_.now();
    alarms_.wake();
  }

  void endpoint_changed(const WorkspaceId& workspace, const EndpointId& endpoint) {
    endpoints_.forget(endpoint);
    channels_.forget(endpoint);
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
    counters.recording = static_cast<std::size_t>(recording_);
    counters.ready = room_.ready();
    return counters;
  }

 private:
  Queue& queue_of(const WorkspaceId& workspace, const EndpointId& endpoint) {
    auto& queue = queues_[endpoint];
    if (!queue) {
      queue = std::make_unique<Queue>();
      queue->workspace = workspace;
      queue->endpoint = endpoint;
    }
    return *queue;
  }

  // Alarms, and the slow look for what nobody told us of.
  Task<void> run() {
    next_poll_ = clock_.now() + options_.poll;
    while (!stopping_) {
      const Timestamp now = clock_.now();
      if (now >= next_poll_) {
        next_poll_ = now + options_.poll;
        if (auto found = co_await find_owed(); !found) {
          log_.warn("cannot_read_due_deliveries", {{"what", found.error().message}});
        }
        continue;
      }
      while (Queue* queue = alarms_.next(now)) update(*queue);
      pump();
      co_await alarms_.wait(clock_, next_poll_);
    }
  }

  Task<Result<void>> find_owed() {
    auto owed = co_await database_.read(
        [](store::Connection& connection) { return store::deliveries::owed(connection); },
        store::Priority::kOwn);
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

  void tell_others(const WorkspaceId& workspace, const EndpointId& endpoint) {
    if (caps_.nodes() > 1) notices_.note(workspace, endpoint);
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
        queue.new_keys.clear();
        give_back(queue, After::kClaimAgain);
      }
      if (const auto claim_at = queue.claim_at(now); claim_at && !queue.claiming) {
        const std::size_t room = room_.to_claim(queue);
        if (*claim_at > now) {
          alarm = claim_at;
        } else if (room > 0 && queue.may_claim()) {
          room_.begin_claim(room);
          const auto lease = leases_.for_claim(queue.target.get());
          tasks_.spawn("claim", claim_due(queue, queue.begin_claim(now, lease, room), room));
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
    Room::note_congestion(queue, now, congested_);
    alarms_.set(queue, alarm);
    if (queue.is_idle(now)) queues_.erase(EndpointId(queue.endpoint));
  }

  void update_all() {
    // Each may erase itself.
    for (auto at = queues_.begin(); at != queues_.end();) update(*(at++)->second);
    pump();
  }

  bool has_room(const Queue& queue) const {
    return !queue.ready.empty() && queue.target && queue.in_flight < caps_.in_flight_max(queue);
  }

  // Starts attempts, turn by turn, while there is room.
  void pump() {
    while (!stopping_ && in_flight_ < options_.in_flight_max &&
           in_flight_ + recording_ < options_.unrecorded_max && !turns_.empty()) {
      Queue& queue = *turns_.next();
      queue.has_turn = false;
      if (has_room(queue)) start_next(queue);
      update(queue);
    }
  }

  void start_next(Queue& queue) {
    const Timestamp now = clock_.now();
    if (!trusted_ && queue.target_read_at + clock_.hub_time(kTrustedFor) < now) {
      forget_target(queue);
      return;
    }
    if (!leases_.outlasts_attempt(queue.ready.front().lease, *queue.target)) {
      // It waited so long that the lease could end during the attempt, and so have those behind it.
      give_back(queue, After::kClaimAgain);
      return;
    }
    if (const auto pause = caps_.between_attempts(*queue.target); pause.count() > 0) {
      queue.next_start = std::max<decltype(queue.next_start)>(queue.next_start, now) + pause;
    }
    ++queue.in_flight;
    ++in_flight_;
    tasks_.spawn("deliver", deliver(queue, queue.target, room_.pop(queue)));
  }

  Task<void> deliver(Queue& queue, std::shared_ptr<const Target> target, Held held) {
    // Do.
    Flights::Flight flight{&held};
    flights_.enter(flight);
    Tried tried = co_await channels_.attempt(held.delivery, target, *held.event);
    flights_.leave(flight);
    if (cut_off_) co_return;
    model::Attempt attempt = std::move(tried.attempt);
    attempt.node = options_.node_name;

    // Decide. Nothing suspends here, so nothing changes under our feet.
    const bool failed = model::is_failure(attempt.outcome);
    const Timestamp now = clock_.now();
    counters_.count(attempt, held.delivery, now);
    Record decided = decide(std::move(held), std::move(attempt), *target, now, rng_);
    decided.follow_up = std::move(tried.follow_up);
    decided.rate = rates_.note(decided.delivery, decided.attempt, target->endpoint.failing);
    decided.touches_health |= queue.failures + queue.failures_recording > 0 ||
                              decided.rate.turn == FailureRate::Turn::kWell;
    decided.forgets_failures = !decided.touches_health && caps_.nodes() > 1;
    if (decided.delivery.order_key && !queue.has_backlog(now)) {
      decided.next_of_key = leases_.for_claim(target.get());
    }
    if (failed) ++queue.failures_recording;
    if (log_.writes(Log::Level::kDebug)) log_attempt(log_, decided);

    // The place is free for the next one while this outcome is being written.
    --queue.in_flight;
    --in_flight_;
    ++queue.recording;
    ++recording_;
    update(queue);
    pump();

    // Record.
    auto written = co_await recorder_.write(decided, now);
    --queue.recording;
    --recording_;
    if (failed) --queue.failures_recording;
    if (written) {
      if (!decided.attempt.unmade) counters_.count(decided.next);
      const model::Delivery& made = decided.delivery;
      if (decided.next.due_at || made.in_order || (made.order_key && !decided.next_of_key)) {
        // Of what is made in order the next one's turn has come.
        make_earlier(queue.due, decided.next.due_at.value_or(clock_.now()));
      }
      if (written->next_due) make_earlier(queue.due, *written->next_due);
      if (written->next) room_.push(queue, *std::move(written->next));
      if (written->health) apply_health(queue, *written->health);
    } else {
      // If the lease is still ours it runs out, and the delivery is made again: at least once.
      log_not_recorded(log_, decided, written.error());
      make_earlier(queue.due, decided.lease.until);
    }
    update(queue);  // It may be gone now.
    pump();
    if (!written) co_return;
    for (intake::Accepted& accepted : written->accepted) hand_over(std::move(accepted));
  }

  void apply_health(Queue& queue, const model::EndpointHealth& health) {
    const bool news = queue.target && queue.target->endpoint.failing != health.failing;
    if (health.consecutive_failures != queue.failures || news) endpoints_.forget(queue.endpoint);
    queue.failures = health.consecutive_failures;
    if (news) forget_target(queue);
    if (health.reason.empty()) return;
    endpoints_.forget(queue.endpoint);
    log_.warn("endpoint_deactivated",
              {{"endpoint", queue.endpoint.text()}, {"reason", health.reason}});
    forget_target(queue);
  }

  Task<void> load(Queue& queue) {
    queue.target_read_at = clock_.now();
    auto target = co_await endpoints_.find(queue.workspace, queue.endpoint);
    while (std::exchange(queue.changed, false)) {
      target = co_await endpoints_.find(queue.workspace, queue.endpoint);
    }
    queue.loading = false;
    if (target) {
      queue.target = *std::move(target);
      leases_.note(*queue.target);
      queue.order = order_of(queue.target->endpoint);
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

  Task<void> claim_due(Queue& queue, Claim asked, std::size_t limit) {
    auto claimed = co_await database_.run(
        [&](store::Connection& connection) { return claim(connection, asked); },
        store::Priority::kOwn, claim_locks(asked));
    queue.claiming = false;
    room_.end_claim(limit);
    if (claimed) {
      queue.end_claim(asked, *claimed, clock_.now());
      for (Held& held : claimed->held) room_.push(queue, std::move(held));
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
    ++queue.releasing;
    const bool deleted =
        queue.target && queue.target->endpoint.state == model::EndpointState::kDeleted;
    tasks_.spawn("give back", release_all(queue, room_.take_all(queue), deleted, after));
  }

  Task<void> release_all(Queue& queue, std::deque<Held> held, bool deleted, After after) {
    const Timestamp now = clock_.now();
    auto released = co_await database_.run(
        [&](store::Connection& connection) { return release(connection, held, deleted, now); },
        store::Priority::kOwn);
    --queue.releasing;
    if (released) {
      if (after == After::kClaimAgain) make_earlier(queue.due, clock_.now());
      if (stopping_) tell_others(queue.workspace, queue.endpoint);
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
  Channels& channels_;
  Rng rng_;
  const DispatcherOptions options_;
  std::unordered_map<EndpointId, std::unique_ptr<Queue>> queues_;
  Turns<Queue> turns_;
  Caps caps_;
  Leases leases_;
  Alarms alarms_;
  Timestamp next_poll_{};
  Congestion congested_;
  DispatcherCounters counters_;
  Room room_;
  int in_flight_ = 0;
  int recording_ = 0;
  Flights flights_;
  FailureRates rates_;
  Recorder recorder_;
  bool stopping_ = false;
  bool cut_off_ = false;
  bool trusted_ = true;
  TaskGroup tasks_;
  DueNotices notices_;
};

Dispatcher::Dispatcher(boost::asio::io_context& context, Clock& clock, Log& log,
                       store::Database& database, EndpointDirectory& endpoints, Channels& channels,
                       const Alerts& alerts, Rng rng, DispatcherOptions options)
    : impl_(std::make_unique<Impl>(context, clock, log, database, endpoints, channels, alerts, rng,
                                   options)) {}
Dispatcher::~Dispatcher() = default;

Task<Result<void>> Dispatcher::start() { return impl_->start(); }
void Dispatcher::begin_stop() { impl_->begin_stop(); }
Task<void> Dispatcher::stop(Deadline deadline) { return impl_->stop(deadline); }
intake::LeaseTerms Dispatcher::lease_terms() const { return impl_->lease_terms(); }
void Dispatcher::hand_over(intake::Accepted accepted) { impl_->hand_over(std::move(accepted)); }
void Dispatcher::wake(const WorkspaceId& workspace, const EndpointId& endpoint, Timestamp due_at) {
  impl_->wake(workspace, endpoint, due_at);
}
void Dispatcher::hear_due(const WorkspaceId& workspace, const EndpointId& endpoint) {
  impl_->hear_due(workspace, endpoint);
}
void Dispatcher::set_nodes(int live) { impl_->set_nodes(live); }
void Dispatcher::trust(bool trusted) { impl_->trust(trusted); }
void Dispatcher::endpoint_changed(const WorkspaceId& workspace, const EndpointId& endpoint) {
  impl_->endpoint_changed(workspace, endpoint);
}
DispatcherCounters Dispatcher::counters() const { return impl_->counters(); }

}  // namespace waybill::delivery
