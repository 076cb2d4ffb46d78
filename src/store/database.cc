#include "store/database.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "store/migrations.h"

namespace waybill::store {
namespace {

constexpr std::array kCommitSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,  0.5,    1.0,   2.5,  5.0};
constexpr std::array kUnitsPerCommit = {1.0,  2.0,   5.0,   10.0,  20.0,
                                        50.0, 100.0, 200.0, 500.0, 1000.0};

// How often a batch is run that meets other transactions each time.
constexpr int kRoundsMax = 8;
// What cannot be done only after so long has waited for others, and would do so again for each unit
// of the batch: a table that somebody has locked.
constexpr std::chrono::seconds kTooLong{1};
// For how long one that has lost its connection leaves what waits to those that have theirs.
constexpr std::chrono::milliseconds kLeftToOthers{250};

}  // namespace

LockOrder lock_order(ByteView identity) {
  WAYBILL_CHECK(identity.size() >= sizeof(LockOrder), "an identity has eight bytes");
  LockOrder order = 0;
  // The last of an id are random, and all of a hash.
  std::memcpy(&order, identity.data() + identity.size() - sizeof order, sizeof order);
  return order;
}

DatabaseCounters::DatabaseCounters()
    : commit_seconds(kCommitSeconds), units_per_commit(kUnitsPerCommit) {}

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
    {
      const std::lock_guard lock(mutex_);
      ++connected_;
    }
    threads_.emplace_back([this, owned = std::move(connection)]() mutable { run(*owned); });
  }

  // Takes `job` and returns true, or leaves it if there is no room.
  bool push(std::unique_ptr<Job>& job, Priority priority) {
    {
      const std::size_t room =
          options_.waiting_units_max + (priority == Priority::kOwn ? options_.own_units_max : 0);
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= room) {
        ++counters_.refused;
        return false;
      }
      job->set_arrival(++arrivals_);
      waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }

  DatabaseCounters counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }

  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  using Batch = std::vector<std::unique_ptr<Job>>;

  void run(Connection& connection) {
    bool connected = true;
    for (;;) {
      Batch batch = take();
      if (batch.empty()) return;
      const auto begun = connection.begin(access_);
      note_connected(connected, begun.has_value());
      if (!begun) {
        if (leave_to_others(batch)) continue;
        give_up_all(batch, begun.error());
        database_.answer(std::move(batch));
        continue;
      }
      const bool ordered = !connection.row_lock().empty() && order_by_locks(batch);
      run_batch(connection, batch);
      if (ordered) std::ranges::sort(batch, {}, [](const auto& job) { return job->arrival(); });
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

  // One of several connections may be lost, or find no room at the server, while others have
  // theirs.
  void note_connected(bool& connected, bool now) {
    if (std::exchange(connected, now) == now) return;
    const std::lock_guard lock(mutex_);
    connected_ += now ? 1 : -1;
  }

  // Puts the batch back, and lets others come first. False: there are none with a connection.
  bool leave_to_others(Batch& batch) {
    std::unique_lock lock(mutex_);
    if (connected_ == 0 || stopping_) return false;
    waiting_.insert(waiting_.begin(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
    lock.unlock();
    wake_.notify_one();
    lock.lock();
    wake_.wait_for(lock, kLeftToOthers, [this] { return stopping_; });
    return true;
  }

  // False: they stay in the order in which they came, since none locks anything.
  static bool order_by_locks(Batch& batch) {
    if (std::ranges::none_of(batch, [](const auto& job) { return job->locks(); })) return false;
    std::ranges::sort(batch, {}, [](const auto& job) { return job->place(); });
    return true;
  }

  // Requires: the transaction has begun.
  void run_batch(Connection& connection, Batch& batch) {
    std::optional<Error> unavailable;  // For some unit alone, such as on a full disk.
    const Stopwatch waited;
    if (const auto ran = run_plainly(connection, batch); !ran) {
      if (is_hopeless(ran.error(), waited)) {
        connection.rollback();
        return give_up_all(batch, ran.error());
      }
      if (!run_again(connection, batch, unavailable)) return;
    }
    const Stopwatch stopwatch;
    if (auto committed = connection.commit(); !committed) {
      connection.rollback();
      return give_up(batch, committed.error());
    }
    const auto elapsed = stopwatch.elapsed();
    count([&](DatabaseCounters& counters) {
      ++counters.commits;
      counters.units += batch.size();
      counters.commit_seconds.observe(elapsed);
      counters.units_per_commit.observe(static_cast<double>(batch.size()));
    });
    if (unavailable) {
      note_failure(*unavailable, 1);
    } else {
      note_success();
    }
  }

  // With savepoints, and anew as long as other transactions come first. False: it was given up.
  bool run_again(Connection& connection, Batch& batch, std::optional<Error>& unavailable) {
    for (int round = 1;; ++round) {
      connection.rollback();
      count([](DatabaseCounters& counters) { ++counters.batches_run_again; });
      if (auto begun = connection.begin(access_); !begun) {
        give_up_all(batch, begun.error());
        return false;
      }
      unavailable.reset();
      const auto run = run_with_savepoints(connection, batch, unavailable);
      if (run) return true;
      if (run.error().reason == kTransactionConflict && round < kRoundsMax) continue;
      connection.rollback();
      give_up(batch, run.error());
      return false;
    }
  }

  static bool is_hopeless(const Error& error, const Stopwatch& waited) {
    return error.code == Code::kUnavailable && error.reason != kTransactionConflict &&
           waited.elapsed() >= kTooLong;
  }

  // The transaction came to nothing.
  void give_up(Batch& batch, const Error& error) {
    for (const auto& job : batch) job->set_error(error);
    count([](DatabaseCounters& counters) { ++counters.failed; });
    note_failure(error, batch.size());
  }

  void note_failure(const Error& error, std::size_t units) {
    {
      const std::lock_guard lock(mutex_);
      // Told once: a database that is away for a while fails many times a second.
      if (std::exchange(failure_, error)) return;
    }
    log_.error("database_failing",
               {{"reason", error.reason}, {"what", error.message}, {"units", units}});
  }

  // No transaction can begin or be done, and it takes its time to fail: whoever waits is told now.
  void give_up_all(Batch& batch, const Error& error) {
    {
      const std::lock_guard lock(mutex_);
      std::move(waiting_.begin(), waiting_.end(), std::back_inserter(batch));
      waiting_.clear();
    }
    give_up(batch, error);
  }

  void note_success() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(failure_, std::nullopt)) return;
    }
    log_.info("database_works_again");
  }

  // The common case needs no savepoints, which cost SQLite a copy of every page a unit touches: a
  // unit that fails has nearly always changed nothing yet. Fails if one did, or broke the
  // transaction.
  Result<void> run_plainly(Connection& connection, Batch& batch) {
    for (const auto& job : batch) {
      const std::int64_t before = connection.changes_made();
      const bool succeeded = job->execute(connection);
      if (connection.is_broken() || (!succeeded && connection.changes_made() != before)) {
        const Error* const error = job->error();
        return fail(error ? *error : Error(Code::kInternal, "A unit went on after a failure."));
      }
    }
    return connection.flush();
  }

  Result<void> run_with_savepoints(Connection& connection, Batch& batch,
                                   std::optional<Error>& unavailable) {
    for (const auto& job : batch) {
      WAYBILL_TRY(connection.savepoint());
      const Stopwatch waited;
      if (run_alone(connection, *job)) {
        WAYBILL_TRY(connection.release_savepoint());
        continue;
      }
      const Error* const error = job->error();
      // What it waits for may wait for this very transaction's earlier units.
      if (error && error->reason == kTransactionConflict) return fail(*error);
      if (error && is_hopeless(*error, waited)) return fail(*error);
      if (error && error->code == Code::kUnavailable) unavailable = *error;
      WAYBILL_TRY(connection.rollback_to_savepoint());
    }
    return {};
  }

  // True if it returned a value, and all that it wrote is written. Otherwise the job has an error.
  static bool run_alone(Connection& connection, Job& job) {
    if (!job.execute(connection)) return false;
    if (connection.is_broken()) {
      job.set_error(Error(Code::kInternal, "unit_ignored_failure",
                          "A unit went on after one of its statements had failed."));
      return false;
    }
    const auto flushed = connection.flush();
    if (!flushed) job.set_error(flushed.error());
    return flushed.has_value();
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
  std::uint64_t arrivals_ = 0;
  bool stopping_ = false;
  DatabaseCounters counters_;
  std::optional<Error> failure_;  // Of the latest transaction.
  int connected_ = 0;             // Threads whose latest transaction could begin.
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

void Database::enqueue(std::unique_ptr<Job> job, Connection::Access access, Priority priority) {
  Executor& executor = access == Connection::Access::kWrite ? *writer_ : *reader_;
  if (executor.push(job, priority)) return;
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
std::size_t Database::writes_waiting() const { return writer_->waiting(); }
std::size_t Database::reads_waiting() const { return reader_->waiting(); }
std::optional<Error> Database::write_failure() const { return writer_->failure(); }

}  // namespace waybill::store
