#include "store/database.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

#include "store/migrations.h"

namespace waybill::store {

// A queue of jobs and the threads that run them, one connection each.
class Database::Executor {
 public:
  Executor(Database& database, Log& log, Connection::Access access, DatabaseOptions options)
      : database_(database), log_(log), access_(access), options_(options) {}

  ~Executor() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void start(std::unique_ptr<Connection> connection) {
    threads_.emplace_back([this, owned = std::move(connection)]() mutable { run(*owned); });
  }

  // Takes `job` and returns true, or leaves it if there is no room.
  bool push(std::unique_ptr<Job>& job) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= options_.waiting_units_max) return false;
      waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }

  DatabaseCounters counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }

 private:
  using Batch = std::vector<std::unique_ptr<Job>>;

  void run(Connection& connection) {
    for (;;) {
      Batch batch = take();
      if (batch.empty()) return;
      run_batch(connection, batch);
      database_.answer(std::move(batch));
    }
  }

  // Waits for jobs. An empty batch: it is time to end, and nothing waits.
  Batch take() {
    // Readers share the queue: one job each, so that a slow one holds up no other.
    const std::size_t most =
        access_ == Connection::Access::kWrite ? options_.units_per_commit_max : 1;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    Batch batch;
    const std::size_t count = std::min(most, waiting_.size());
    batch.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return batch;
  }

  void run_batch(Connection& connection, Batch& batch) {
    if (auto begun = connection.begin(access_); !begun) return set_errors(batch, begun.error());
    if (!run_plainly(connection, batch)) {
      connection.rollback();
      count([](DatabaseCounters& counters) { ++counters.batches_run_again; });
      if (auto begun = connection.begin(access_); !begun) return set_errors(batch, begun.error());
      if (auto run = run_with_savepoints(connection, batch); !run) {
        connection.rollback();
        return set_errors(batch, run.error());
      }
    }
    if (auto committed = connection.commit(); !committed) {
      connection.rollback();
      log_.error("commit_failed", {{"what", committed.error().message}, {"units", batch.size()}});
      return set_errors(batch, committed.error());
    }
    count([&](DatabaseCounters& counters) {
      ++counters.commits;
      counters.units += batch.size();
    });
  }

  // The common case needs no savepoints, which cost SQLite a copy of every page a unit touches: a
  // unit that fails has nearly always changed nothing yet. False if one did, or broke the
  // transaction.
  bool run_plainly(Connection& connection, Batch& batch) {
    for (const auto& job : batch) {
      const std::int64_t before = connection.changes_made();
      const bool succeeded = job->execute(connection);
      if (connection.is_broken() || (!succeeded && connection.changes_made() != before)) {
        return false;
      }
    }
    return true;
  }

  Result<void> run_with_savepoints(Connection& connection, Batch& batch) {
    for (const auto& job : batch) {
      WAYBILL_TRY(connection.savepoint());
      const bool succeeded = job->execute(connection);
      if (succeeded && !connection.is_broken()) {
        WAYBILL_TRY(connection.release_savepoint());
        continue;
      }
      if (succeeded) {
        job->set_error(Error(Code::kInternal, "unit_ignored_failure",
                             "A unit went on after one of its statements had failed."));
      }
      WAYBILL_TRY(connection.rollback_to_savepoint());
    }
    return {};
  }

  static void set_errors(Batch& batch, const Error& error) {
    for (const auto& job : batch) job->set_error(error);
  }

  template <class F>
  void count(F change) {
    const std::lock_guard lock(mutex_);
    change(counters_);
  }

  Database& database_;
  Log& log_;
  const Connection::Access access_;
  const DatabaseOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> waiting_;
  bool stopping_ = false;
  DatabaseCounters counters_;
  std::vector<std::thread> threads_;
};

Database::Database(boost::asio::io_context& context, DatabaseOptions options)
    : context_(context), options_(options) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(boost::asio::io_context& context, Log& log,
                                                 std::unique_ptr<Driver> driver, Timestamp now,
                                                 DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(context, options));
  database->driver_ = std::move(driver);
  database->writer_ =
      std::make_unique<Executor>(*database, log, Connection::Access::kWrite, options);
  database->reader_ =
      std::make_unique<Executor>(*database, log, Connection::Access::kRead, options);

  for (int i = 0; i < database->driver_->writers(); ++i) {
    auto connection = database->driver_->connect(Connection::Access::kWrite);
    if (!connection) return fail(connection.error());
    if (i == 0) WAYBILL_TRY(migrate(**connection, now));
    database->writer_->start(std::move(*connection));
  }
  for (int i = 0; i < options.readers; ++i) {
    auto connection = database->driver_->connect(Connection::Access::kRead);
    if (!connection) return fail(connection.error());
    database->reader_->start(std::move(*connection));
  }
  return database;
}

void Database::enqueue(std::unique_ptr<Job> job, Connection::Access access) {
  Executor& executor = access == Connection::Access::kWrite ? *writer_ : *reader_;
  if (executor.push(job)) return;
  job->set_error(Error(Code::kUnavailable, "database_busy",
                       "The hub has more work waiting than it takes; try again shortly."));
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::move(job));
  answer(std::move(jobs));
}

void Database::answer(std::vector<std::unique_ptr<Job>> jobs) {
  boost::asio::post(context_, [jobs = std::move(jobs)] {
    for (const auto& job : jobs) job->complete();
  });
}

DatabaseCounters Database::counters() const { return writer_->counters(); }

}  // namespace waybill::store
