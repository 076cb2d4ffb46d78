#include "delivery/channels/sql_channel.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "base/json.h"
#include "base/json_text.h"
#include "delivery/channels/sql_settings.h"

namespace waybill::delivery {
namespace {

// Addresses are asked for, not services.
constexpr std::uint16_t kAnyPort = 5432;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, Clear>;

// libpq's messages have lines.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\t' ? ' ' : c;
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

// What one statement came to. An empty state: it succeeded.
struct Answer {
  bool succeeded = false;
  std::string state;  // SQLSTATE. Empty: skipped, since one before it failed.
  std::string message;
  std::string tag;     // "COMMIT"
  bool added = false;  // A row.
};

Answer answer_of(const PGresult* result) {
  Answer answer;
  const ExecStatusType status = PQresultStatus(result);
  answer.succeeded = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE)) answer.state = state;
  if (const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)) {
    answer.message = in_one_line(message);
  }
  // PQcmdStatus() only reads, though its type does not say so.
  answer.tag = PQcmdStatus(const_cast<PGresult*>(result));
  answer.added = answer.tag.ends_with(" 1");
  return answer;
}

// The texts of one row, in the order of the columns.
class SqlRow {
 public:
  static constexpr std::size_t kColumns = 13;

  explicit SqlRow(const BrokerMessage& message) : body_(message.content.body) {
    const model::MessageContent& content = message.content;
    append_array(headers_, content.headers, [](std::string& out, const net::Header& header) {
      out += '[';
      append_value(out, header.name);
      out += ',';
      append_value(out, header.value);
      out += ']';
    });
    received_at_ = iso_time(content.received_at);
    attempt_ = std::to_string(message.attempt);
    const bool is_json = parse_json(body_).has_value();
    values_ = {message.id.c_str(),
               content.source.c_str(),
               content.dialect.c_str(),
               content.type.c_str(),
               content.external_id.c_str(),
               received_at_.c_str(),
               content.content_type.c_str(),
               headers_.c_str(),
               body_.c_str(),
               is_json ? body_.c_str() : nullptr,
               content.document ? content.document->c_str() : nullptr,
               message.delivery_id.c_str(),
               attempt_.c_str()};
    lengths_[kBody] = static_cast<int>(body_.size());
    formats_[kBody] = 1;  // As it is: it may hold anything.
  }

  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  static constexpr std::size_t kBody = 8;
  const std::string& body_;
  std::string headers_;
  std::string received_at_;
  std::string attempt_;
  std::array<const char*, kColumns> values_{};
  std::array<int, kColumns> lengths_{};
  std::array<int, kColumns> formats_{};
};

class SqlBroker final : public Broker {
 public:
  explicit SqlBroker(SqlSettings settings)
      : settings_(std::move(settings)),
        insert_(fmt::format(
            "INSERT INTO {} (message_id, source, dialect, type, external_id, received_at, "
            "content_type, headers, body, data, document, delivery_id, attempt) VALUES "
            "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
            "ON CONFLICT (message_id) DO NOTHING",
            settings_.table)) {}
  ~SqlBroker() override { close(); }

  std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                     Deadline deadline) override {
    std::vector<BrokerOutcome> outcomes(batch.size());
    std::vector<bool> answered(batch.size());
    drop_if_closed();
    auto done = connect(deadline);
    if (done) done = insert(batch, outcomes, answered, deadline);
    if (!done) {
      fail_unanswered(outcomes, answered, done.error());
      close();
    }
    return outcomes;
  }

 private:
  // All in one transaction; if one row is refused, each in its own.
  Result<void> insert(std::span<const BrokerMessage> batch, std::vector<BrokerOutcome>& outcomes,
                      std::vector<bool>& answered, Deadline deadline) {
    auto stored = transact(batch, outcomes, answered, deadline);
    if (!stored) return fail(stored.error());
    if (*stored || batch.size() == 1) return {};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (answered[i]) continue;
      std::vector<BrokerOutcome> outcome(1);
      std::vector<bool> done(1);
      auto alone = transact(batch.subspan(i, 1), outcome, done, deadline);
      if (!alone) return fail(alone.error());
      outcomes[i] = std::move(outcome[0]);
      answered[i] = true;
    }
    return {};
  }

  // True: committed. False: a row was refused, nothing was stored, and what the refusal says of
  // every row is noted for each. Fails if the connection is of no use any more, or the server
  // cannot take anything now.
  Result<bool> transact(std::span<const BrokerMessage> rows, std::vector<BrokerOutcome>& outcomes,
                        std::vector<bool>& answered, Deadline deadline) {
    send("BEGIN");
    const std::string limit = fmt::format("SET LOCAL statement_timeout = {}",
                                          std::max<std::int64_t>(deadline.left().count(), 1));
    send(limit.c_str());
    for (const BrokerMessage& message : rows) {
      const SqlRow row(message);
      PQsendQueryParams(connection_.get(), insert_.c_str(), SqlRow::kColumns, nullptr, row.values(),
                        row.lengths(), row.formats(), 0);
    }
    send("COMMIT");
    auto answers = finish(rows.size() + 3, deadline);
    if (!answers) return fail(answers.error());
    // PostgreSQL answers ROLLBACK where it cannot commit.
    if (answers->back().succeeded && answers->back().tag == "COMMIT") {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        answered[i] = true;
        outcomes[i] = {
            model::Outcome::kSucceeded, {}, (*answers)[i + 2].added ? "inserted" : "there already"};
      }
      return true;
    }
    for (const Answer& answer : *answers) {
      if (answer.state.empty()) continue;
      WAYBILL_TRY(check_server(answer));
      note_refusal(answer, rows.size(), outcomes, answered);
      break;
    }
    send("ROLLBACK");
    auto ended = finish(1, deadline);
    if (!ended) return fail(ended.error());
    return false;
  }

  // https://www.postgresql.org/docs/15/errcodes-appendix.html
  static Result<void> check_server(const Answer& answer) {
    const std::string_view kind = std::string_view(answer.state).substr(0, 2);
    if (answer.state == "57014") {
      return fail(Code::kTimeout, "broker_silent",
                  fmt::format("PostgreSQL did not finish in time: {}.", answer.message));
    }
    if (kind == "08" || kind == "53" || kind == "57" || kind == "58" || kind == "40" ||
        answer.state == "25006" || answer.state == "55P03") {
      return fail(Code::kUnavailable, "broker_unavailable",
                  fmt::format("PostgreSQL cannot take it now: {}.", answer.message));
    }
    return {};
  }

  void note_refusal(const Answer& answer, std::size_t rows, std::vector<BrokerOutcome>& outcomes,
                    std::vector<bool>& answered) const {
    std::string error = fmt::format("PostgreSQL refuses it: {}.", answer.message);
    // About the table, and so about every row: no table, no column, no unique key, no right.
    const bool is_table = answer.state == "42P01" || answer.state == "42703" ||
                          answer.state == "42P10" || answer.state == "3F000";
    const bool of_all = is_table || answer.state == "42501" || answer.state == "42804";
    if (is_table) error += fmt::format(" The table is made by: {}", create_table(settings_.table));
    if (!of_all && rows > 1) return;
    for (std::size_t i = 0; i < rows; ++i) {
      outcomes[i] = {model::Outcome::kRefused, error, answer.state};
      answered[i] = true;
    }
  }

  void send(const char* sql) {
    PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
  }

  Result<std::vector<Answer>> finish(std::size_t statements, Deadline deadline) {
    if (PQpipelineSync(connection_.get()) != 1) return lose();
    for (int code = 0; (code = PQflush(connection_.get())) != 0;) {
      if (code < 0) return lose();
      WAYBILL_TRY(wait(POLLIN | POLLOUT, deadline));
    }
    std::vector<Answer> answers(statements);
    for (Answer& answer : answers) {
      for (;;) {
        auto result = next(deadline);
        if (!result) return fail(result.error());
        if (!*result) break;
        answer = answer_of(result->get());
      }
    }
    for (;;) {
      auto result = next(deadline);
      if (!result) return fail(result.error());
      if (!*result) return lose();
      if (PQresultStatus(result->get()) == PGRES_PIPELINE_SYNC) return answers;
    }
  }

  Result<ResultHandle> next(Deadline deadline) {
    while (PQisBusy(connection_.get()) != 0) WAYBILL_TRY(wait(POLLIN, deadline));
    ResultHandle result(PQgetResult(connection_.get()));
    if (!result && PQstatus(connection_.get()) == CONNECTION_BAD) return lose();
    return result;
  }

  Result<void> wait(short events, Deadline deadline) {
    WAYBILL_TRY(line_.wait(PQsocket(connection_.get()), events, deadline));
    if (PQconsumeInput(connection_.get()) != 1) return lose();
    return {};
  }

  std::unexpected<Error> lose() const {
    if (line_.is_cut()) return fail(broker_silent("PostgreSQL"));
    return fail(Code::kUnavailable, "broker_unavailable",
                fmt::format("The connection to PostgreSQL is lost: {}",
                            in_one_line(PQerrorMessage(connection_.get()))));
  }

  void drop_if_closed() {
    pollfd socket{connection_ ? PQsocket(connection_.get()) : -1, POLLIN, 0};
    if (!connection_ || ::poll(&socket, 1, 0) <= 0) return;
    // A server that ends says so first; what else it may say of its own accord is read here.
    if (PQconsumeInput(connection_.get()) != 1 || ::poll(&socket, 1, 0) > 0 ||
        PQstatus(connection_.get()) == CONNECTION_BAD) {
      close();
    }
  }

  Result<void> connect(Deadline deadline) {
    if (connection_) return {};
    WAYBILL_TRY(resolve(deadline));
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : settings_.address.parameters()) {
      keywords.push_back(keyword.c_str());
      values.push_back(value.c_str());
    }
    keywords.push_back("password");
    values.push_back(settings_.address.password().reveal().c_str());
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
    PGconn* raw = connection_.get();
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(raw) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
      if (!line_.hold(PQsocket(raw))) return fail(broker_silent("PostgreSQL"));
      const auto events = static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
      WAYBILL_TRY(line_.wait(PQsocket(raw), events, deadline));
      state = PQconnectPoll(raw);
      if (state == PGRES_POLLING_FAILED) break;
    }
    if (state != PGRES_POLLING_OK) {
      if (line_.is_cut()) return fail(broker_silent("PostgreSQL"));
      return fail(Code::kUnavailable, "broker_unreachable",
                  fmt::format("PostgreSQL does not take the connection: {}",
                              in_one_line(PQerrorMessage(raw))));
    }
    PQsetNoticeReceiver(raw, [](void*, const PGresult*) {}, nullptr);
    if (PQsetnonblocking(raw, 1) != 0 || PQenterPipelineMode(raw) != 1) return lose();
    return set_up(deadline);
  }

  // libpq looks names up without an end: one that hangs is found out before. What is merely not
  // there is libpq's to tell, since another host may be.
  Result<void> resolve(Deadline deadline) {
    for (const auto& [keyword, value] : settings_.address.parameters()) {
      if (keyword != "host") continue;
      for (const auto part : std::views::split(value, ',')) {
        const std::string host(std::string_view(part.begin(), part.end()));
        if (host.empty() || host.starts_with('/') || host.starts_with('@')) continue;
        const auto there = line_.resolve(host, kAnyPort, deadline);
        if (!there && there.error().code == Code::kTimeout) return fail(there.error());
      }
    }
    return {};
  }

  Result<void> set_up(Deadline deadline) {
    // A commit that the server has not synced is none, whatever the database was set to.
    send(
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'");
    auto answers = finish(1, deadline);
    if (!answers) return fail(answers.error());
    return {};
  }

  void close() {
    line_.release();
    connection_.reset();
  }

  const SqlSettings settings_;
  const std::string insert_;
  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace

Result<BrokerPlan> sql_plan(const json::object& settings) {
  auto read = read_sql_settings(settings);
  if (!read) return fail(read.error());
  std::vector<Secret> hidden = {read->address.password()};
  for (const auto& [keyword, value] : read->address.parameters()) {
    if (keyword == "sslpassword") hidden.emplace_back(value);
  }
  return BrokerPlan{Payload::kMessage, {}, maker<SqlBroker>(*std::move(read)), std::move(hidden)};
}

}  // namespace waybill::delivery
