#include "store/postgres/postgres_driver.h"

#include <optional>
#include <poll.h>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "store/postgres/postgres_listener.h"
#include "store/postgres/postgres_session.h"

namespace waybill::store {
namespace {

// Whoever finds the server gone does not ask again sooner.
constexpr std::chrono::milliseconds kReconnectPause{250};
// How long the outcome of a commit is looked for; and how long one look waits for a server that has
// not noticed yet that the session is gone.
constexpr std::chrono::seconds kOutcomePatience{20};
constexpr std::string_view kOutcomeLockTimeout = "SET lock_timeout = 2000";
// Written at once; what is sent beyond that is waited for, so that memory is bounded.
constexpr std::size_t kUnfinishedMax = 512;
// An arbitrary number that means: this database is being migrated.
constexpr std::int64_t kMigrationLock = 0x7761'7962'696c'6c01;

// Marks are even and grow. One that is not above what is there divides by zero, and so ends its
// transaction: a commit that reaches the server after its outcome was asked for is none any more.
constexpr std::string_view kMark =
    "INSERT INTO commit_marks (workspace_id, id, batch, marked_at) "
    "VALUES ($1, $2, $3, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) "
    "ON CONFLICT (workspace_id, id) DO UPDATE SET "
    "batch = excluded.batch / (commit_marks.batch < excluded.batch)::int, "
    "marked_at = excluded.marked_at";
// $3 is that of the lost commit: it is there, or the next odd number takes its place. Waits for a
// transaction that has marked and is not over.
constexpr std::string_view kFindOutcome =
    "INSERT INTO commit_marks (workspace_id, id, batch, marked_at) VALUES ($1, $2, $3::bigint + 1, "
    "0) "
    "ON CONFLICT (workspace_id, id) DO UPDATE SET "
    "batch = CASE WHEN commit_marks.batch < $3 THEN excluded.batch ELSE commit_marks.batch END "
    "RETURNING batch";
constexpr std::string_view kForgetOldMarks =
    "DELETE FROM commit_marks WHERE workspace_id = $1 "
    "AND marked_at < (extract(epoch FROM clock_timestamp() - interval '7 days') * 1000)::bigint";

class PostgresConnection final : public Connection {
 public:
  PostgresConnection(PostgresAddress address, PostgresOptions options, Access access)
      : address_(std::move(address)),
        options_(options),
        access_(access),
        writer_(crypto::random_bytes(Uuid::kSize)) {}

  // Fails as PostgresSession::open().
  Result<void> connect() {
    if (!may_connect_at_.passed()) return fail(*unreachable_);
    auto session = PostgresSession::open(address_, options_);
    if (!session) {
      may_connect_at_ = Deadline::after(kReconnectPause);
      unreachable_ = session.error();
      return fail(session.error());
    }
    session_ = *std::move(session);
    return {};
  }

  Result<std::int64_t> execute(std::string_view sql, Params params) override {
    const auto answer = run(sql, params);
    if (!answer) return fail(answer.error());
    const std::int64_t changed = answer->rows_changed();
    changes_ += changed;
    return changed;
  }

  Result<std::int64_t> query(std::string_view sql, Params params, RowVisitor visit) override {
    const auto answer = run(sql, params);
    if (!answer) return fail(answer.error());
    // Of RETURNING; a SELECT changes nothing, and "changes" nothing that would be missed.
    if (!sql.starts_with("SELECT")) changes_ += answer->rows_changed();
    return answer->visit(visit);
  }

  Result<void> write(std::string_view sql, Params params) override {
    if (failure_) return refuse();
    session_->send(sql, params);
    ++changes_;
    if (session_->unfinished() < kUnfinishedMax) return {};
    return flush();
  }

  Result<void> flush() override {
    if (failure_) return fail(*failure_);
    if (session_->unfinished() == 0) return {};
    const auto answer = session_->finish();
    if (answer) return {};
    failure_ = answer.error();
    return fail(*failure_);
  }

  Result<void> run_script(std::string_view script) override {
    WAYBILL_TRY(flush());
    auto run = session_->run_script(script);
    if (!run) failure_ = run.error();
    return run;
  }

  std::string_view claim_lock() const override { return "FOR UPDATE SKIP LOCKED"; }
  std::string_view row_lock() const override { return "FOR UPDATE"; }
  std::string_view migration_word(std::string_view name) const override {
    if (name == "bytes") return "BYTEA";
    if (name == "bigint") return "BIGINT";
    if (name == "clustered") return "";
    WAYBILL_CHECK(false, "a migration uses known words");
    return {};
  }

  Result<void> notify(std::string_view message) override {
    const Param param(message);
    return write("SELECT pg_notify(left('waybill.' || current_schema(), 63), $1)",
                 Params(&param, 1));
  }

  Result<void> copy_to(const std::filesystem::path&, const std::stop_token&) override {
    return fail(Code::kInvalid, "backup_unsupported",
                "This hub keeps its data in PostgreSQL, which is backed up with its own tools: "
                "pg_basebackup for a whole server, pg_dump for one database.");
  }

  Result<void> begin(Access access) override {
    rollback();
    if (!session_ || session_->is_lost()) {
      session_.reset();
      WAYBILL_TRY(connect());
    }
    changes_at_begin_ = changes_;
    // Sent with the first statement: a journey less.
    session_->send(access == Access::kWrite ? "BEGIN"
                                            : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return {};
  }

  Result<void> commit() override {
    WAYBILL_TRY(flush());
    const bool marks = access_ == Access::kWrite && changes_ != changes_at_begin_ && can_mark();
    if (failure_) return fail(*failure_);
    if (marks) mark();
    // A commit that waits for a standby is not cut short: the server would say that it is done.
    session_->send("SET LOCAL statement_timeout = 0");
    session_->send("COMMIT");
    const auto committed = session_->finish();
    if (committed) return {};
    if (marks && session_->is_lost()) return find_outcome(committed.error());
    failure_ = committed.error();
    return fail(*failure_);
  }

  void rollback() override {
    failure_.reset();
    if (!session_ || session_->is_lost()) return;
    if (session_->unfinished() > 0) (void)session_->finish();
    if (session_->is_lost() || !session_->is_in_transaction()) return;
    session_->send("ROLLBACK");
    if (!session_->finish()) session_.reset();
  }

  Result<void> lock_migrations() override {
    const auto locked =
        query("SELECT pg_advisory_xact_lock($1)", Params(&kLockParam, 1), [](const Row&) {});
    if (!locked) return fail(locked.error());
    return {};
  }
  Result<void> savepoint() override { return control("SAVEPOINT unit"); }
  Result<void> release_savepoint() override {
    WAYBILL_TRY(control("RELEASE unit"));
    return flush();
  }
  Result<void> rollback_to_savepoint() override {
    if (session_->unfinished() > 0) (void)flush();
    // With the session all of the transaction is gone, for one reason.
    if (session_->is_lost()) {
      return fail(failure_.value_or(Error(Code::kUnavailable, "database_unavailable", "Lost.")));
    }
    failure_.reset();
    session_->send("ROLLBACK TO unit");
    session_->send("RELEASE unit");
    return flush();
  }
  std::int64_t changes_made() const override { return changes_; }
  bool is_broken() const override { return failure_ || !session_ || session_->is_lost(); }

 private:
  inline static const Param kLockParam{kMigrationLock};

  std::unexpected<Error> refuse() const {
    return fail(Code::kInternal, "transaction_failed",
                "A statement before this one has failed: nothing more can be done but to give up.");
  }

  Result<PostgresAnswer> run(std::string_view sql, Params params) {
    if (failure_) return refuse();
    session_->send(sql, params);
    auto answer = session_->finish();
    if (!answer) failure_ = answer.error();
    return answer;
  }

  Result<void> control(std::string_view sql) {
    if (failure_) return fail(*failure_);
    session_->send(sql);
    return {};
  }

  // Not before the tables are there.
  bool can_mark() {
    if (can_mark_) return true;
    const auto found =
        query("SELECT 1 WHERE to_regclass('commit_marks') IS NOT NULL", {}, [](const Row&) {});
    if (!found || *found == 0) return false;
    const Uuid hub;
    const Param workspace(hub);
    can_mark_ = execute(kForgetOldMarks, Params(&workspace, 1)).has_value();
    return can_mark_;
  }

  void mark() {
    const Uuid hub;
    batch_ += 2;
    const Param params[] = {hub, writer_, batch_};
    session_->send(kMark, params);
  }

  // The session broke while it committed: what became of it is asked in a new one, which waits
  // until the old one is over.
  Result<void> find_outcome(const Error& error) {
    const Deadline deadline = Deadline::after(kOutcomePatience);
    while (!deadline.passed()) {
      session_.reset();
      const auto mark = read_mark();
      if (!mark) continue;
      if (*mark == batch_) return {};
      failure_ = error;
      return fail(error);
    }
    failure_ = Error(Code::kUnavailable, "commit_unknown",
                     "The connection to the database was lost while it committed, and whether it "
                     "did cannot be found out yet. The same request sent again does no harm.");
    return fail(*failure_);
  }

  Result<std::int64_t> read_mark() {
    if (!may_connect_at_.passed()) ::poll(nullptr, 0, static_cast<int>(kReconnectPause.count()));
    WAYBILL_TRY(connect());
    WAYBILL_TRY(session_->run_script(kOutcomeLockTimeout));
    const Uuid hub;
    const Param params[] = {hub, writer_, batch_};
    session_->send(kFindOutcome, params);
    const auto answer = session_->finish();
    if (!answer) return fail(answer.error());
    std::int64_t mark = 0;
    answer->visit([&](const Row& row) { mark = row.integer(0); });
    WAYBILL_TRY(session_->run_script("SET lock_timeout = 0"));
    return mark;
  }

  const PostgresAddress address_;
  const PostgresOptions options_;
  const Access access_;
  const Bytes writer_;  // Whose marks these are.
  std::unique_ptr<PostgresSession> session_;
  std::optional<Error> failure_;  // Of a statement of this transaction, or savepoint.
  std::optional<Error> unreachable_;
  Deadline may_connect_at_ = Deadline::after({});
  std::int64_t changes_ = 0;
  std::int64_t changes_at_begin_ = 0;
  std::int64_t batch_ = 0;
  bool can_mark_ = false;
};

}  // namespace

PostgresDriver::PostgresDriver(PostgresAddress address, PostgresOptions options)
    : address_(std::move(address)), options_(options) {}

Result<std::unique_ptr<Connection>> PostgresDriver::connect(Connection::Access access) {
  auto connection = std::make_unique<PostgresConnection>(address_, options_, access);
  WAYBILL_TRY(connection->connect());
  return connection;
}

std::unique_ptr<Listener> PostgresDriver::listen(Hearing hearing) {
  return std::make_unique<PostgresListener>(address_, options_, std::move(hearing));
}

}  // namespace waybill::store
