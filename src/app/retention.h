// Retention deletes what is old enough, so that the disk is bounded: deliveries that are over, with
// their attempts; replays that are over; events that no delivery needs any more, and messages with
// theirs once their source need not know them again; idempotency rows that have expired; what API
// keys were used for more than a day ago. Orders and other records
// stay. (The request log has a bound of its own: app/request_log_bound.h.)
//
// One node of several does it. Every hour it goes through all workspaces, oldest rows first, in
// steps of a few hundred rows: each a unit of its own, with a pause after it, so that no order
// waits behind it for longer than behind another order. The space is used again; the file does not
// shrink (docs/decisions/0014).
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "model/ids.h"
#include "store/database.h"
#include "store/retention.h"

namespace waybill::app {

struct RetentionOptions {
  // How long these are kept. Nothing: for ever.
  std::optional<std::chrono::milliseconds> deliveries;
  std::optional<std::chrono::milliseconds> events;
  // Whether this node does it: one of several is enough. Null: it does.
  std::function<bool()> is_ours = nullptr;
};

struct RetentionCounters {
  std::uint64_t deliveries = 0;  // Deleted, as are the following.
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
  std::uint64_t replays = 0;
  std::uint64_t idempotency_rows = 0;
  std::uint64_t passes = 0;
  std::optional<Timestamp> last_pass;  // When one has come to its end.
};

class Retention {
 public:
  static constexpr int kStepRows = 250;
  static constexpr std::chrono::milliseconds kPause{20};  // Real time, after each step.
  static constexpr std::chrono::hours kBetweenPasses{1};
  // While another node does it: how often this one looks whether it still does.
  static constexpr std::chrono::minutes kBetweenLooks{1};
  // Idempotency rows are in no order of time: all are looked at, so less often.
  static constexpr std::chrono::hours kBetweenIdempotencyPasses{6};

  // Everything given outlives it.
  Retention(boost::asio::io_context& context, Clock& clock, Log& log, store::Database& database,
            RetentionOptions options);

  // Begins, with a pass at once.
  void start();
  // Ends after the step under way.
  Task<void> stop();

  const RetentionCounters& counters() const { return counters_; }

 private:
  Task<void> run();
  Task<Result<void>> pass();
  Task<Result<void>> pass_workspace(model::WorkspaceId workspace, Timestamp now,
                                    bool with_idempotency);
  // Notes since when each source remembers what it has received.
  Task<Result<void>> look_at_sources(Timestamp now);
  Task<Result<void>> pass_messages(model::WorkspaceId workspace, Timestamp before);
  // Coalescing windows that have ended.
  Task<Result<void>> pass_windows(model::WorkspaceId workspace, Timestamp now);
  // What API keys were used for, beyond the last 24 hours.
  Task<Result<void>> pass_key_usage(model::WorkspaceId workspace, Timestamp now);
  Task<Result<void>> pass_replays(model::WorkspaceId workspace, Timestamp before);
  Task<Result<void>> pass_idempotency(model::WorkspaceId workspace, Timestamp now);
  // Deletes step by step what `find` finds after `after`, and adds it to `count`.
  template <class Key, class Find, class Delete>
  Task<Result<void>> sweep(Key after, Find find, Delete remove, std::uint64_t* count);
  Task<void> wait_until(Timestamp when);

  Clock& clock_;
  Log& log_;
  store::Database& database_;
  const RetentionOptions options_;
  RetentionCounters counters_;
  Timestamp next_idempotency_{};
  store::retention::Remembered remembered_;
  // Of the sources of each workspace, since when the one that remembers longest does.
  std::map<model::WorkspaceId, Timestamp> oldest_remembered_;
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::app
