#include "store/postgres/postgres_session.h"

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <poll.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace waybill::store {
namespace {

// What a server may be silent for beyond the time that it gives a statement itself.
constexpr std::chrono::seconds kSilenceMargin{5};
// How long a transaction may be left open: a node that stands still must not hold locks for long.
constexpr std::chrono::seconds kIdleInTransaction{5};

template <class Integer>
Integer read_integer(const char* bytes) {
  Integer value;
  std::memcpy(&value, bytes, sizeof value);
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

class PostgresRow final : public Row {
 public:
  PostgresRow(const PGresult* result, int row) : result_(result), row_(row) {}

  bool is_null(int column) const override { return PQgetisnull(result_, row_, column) != 0; }
  std::int64_t integer(int column) const override {
    const char* value = PQgetvalue(result_, row_, column);
    switch (PQgetlength(result_, row_, column)) {
      case 0: return 0;  // NULL, as SQLite reads it.
      case 1: return *value;
      case 2: return read_integer<std::int16_t>(value);
      case 4: return read_integer<std::int32_t>(value);
      default: return read_integer<std::int64_t>(value);
    }
  }
  std::string_view text(int column) const override {
    return {PQgetvalue(result_, row_, column), size(column)};
  }
  ByteView bytes(int column) const override {
    const void* value = PQgetvalue(result_, row_, column);
    return {static_cast<const std::uint8_t*>(value), size(column)};
  }

 private:
  std::size_t size(int column) const {
    return static_cast<std::size_t>(PQgetlength(result_, row_, column));
  }
  const PGresult* result_;
  int row_;
};

// Parameters as libpq takes them: all in binary, the server infers their types.
class WireParams {
 public:
  explicit WireParams(Connection::Params params)
      : integers_(params.size()),
        values_(params.size()),
        lengths_(params.size()),
        formats_(params.size(), 1) {
    for (std::size_t i = 0; i < params.size(); ++i) set(i, params[i].value());
  }

  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void set(std::size_t i, const Param::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      integers_[i] = std::endian::native == std::endian::little ? std::byteswap(*number) : *number;
      set_bytes(i, &integers_[i], sizeof integers_[i]);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      set_bytes(i, text->data(), text->size());
    } else if (const auto* bytes = std::get_if<ByteView>(&value)) {
      set_bytes(i, bytes->data(), bytes->size());
    }
  }
  // A null pointer is NULL, and an empty text is not.
  void set_bytes(std::size_t i, const void* data, std::size_t size) {
    values_[i] = data ? static_cast<const char*>(data) : "";
    lengths_[i] = static_cast<int>(size);
  }

  std::vector<std::int64_t> integers_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

// libpq's messages have lines, and tabs before them.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

Error unavailable(std::string_view why) {
  return {Code::kUnavailable, "database_unavailable",
          fmt::format("The database cannot be used now: {}.", why)};
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

std::int64_t PostgresAnswer::visit(RowVisitor visitor) const {
  const int rows = PQntuples(result_.get());
  for (int row = 0; row < rows; ++row) visitor(PostgresRow(result_.get(), row));
  return rows;
}

std::int64_t PostgresAnswer::rows_changed() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

Result<std::unique_ptr<PostgresSession>> PostgresSession::open(const PostgresAddress& address,
                                                               const PostgresOptions& options) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : address.parameters()) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  const std::string timeout = std::to_string(options.connect_timeout.count());
  keywords.push_back("connect_timeout");
  values.push_back(timeout.c_str());
  if (!address.password().empty()) {
    keywords.push_back("password");
    values.push_back(address.password().reveal().c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PostgresSession> session(
      new PostgresSession(PQconnectdbParams(keywords.data(), values.data(), 0),
                          options.statement_timeout + kSilenceMargin));
  PGconn* raw = session->connection_.get();
  if (PQstatus(raw) != CONNECTION_OK) {
    return fail(Code::kUnavailable, "database_unavailable",
                fmt::format("Cannot reach the database {}: {}", address.shown(),
                            in_one_line(PQerrorMessage(raw))));
  }
  PQsetNoticeReceiver(raw, ignore_notice, nullptr);
  if (auto ready = session->set_up(options); !ready) return fail(ready.error());
  return session;
}

Result<void> PostgresSession::set_up(const PostgresOptions& options) {
  using std::chrono::milliseconds;
  // A commit that the server has not synced is none, whatever the database was set to.
  WAYBILL_TRY(run_script(
      fmt::format("SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; "
                  "SELECT set_config('synchronous_commit', 'on', false) "
                  "WHERE current_setting('synchronous_commit') = 'off'",
                  options.statement_timeout.count(), milliseconds(kIdleInTransaction).count())));
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    return lose();
  }
  return {};
}

PostgresSession::Statements::reference PostgresSession::prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found =
        statements_.emplace(std::string(sql), Prepared{fmt::format("w{}", statements_.size()), {}})
            .first;
  }
  Prepared& prepared = found->second;
  if (prepared.state == Prepared::State::kUnknown) {
    prepared.state = Prepared::State::kSent;
    if (PQsendPrepare(connection_.get(), prepared.name.c_str(), found->first.c_str(), 0, nullptr) !=
        1) {
      lost_ = true;
    }
    expected_.push_back({&*found, true});
  }
  return *found;
}

void PostgresSession::send(std::string_view sql, Connection::Params params) {
  if (is_lost()) return;
  auto& statement = prepare(sql);
  const WireParams wire(params);
  if (PQsendQueryPrepared(connection_.get(), statement.second.name.c_str(), wire.count(),
                          wire.values(), wire.lengths(), wire.formats(), 1) != 1) {
    lost_ = true;
  }
  expected_.push_back({&statement, false});
}

Result<PostgresAnswer> PostgresSession::finish() {
  if (is_lost() || PQpipelineSync(connection_.get()) != 1) return lose();
  for (int code = 0; (code = PQflush(connection_.get())) != 0;) {
    if (code < 0) return lose();
    WAYBILL_TRY(wait(/*to_write=*/true));
  }
  std::optional<Error> failure;
  ResultHandle last;
  for (; !expected_.empty(); expected_.pop_front()) {
    const Expected& expected = expected_.front();
    for (;;) {
      auto result = next();
      if (!result) return fail(result.error());
      if (!*result) break;
      note_answer(expected, result->get());
      const ExecStatusType status = PQresultStatus(result->get());
      if (status == PGRES_FATAL_ERROR && !failure) {
        failure = describe(result->get(), expected.statement->first);
      }
      if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) last = *std::move(result);
    }
  }
  // The mark of the sync itself; nothing follows it.
  for (;;) {
    auto result = next();
    if (!result) return fail(result.error());
    if (!*result) return lose();
    if (PQresultStatus(result->get()) == PGRES_PIPELINE_SYNC) break;
  }
  if (failure) return fail(*std::move(failure));
  return PostgresAnswer(last.release());
}

void PostgresSession::note_answer(const Expected& expected, PGresult* result) {
  if (!expected.is_preparation) return;
  // Skipped after a failure, it is sent again when it is next needed.
  expected.statement->second.state = PQresultStatus(result) == PGRES_COMMAND_OK
                                         ? Prepared::State::kReady
                                         : Prepared::State::kUnknown;
}

Result<PostgresSession::ResultHandle> PostgresSession::next() {
  while (PQisBusy(connection_.get()) != 0) {
    WAYBILL_TRY(wait(/*to_write=*/false));
  }
  ResultHandle result(PQgetResult(connection_.get()));
  if (!result && PQstatus(connection_.get()) == CONNECTION_BAD) return lose();
  return result;
}

Result<void> PostgresSession::wait(bool to_write) {
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (to_write) socket.events |= POLLOUT;
  const Deadline deadline = Deadline::after(patience_);
  for (;;) {
    const int ready = ::poll(&socket, 1, static_cast<int>(patience_.count()));
    if (ready > 0) break;
    if (ready < 0 && errno == EINTR && !deadline.passed()) continue;
    lost_ = true;
    return fail(unavailable("the server is silent"));
  }
  if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(connection_.get()) != 1) return lose();
  return {};
}

Result<void> PostgresSession::run_script(std::string_view script) {
  PGconn* raw = connection_.get();
  const bool in_pipeline = PQpipelineStatus(raw) != PQ_PIPELINE_OFF;
  if (is_lost() || (in_pipeline && PQexitPipelineMode(raw) != 1)) return lose();
  const ResultHandle result(PQexec(raw, std::string(script).c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  std::optional<Error> failure;
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    failure = describe(result.get(), script);
  }
  if (in_pipeline && PQenterPipelineMode(raw) != 1) return lose();
  if (failure) return fail(*std::move(failure));
  return {};
}

bool PostgresSession::is_in_transaction() const {
  const auto status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

std::unexpected<Error> PostgresSession::lose() {
  lost_ = true;
  expected_.clear();
  const std::string why = in_one_line(PQerrorMessage(connection_.get()));
  return fail(unavailable(why.empty() ? "the connection is lost" : why));
}

// By SQLSTATE: https://www.postgresql.org/docs/15/errcodes-appendix.html
Error PostgresSession::describe(const PGresult* result, std::string_view sql) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = field ? field : "";
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message = in_one_line(primary ? primary : PQerrorMessage(connection_.get()));
  if (state == "23505") return {Code::kConflict, "unique_violation", message};
  if (state == "53100") return {Code::kUnavailable, "database_full", "The disk is full."};
  if (state == "22021" || state == "22P05") {
    return {Code::kInvalid, "text_invalid", "A text has a character that cannot be stored."};
  }
  // Another transaction came first: done again, it may succeed.
  if (state == "40001" || state == "40P01") {
    return {Code::kUnavailable, std::string(kTransactionConflict), unavailable(message).message};
  }
  // This server does not write any more: another one does.
  if (state == "25006") lost_ = true;
  const std::string_view kind = state.substr(0, 2);
  if (state.empty() || state == "25006" || state == "25P03" || state == "55P03" || kind == "08" ||
      kind == "53" || kind == "57" || kind == "58") {
    return unavailable(message);
  }
  return {Code::kInternal, "database_error", fmt::format("{} in: {}", message, sql)};
}

}  // namespace waybill::store
