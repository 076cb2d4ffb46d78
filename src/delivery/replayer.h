// The Replayer works on the replays that run (model/replay.h), all of them in turn and a step of
// each at a time (intake/recovery.h), and wakes the dispatcher for what they make.
//
// It makes no more than the endpoint can take at once, and looks again when that is on its way: so
// what is owed because of a replay waits in the store as long as it can, new events pass it, and
// the dispatcher keeps to the endpoint's limits as ever. Where an endpoint is paused, it waits.
//
// One node of several does it. Another one goes on where it was when it is gone; for a while both
// may, and nothing is made twice.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "delivery/dispatcher.h"
#include "intake/recovery.h"
#include "store/database.h"

namespace waybill::delivery {

struct ReplayerCounters {
  std::uint64_t events = 0;      // Looked at.
  std::uint64_t deliveries = 0;  // Made or revived.
  std::uint64_t running = 0;     // Replays, as far as this node knows.
};

class Replayer {
 public:
  static constexpr int kReplaysMax = 1'000;  // Worked on at once; others wait for their turn.
  // Real time: after each step, …
  static constexpr std::chrono::milliseconds kPause{20};
  // … while the endpoint is at what it has, …
  static constexpr std::chrono::milliseconds kWhileBusy{100};
  // … while it takes nothing, or the store has failed, …
  static constexpr std::chrono::seconds kWhileHeld{1};
  // … and how often replays are looked for that nobody told us of.
  static constexpr std::chrono::seconds kBetweenLooks{2};

  // Everything given outlives it. `is_ours`: whether this node does it. Null: it does.
  Replayer(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
           Dispatcher& dispatcher, const intake::Recovery& recovery,
           std::function<bool()> is_ours = nullptr);

  void start();
  // Ends after the step under way.
  Task<void> stop();

  // There is a new replay.
  void wake();

  const ReplayerCounters& counters() const { return counters_; }

 private:
  struct Job {
    model::WorkspaceId workspace;
    Timestamp next{};  // When it is looked at again.
  };

  Task<void> run();
  Task<Result<void>> find_jobs();
  // Does a step of each that is due. Returns when the next one is.
  Task<Timestamp> take_turns();
  // Returns when to look at it again; nothing: it is over.
  Task<Result<std::optional<Timestamp>>> take_turn(model::WorkspaceId workspace,
                                                   model::ReplayId id);
  Timestamp later(std::chrono::milliseconds real) const {
    return clock_.now() + clock_.hub_time(real);
  }

  Clock& clock_;
  Log& log_;
  store::Database& database_;
  Dispatcher& dispatcher_;
  const intake::Recovery& recovery_;
  const std::function<bool()> is_ours_;
  std::unordered_map<model::ReplayId, Job> jobs_;
  ReplayerCounters counters_;
  Timestamp next_look_{};
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::delivery
