// One session with a PostgreSQL server, until it is lost. Statements go out in a pipeline, many to
// a journey; finish() waits for their answers.
//
//   session.send("INSERT …", a);
//   session.send("INSERT …", b);
//   auto answer = session.finish();    // Of the last one, or the error of the first that failed.
//
// After a failure the server skips what was sent behind it, up to finish().
//
// One thread at a time. Used by the driver alone.

#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"
#include "store/postgres/postgres_address.h"
#include "store/postgres/postgres_driver.h"

namespace waybill::store {

// What a statement came to: its rows, or how many it changed.
class PostgresAnswer {
 public:
  PostgresAnswer() = default;
  explicit PostgresAnswer(PGresult* result) : result_(result) {}

  // Visits each row in order. Returns how many there are.
  std::int64_t visit(RowVisitor visitor) const;
  std::int64_t rows_changed() const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

class PostgresSession {
 public:
  // Fails with kUnavailable (database_unavailable), saying where and why.
  static Result<std::unique_ptr<PostgresSession>> open(const PostgresAddress& address,
                                                       const PostgresOptions& options);
  ~PostgresSession() = default;

  // Hands the statement over; its parameters are copied. What fails here shows in finish().
  void send(std::string_view sql, Connection::Params params = {});
  // Fails with the Code and reason that Connection promises of the first statement that failed.
  Result<PostgresAnswer> finish();
  // How many statements have been sent that finish() has not answered.
  std::size_t unfinished() const { return expected_.size(); }

  // Statements without parameters, separated by semicolons. Requires: unfinished() == 0.
  Result<void> run_script(std::string_view script);

  // It is of no use any more: the connection broke, or the server has become one that only reads.
  bool is_lost() const { return lost_ || PQstatus(connection_.get()) == CONNECTION_BAD; }
  bool is_in_transaction() const;

  // For the listener.
  PGconn* raw() { return connection_.get(); }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

  // A text, prepared once. The server knows it by its name once its answer has come; what is sent
  // behind the preparation may use the name before.
  struct Prepared {
    std::string name;
    enum class State { kUnknown, kSent, kReady } state = State::kUnknown;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Statements = std::unordered_map<std::string, Prepared, TextHash, std::equal_to<>>;
  struct Expected {
    Statements::pointer statement;
    bool is_preparation = false;
  };

  explicit PostgresSession(PGconn* connection, std::chrono::milliseconds patience)
      : connection_(connection), patience_(patience) {}

  Result<void> set_up(const PostgresOptions& options);
  Statements::reference prepare(std::string_view sql);
  // The next result; null: there is none for this statement any more.
  Result<ResultHandle> next();
  Result<void> wait(bool to_write);
  void note_answer(const Expected& expected, PGresult* result);
  Error describe(const PGresult* result, std::string_view sql);
  std::unexpected<Error> lose();

  std::unique_ptr<PGconn, Finish> connection_;
  const std::chrono::milliseconds patience_;  // Without a byte from the server.
  bool lost_ = false;
  Statements statements_;
  std::deque<Expected> expected_;
};

}  // namespace waybill::store
