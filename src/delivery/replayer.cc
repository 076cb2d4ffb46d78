#include "delivery/replayer.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace waybill::delivery {
namespace {

// What a look at a replay finds, before anything is done.
struct Look {
  model::Replay replay;
  intake::Recovery::Room room;
};

// Notes why a replay waits, if that is news. Fails as Connection::execute().
Result<void> note_reason(store::Connection& connection, const model::WorkspaceId& workspace,
                         const model::ReplayId& id, const std::string& reason, Timestamp now) {
  auto replay = store::replays::find_to_change(connection, workspace, id);
  if (!replay) return fail(replay.error());
  if (replay->state != model::ReplayState::kRunning || replay->reason == reason) return {};
  replay->reason = reason;
  replay->updated_at = now;
  return store::replays::update(connection, *replay);
}

}  // namespace

Replayer::Replayer(boost::asio::io_context& context, Clock& clock, Log& log,
                   store::Database& database, Dispatcher& dispatcher,
                   const intake::Recovery& recovery, std::function<bool()> is_ours)
    : clock_(clock),
      log_(log),
      database_(database),
      dispatcher_(dispatcher),
      recovery_(recovery),
      is_ours_(std::move(is_ours)),
      timer_(context),
      tasks_(context, log) {}

void Replayer::start() { tasks_.spawn("replays", run()); }

Task<void> Replayer::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
}

void Replayer::wake() {
  next_look_ = {};
  timer_.cancel();
}

Task<void> Replayer::run() {
  while (!stopping_) {
    if (is_ours_ && !is_ours_()) {
      jobs_.clear();
      next_look_ = later(kBetweenLooks);
    } else if (clock_.now() >= next_look_) {
      next_look_ = later(kBetweenLooks);
      if (const auto found = co_await find_jobs(); !found) {
        log_.warn("replays_not_read", {{"what", found.error().message}});
      }
    }
    counters_.running = jobs_.size();
    const Timestamp next = co_await take_turns();
    // A wake that came meanwhile has set next_look_.
    const Timestamp until = std::min(next, next_look_);
    if (!stopping_ && clock_.now() < until) co_await clock_.wait_until(until, timer_);
  }
}

Task<Result<void>> Replayer::find_jobs() {
  const auto running = co_await database_.read(
      [](store::Connection& connection) {
        return store::replays::running(connection, kReplaysMax);
      },
      store::Priority::kOwn);
  if (!running) co_return fail(running.error());
  std::unordered_map<model::ReplayId, Job> jobs;
  for (const auto& found : *running) {
    const auto known = jobs_.find(found.id);
    jobs[found.id] = known == jobs_.end() ? Job{found.workspace_id} : known->second;
  }
  jobs_ = std::move(jobs);
  co_return Result<void>();
}

Task<Timestamp> Replayer::take_turns() {
  std::vector<std::pair<model::ReplayId, model::WorkspaceId>> due;
  for (const auto& [id, job] : jobs_) {
    if (job.next <= clock_.now()) due.emplace_back(id, job.workspace);
  }
  // In the order in which they were made: the same in every run.
  std::ranges::sort(due);
  for (const auto& [id, workspace] : due) {
    if (stopping_) break;
    auto next = co_await take_turn(workspace, id);
    if (!next) {
      log_.warn("replay_failed", {{"replay", id.text()}, {"what", next.error().message}});
      next = later(kWhileHeld);
    }
    if (*next) {
      jobs_[id].next = **next;
    } else {
      jobs_.erase(id);
    }
  }
  Timestamp next = Timestamp::max();
  for (const auto& [id, job] : jobs_) next = std::min(next, job.next);
  co_return next;
}

Task<Result<std::optional<Timestamp>>> Replayer::take_turn(model::WorkspaceId workspace,
                                                           model::ReplayId id) {
  const Timestamp now = clock_.now();
  const auto look = co_await database_.read(
      [&](store::Connection& connection) -> Result<Look> {
        auto replay = store::replays::find(connection, workspace, id);
        if (!replay) return fail(replay.error());
        auto room = recovery_.room(connection, workspace, replay->endpoint_id, now);
        if (!room) return fail(room.error());
        return Look{*std::move(replay), *std::move(room)};
      },
      store::Priority::kOwn);
  if (!look) co_return fail(look.error());
  if (look->replay.state != model::ReplayState::kRunning) co_return std::nullopt;
  const auto locks = store::lock_order(id.bytes());
  if (look->room.deliveries == 0) {
    const std::string& reason = look->room.reason;
    if (look->replay.reason != reason) {
      WAYBILL_CO_TRY(co_await database_.run(
          [&](store::Connection& connection) {
            return note_reason(connection, workspace, id, reason, now);
          },
          store::Priority::kOwn, locks));
    }
    co_return later(reason.empty() ? std::chrono::milliseconds(kWhileBusy) : kWhileHeld);
  }

  const Uuid settled = Uuid::lowest_at(now - clock_.hub_time(intake::Recovery::kSettling));
  const auto step = co_await database_.run(
      [&](store::Connection& connection) {
        return recovery_.step(connection, workspace, id, look->room.deliveries, settled, now);
      },
      store::Priority::kOwn, locks);
  if (!step) co_return fail(step.error());
  counters_.events += static_cast<std::uint64_t>(step->looked_at);
  counters_.deliveries += static_cast<std::uint64_t>(step->made);
  if (step->made > 0) dispatcher_.wake(workspace, step->replay.endpoint_id, now);
  if (step->replay.state != model::ReplayState::kRunning) {
    log_.info("replay_over", {{"replay", id.text()},
                              {"state", model::replay_state_name(step->replay.state)},
                              {"made", step->replay.made}});
    co_return std::nullopt;
  }
  co_return later(step->looked_at > 0 ? kPause : kWhileBusy);
}

}  // namespace waybill::delivery
