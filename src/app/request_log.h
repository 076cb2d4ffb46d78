// The RequestLog writes down every request that belongs to a workspace, within a second, and what
// each API key was used for.
//
// It costs the request itself next to nothing: what is known of it is put into a queue in memory.
// A few times a second the queue is written, in units of a few hundred rows, and only then are
// bodies redacted, a little at a time. What is accepted comes first: where the queue or the
// database is full, rows are dropped and counted, and nobody waits for one.
//
// A row whose node ends without a stop is lost with it.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/task.h"
#include "model/request_log.h"
#include "net/http.h"
#include "store/database.h"
#include "store/key_usage.h"

namespace waybill::app {

struct RequestLogCounters {
  std::uint64_t rows = 0;     // Written.
  std::uint64_t dropped = 0;  // Not written: there was no room, or the database refused.
};

class RequestLog {
 public:
  static constexpr std::chrono::milliseconds kBetweenWrites{250};  // Real time.
  static constexpr std::size_t kBodyBytesMax = 16 * 1024;          // Kept of each body.
  // What waits to be written.
  static constexpr std::size_t kRowsMax = 20'000;
  static constexpr std::size_t kBytesMax = 32 * 1024 * 1024;
  static constexpr std::size_t kRowsOfUnit = 256;
  // Keys whose use is written at a time; the others' waits for the next.
  static constexpr std::size_t kKeysOfUnit = 256;
  static constexpr std::size_t kKeysMax = 100'000;

  struct Options {
    Uuid node;
    bool with_rows = true;  // False: only what keys are used for is written.
    bool with_bodies = true;
  };

  // Everything given outlives it.
  RequestLog(boost::asio::io_context& context, Clock& clock, Log& log, IdGenerator& ids,
             store::Database& database, const Options& options);

  // Begins to write.
  void start();
  // Writes what waits, and ends.
  Task<void> stop();

  // `request` came at `at` and is answered with `response` after `elapsed`. Nothing is noted of one
  // that is no workspace's. May take its body.
  void note(net::Request& request, const net::Response& response, Timestamp at,
            std::chrono::microseconds elapsed);

  const RequestLogCounters& counters() const { return counters_; }

 private:
  using Rows = std::vector<model::LoggedRequest>;
  using Uses = std::map<std::pair<model::ApiKeyId, Timestamp>, store::key_usage::Use>;

  Task<void> run();
  Task<void> write_all();
  Task<Result<void>> write(Rows rows);
  Task<Result<void>> write_uses();
  Task<void> redact_all(Rows* rows);
  void count_use(const net::Request& request, const net::Response& response, Timestamp at);
  void merge(const store::key_usage::Use& use);

  boost::asio::io_context& context_;
  Clock& clock_;
  Log& log_;
  IdGenerator& ids_;
  store::Database& database_;
  const Options options_;
  Rows waiting_;
  std::size_t waiting_bytes_ = 0;
  Uses uses_;
  Uses::key_type last_use_;  // Written: the next ones are those behind it.
  RequestLogCounters counters_;
  bool failing_ = false;  // The latest unit was refused: told in the log once.
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace waybill::app
