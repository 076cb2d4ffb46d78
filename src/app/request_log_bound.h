// The RequestLogBound keeps the request log from growing for ever: rows go that are too old, and
// the oldest ones while the log of all workspaces is too large.
//
// One node of several does it: every minute, in steps of a few hundred rows, each a unit of its own
// with a pause after it.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/task.h"
#include "store/database.h"

namespace waybill::app {

class RequestLogBound {
 public:
  static constexpr int kStepRows = 500;
  static constexpr std::chrono::milliseconds kPause{20};  // Real time, after each step.
  static constexpr std::chrono::minutes kBetweenPasses{1};

  struct Options {
    Uuid node;
    // How long rows are kept, to within an hour. Nothing: as long as there is room.
    std::optional<std::chrono::milliseconds> kept;
    std::int64_t bytes_max = 0;
    // Whether this node does it. Null: it does.
    std::function<bool()> is_ours = nullptr;
  };

  // Everything given outlives it.
  RequestLogBound(boost::asio::io_context& context, Clock& clock, Log& log,
                  store::Database& database, Options options);

  // Begins, with a pass at once.
  void start();
  // Ends after the step under way.
  Task<void> stop();

  std::uint64_t deleted() const { return deleted_; }
  // How large the log was at the end of the latest pass of this node.
  std::int64_t bytes() const { return bytes_; }

 private:
  Task<void> run();
  Task<Result<void>> pass();
  Task<void> wait_until(Timestamp when);

  Clock& clock_;
  Log& log_;
  store::Database& database_;
  const Options options_;
  std::uint64_t deleted_ = 0;
  std::int64_t bytes_ = 0;
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::app
