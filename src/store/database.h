// The Database runs units of work, each of them wholly or not at all, and makes durable writes
// cheap.
//
//   auto order = co_await database.run([&](Connection& connection) -> Result<Order> { … });
//
// A unit is a function of a Connection& that returns a Result. It runs on another thread, inside a
// transaction; its answer comes back on the caller's thread, after the commit. Many waiting units
// go into one transaction and share one commit (group commit), so a unit costs its statements and a
// fraction of a sync.
//
// Promises, which store/conformance checks for every driver:
//
//  1. When run() returns a value, what the unit wrote is durable, and visible to every later unit.
//  2. When run() returns an error, nothing of what the unit wrote is there, whatever else was in
//  the
//     same transaction; other units are not harmed.
//  3. No unit sees another's half. One that changes what it has read, and read it with
//     Connection::row_lock(), loses no other's change: as if they had run one after the other.
//  4. read() sees one consistent state, and everything committed before it began. It cannot write.
//  5. A full queue refuses with kUnavailable (database_busy) before anything is done. What the hub
//     must write about what it has accepted (Priority::kOwn) has room beyond what is new.
//  6. After a failure of the disk or the server, later units work again without a restart.
//  Meanwhile
//     nobody waits for longer than one attempt to begin a transaction takes, and write_failure()
//     says what is wrong.
//
// A unit that throws is answered with kInternal (unit_failed), one that goes on after a failed
// statement and returns a value with kInternal (unit_ignored_failure); both count as failed.
//
// A unit may be called more than once: when another unit of its transaction fails half-way, all are
// rolled back and run again. So it computes its result anew each time, moves nothing out of what it
// captured, and has no effect but through the connection. Captured references must live in the
// frame that awaits.
//
// run() and read() are called from the thread of the io_context.

#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/task.h"
#include "store/connection.h"

namespace waybill::store {

// Who is refused first when the queue is full.
enum class Priority {
  kNew,  // What somebody wants accepted or read.
  kOwn,  // What became of something accepted: refused, it would have to be done again.
};

// Where a unit that takes one row lock which others wait for comes within its transaction: the same
// number for the same row, by every node. So no two transactions take such locks in another order
// and wait for each other. 0: it takes none, and comes before.
using LockOrder = std::uint64_t;
// Of the row that `identity` (an id, a hash) identifies. Requires: it has eight bytes or more.
LockOrder lock_order(ByteView identity);

struct DatabaseOptions {
  std::size_t waiting_units_max = 50'000;  // For each of writing and reading.
  std::size_t own_units_max = 20'000;      // Beyond those, of Priority::kOwn.
  std::size_t units_per_commit_max = 1'000;
  int readers = 2;
};

// What the writers have done, for tests and metrics.
struct DatabaseCounters {
  DatabaseCounters();

  std::uint64_t commits = 0;
  std::uint64_t units = 0;
  std::uint64_t batches_run_again = 0;
  std::uint64_t failed = 0;   // Transactions that came to nothing.
  std::uint64_t refused = 0;  // Units for which the queue had no room.
  Histogram commit_seconds;   // What the commit itself took: the sync of the disk.
  Histogram units_per_commit;
};

class Database {
 public:
  // Opens the connections and applies the migrations.
  // Fails as Driver::connect() and migrate() (store/migrations.h).
  static Result<std::unique_ptr<Database>> open(boost::asio::io_context& context, Log& log,
                                                std::unique_ptr<Driver> driver, Timestamp now,
                                                DatabaseOptions options = {});
  // Finishes what waits, then ends the threads. The io_context may still run afterwards, and
  // answers.
  ~Database();

  template <class Unit>
  auto run(Unit unit, Priority priority = Priority::kNew, LockOrder lock_order = 0)
      -> Task<std::invoke_result_t<Unit&, Connection&>> {
    return submit(std::move(unit), Connection::Access::kWrite, priority, lock_order);
  }

  template <class Unit>
  auto read(Unit unit, Priority priority = Priority::kNew)
      -> Task<std::invoke_result_t<Unit&, Connection&>> {
    return submit(std::move(unit), Connection::Access::kRead, priority, 0);
  }

  // Units handed in and not yet answered.
  std::size_t unanswered() const { return *unanswered_; }
  std::size_t writes_waiting() const;  // Not yet begun.
  std::size_t reads_waiting() const;
  DatabaseCounters counters() const;
  // Why nothing can be written, as long as the latest try failed.
  std::optional<Error> write_failure() const;
  StorageUse storage() const { return driver_->use(); }
  // As Driver::listen().
  std::unique_ptr<Listener> listen(Hearing hearing) { return driver_->listen(std::move(hearing)); }

 private:
  // One waiting unit. execute() and set_error() are called on an executor thread; complete() on the
  // io_context's, last.
  class Job {
   public:
    explicit Job(LockOrder lock_order) : lock_order_(lock_order) {}
    virtual ~Job() = default;
    void set_arrival(std::uint64_t arrival) { arrival_ = arrival; }
    std::uint64_t arrival() const { return arrival_; }
    bool locks() const { return lock_order_ != 0; }
    std::pair<LockOrder, std::uint64_t> place() const { return {lock_order_, arrival_}; }
    virtual bool execute(Connection& connection) = 0;  // True if it returned a value.
    virtual void set_error(const Error& error) = 0;
    virtual const Error* error() const = 0;  // Of its answer; null for a value.
    virtual void complete() = 0;

   private:
    const LockOrder lock_order_;
    std::uint64_t arrival_ = 0;
  };
  template <class Unit, class Handler>
  class UnitJob;
  class Executor;

  Database(boost::asio::io_context& context, DatabaseOptions options);

  // Answers a job that finds no room with kUnavailable, later, as every job is answered.
  void enqueue(std::unique_ptr<Job> job, Connection::Access access, Priority priority);
  void answer(std::vector<std::unique_ptr<Job>> jobs);

  template <class Unit>
  auto submit(Unit unit, Connection::Access access, Priority priority, LockOrder lock_order)
      -> Task<std::invoke_result_t<Unit&, Connection&>>;

  boost::asio::io_context& context_;
  const DatabaseOptions options_;
  const std::shared_ptr<std::size_t> unanswered_ = std::make_shared<std::size_t>(0);
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Executor> writer_;
  std::unique_ptr<Executor> reader_;
};

template <class Unit, class Handler>
class Database::UnitJob final : public Job {
 public:
  using Answer = std::invoke_result_t<Unit&, Connection&>;

  UnitJob(Database& database, Unit unit, Handler handler, LockOrder lock_order)
      : Job(lock_order),
        unanswered_(database.unanswered_),
        unit_(std::move(unit)),
        handler_(std::move(handler)),
        work_(boost::asio::make_work_guard(database.context_)) {}

  bool execute(Connection& connection) override {
    try {
      answer_.emplace(unit_(connection));
    } catch (const std::exception& e) {
      set_error(Error(Code::kInternal, "unit_failed", e.what()));
    }
    return answer_->has_value();
  }
  void set_error(const Error& error) override { answer_.emplace(fail(error)); }
  const Error* error() const override { return *answer_ ? nullptr : &answer_->error(); }
  void complete() override {
    --*unanswered_;
    std::move(handler_)(std::move(*answer_));
  }

 private:
  const std::shared_ptr<std::size_t> unanswered_;  // A job may outlive the database.
  Unit unit_;
  Handler handler_;
  std::optional<Answer> answer_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
};

template <class Unit>
auto Database::submit(Unit unit, Connection::Access access, Priority priority, LockOrder lock_order)
    -> Task<std::invoke_result_t<Unit&, Connection&>> {
  using Answer = std::invoke_result_t<Unit&, Connection&>;
  namespace asio = boost::asio;
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
      [this, access, priority, lock_order](auto handler, Unit work) {
        using Handler = decltype(handler);
        auto job = std::make_unique<UnitJob<Unit, Handler>>(*this, std::move(work),
                                                            std::move(handler), lock_order);
        ++*unanswered_;
        enqueue(std::move(job), access, priority);
      },
      asio::use_awaitable, std::move(unit));
}

}  // namespace waybill::store
