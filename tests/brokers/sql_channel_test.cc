#include "delivery/channels/sql_channel.h"

#include <memory>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "brokers/brokers.h"
#include "delivery/channels/sql_settings.h"

namespace waybill::delivery {
namespace {

using model::Outcome;
using testing::HasSubstr;

class SqlChannelTest : public BrokerChannelTest {
 protected:
  SqlChannelTest() : connection(PQconnectdb(postgres_url().c_str())) {
    run(fmt::format("CREATE SCHEMA \"{}\"", schema));
    run(create_table(table));
    set(postgres_url());
  }
  ~SqlChannelTest() override { run(fmt::format("DROP SCHEMA \"{}\" CASCADE", schema)); }

  void set(std::string_view url) {
    set_settings(fmt::format(R"({{"url":"{}","table":"{}.messages"}})", url, schema));
  }
  // The first column of the first row. Throws what PostgreSQL says.
  std::string run(const std::string& sql) {
    PGresult* result = PQexec(connection.get(), sql.c_str());
    const std::string value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    const std::string error = PQresultErrorMessage(result);
    PQclear(result);
    if (!error.empty()) throw std::runtime_error(error);
    return value;
  }
  std::string value(std::string_view expression) {
    return run(fmt::format("SELECT {} FROM {} ORDER BY message_id", expression, table));
  }

  struct Finish {
    void operator()(PGconn* open) const { PQfinish(open); }
  };
  std::unique_ptr<PGconn, Finish> connection;
  std::string schema = fresh_name();
  std::string table = fmt::format("\"{}\".\"messages\"", schema);
  BrokerChannel channel{clock, workers, sql_plan};
};

TEST_F(SqlChannelTest, InsertsARowThatSaysAllOfTheMessage) {
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(made.response_body, "inserted");
  EXPECT_EQ(value("message_id"), message_id());
  EXPECT_EQ(value("source"), "shop");
  EXPECT_EQ(value("dialect"), "woocommerce");
  EXPECT_EQ(value("type"), "order.updated");
  EXPECT_EQ(value("external_id"), "8f3a");
  EXPECT_EQ(value("content_type"), content.content_type);
  EXPECT_EQ(value("headers->0->>1"), "order.updated");
  EXPECT_EQ(value("data->>'total'"), "1.10");
  EXPECT_EQ(value("convert_from(body, 'UTF8')"), content.body);
  EXPECT_EQ(value("document IS NULL"), "t");
  EXPECT_EQ(value("delivery_id"), delivery.id.text());
  EXPECT_EQ(value("attempt"), "1");
  EXPECT_EQ(value("(extract(epoch FROM received_at) * 1000)::bigint"),
            std::to_string(unix_millis(content.received_at)));
}

TEST_F(SqlChannelTest, ASecondAttemptChangesNothing) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  delivery.attempts_made = 1;
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded);
  EXPECT_EQ(made.response_body, "there already");
  EXPECT_EQ(value("count(*) OVER ()"), "1");
  EXPECT_EQ(value("attempt"), "1");
}

TEST_F(SqlChannelTest, AnyBytesAreKept) {
  content.body = std::string("\x00\xff'\\", 4);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(value("encode(body, 'hex')"), "00ff275c");
  EXPECT_EQ(value("data IS NULL"), "t");
}

TEST_F(SqlChannelTest, AnEscapedNulIsNoReasonToLoseAMessage) {
  content.body = R"({"a":"\u0000"})";
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
}

TEST_F(SqlChannelTest, ManyAtOnceAreAllThere) {
  content.body = "[\"" + std::string(20000, 'x') + "\"]";
  for (const model::Attempt& each : attempt_many(channel, 600)) {
    ASSERT_EQ(each.outcome, Outcome::kSucceeded) << each.error;
  }
  EXPECT_EQ(value("count(*) OVER ()"), "600");
}

TEST_F(SqlChannelTest, WhatWaitsIsOneTransaction) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);  // The connection is there.
  run(fmt::format("DELETE FROM {}", table));
  run(fmt::format("BEGIN; LOCK TABLE {}", table));
  std::vector<std::unique_ptr<Attempted>> all;
  for (int i = 0; i < 200; ++i) {
    delivery.event_id = ids.next_id<model::EventId>();
    all.push_back(begin(channel));
  }
  context.restart();
  context.poll();
  run("ROLLBACK");
  context.run();
  for (const auto& each : all) EXPECT_EQ(each->made->outcome, Outcome::kSucceeded);
  // What the thread took at once, and all that came while that waited for the lock.
  EXPECT_LE(std::stoi(run(fmt::format("SELECT count(DISTINCT xmin::text) FROM {}", table))), 2);
}

TEST_F(SqlChannelTest, ARowThatIsRefusedHoldsUpNoOther) {
  run(fmt::format("ALTER TABLE {} ADD CHECK (type <> 'bad')", table));
  std::vector<std::unique_ptr<Attempted>> all;
  for (int i = 0; i < 30; ++i) {
    delivery.id = ids.next_id<model::DeliveryId>();
    delivery.event_id = ids.next_id<model::EventId>();
    content.type = i % 10 == 5 ? "bad" : "good";
    all.push_back(begin(channel));
  }
  context.restart();
  context.run();
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i]->made->outcome, i % 10 == 5 ? Outcome::kRefused : Outcome::kSucceeded);
  }
  EXPECT_THAT(all[5]->made->error, HasSubstr("check constraint"));
  EXPECT_EQ(value("count(*) OVER ()"), "27");
}

TEST_F(SqlChannelTest, AMissingTableIsToldWithTheStatementThatMakesIt) {
  run(fmt::format("DROP TABLE {}", table));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("does not exist"));
  EXPECT_THAT(made.error, HasSubstr(create_table(table)));
  run(create_table(table));
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
}

TEST_F(SqlChannelTest, ATableWithoutTheKeyIsRefused) {
  run(fmt::format("ALTER TABLE {} DROP CONSTRAINT messages_pkey", table));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("ON CONFLICT"));
}

TEST_F(SqlChannelTest, AConnectionThatWasClosedMeanwhileCostsNoAttempt) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = current_user "
      "AND pid <> pg_backend_pid() AND query LIKE 'COMMIT%'");
  delivery.event_id = ids.next_id<model::EventId>();
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(value("count(*) OVER ()"), "2");
}

TEST_F(SqlChannelTest, ALockedTableIsATimeoutAndThenItGoesOn) {
  run(fmt::format("BEGIN; LOCK TABLE {}", table));
  endpoint.overrides.timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kTimeout);
  run("ROLLBACK");
  endpoint.overrides.timeout = std::chrono::seconds(20);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(value("count(*) OVER ()"), "1");
}

TEST_F(SqlChannelTest, AServerThatOnlyReadsIsAConnectionError) {
  set(postgres_url() + "?options=-c%20default_transaction_read_only%3Don");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kConnectionError);
}

TEST_F(SqlChannelTest, NobodyThereIsAConnectionError) {
  set(fmt::format("postgresql://u@127.0.0.1:{}/d", closed_port()));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kConnectionError);
  EXPECT_THAT(made.error, HasSubstr("refused"));
}

TEST_F(SqlChannelTest, ASilentServerIsATimeout) {
  const SilentServer silent;
  endpoint.overrides.timeout = std::chrono::milliseconds(200);
  set(fmt::format("postgresql://u@127.0.0.1:{}/d?sslmode=disable", silent.port()));
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_LT(made.latency, std::chrono::seconds(15));
}

}  // namespace
}  // namespace waybill::delivery
