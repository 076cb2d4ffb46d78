// What a request with an Idempotency-Key gets when it comes again: R-PC-13 to R-PC-15, A-PC-9,
// A-PC-10.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/sqlite/sqlite_driver.h"
#include "surfaces/peptideclients/integration_fixture.h"

namespace waybill::surfaces::peptideclients {
namespace {

using namespace std::chrono_literals;

TEST_F(IntegrationApiTest, ARepeatGetsTheFirstAnswerByteForByte) {  // R-PC-13, R-PC-14
  const net::Response first = post(kOrders, kWholeOrder, once("!b~"));
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(is_replay(first));
  clock.run_for(1s);
  const net::Response again = post(kOrders, kWholeOrder, once("!b~"));
  EXPECT_TRUE(is_replay(again));
  EXPECT_EQ(again.status, 201) << "not 200 with duplicate: A-PC-10";
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(events().size(), 3u);
}

// One rule at every door: surfaces/idempotency_key_test.cc has all of it.
TEST_F(IntegrationApiTest, ABlankIsNoPartOfAnIdempotencyKey) {
  refused("idempotency_key_invalid", post(kOrders, kWholeOrder, once("a b")));
  EXPECT_TRUE(events().empty());
}

TEST_F(IntegrationApiTest, AnotherBodyIsAConflictHoweverLittleDiffers) {  // R-PC-15
  ok(201, post(kOrders, order("1"), once("k")));
  refused("idempotency_conflict", post(kOrders, order("1") + " ", once("k")));
  refused("idempotency_conflict", post(kOrders, order("2"), once("k")));
  refused("order_not_found", ask("GET", fmt::format("{}/by-external/2", kOrders)));
  EXPECT_TRUE(is_replay(post(kOrders, order("1"), once("k"))));
}

TEST_F(IntegrationApiTest, AnIdempotencyKeyIsOfOneKeyMethodAndPath) {  // A-PC-9
  const std::string id = new_order("1");
  const std::string body = R"({"method":"card","amount":"1.00","external_id":null})";
  ok(201, post(payments_of(id), body, once("k")));
  const std::string other = new_order("2");
  const net::Response elsewhere = post(payments_of(other), body, once("k"));
  EXPECT_FALSE(is_replay(elsewhere));
  ok(201, elsewhere);
  key = new_key().key;
  const net::Response another_key = post(payments_of(id), body, once("k"));
  EXPECT_FALSE(is_replay(another_key));
  ok(201, another_key);
  EXPECT_EQ(find("1").at("paid_total").as_string(), "2.00");
  // It means nothing where nothing is made.
  for (int i = 0; i < 2; ++i) {
    const net::Response read = ask("GET", fmt::format("{}/by-external/1", kOrders), {}, once("k"));
    EXPECT_FALSE(is_replay(read));
    EXPECT_EQ(read.status, 200);
  }
}

TEST_F(IntegrationApiTest, RefusalsThatWereDecidedAreRememberedToo) {
  const std::string id = new_order("1");
  const std::string body = R"({"method":"card","amount":"40.00"})";
  const net::Response too_much = post(payments_of(id), body, once("k"));
  refused("overpayment", too_much);
  // By now it would go through another door of the same house; the answer stays what it was.
  const net::Response again = post(payments_of(id), body, once("k"));
  EXPECT_TRUE(is_replay(again));
  EXPECT_EQ(again.body, too_much.body);
  EXPECT_EQ(again.error_code, "overpayment") << "the request log has it again";
  const net::Response none = post(cancel_of(ids.next().text()), {}, once("k"));
  refused("order_not_found", none);
}

TEST_F(IntegrationApiTest, WhatWasNotDecidedIsNotRemembered) {
  refused("invalid_request", post(kOrders, "{}", once("k")));
  refused("invalid_json", post(kOrders, "{", once("k")));
  refused("total_mismatch", post(kOrders, order("1", R"("total":1)"), once("k")));
  const std::string good = key;
  key = new_key(R"("scopes":["clients:write"])").key;
  refused("insufficient_scope", post(kOrders, order("1"), once("k")));
  key = good;
  const net::Response made = post(kOrders, order("1"), once("k"));
  ok(201, made);
  EXPECT_FALSE(is_replay(made));
}

TEST_F(IntegrationApiTest, AFailureIsNotRemembered) {  // A-PC-9
  // As another program does that holds the lock for longer than we wait.
  ASSERT_TRUE(run(database->run([](store::Connection& connection) {
    return connection.query("PRAGMA busy_timeout = 1", {}, [](const store::Row&) {});
  })));
  const auto other =
      *store::SqliteDriver(folder / "waybill.db").connect(store::Connection::Access::kWrite);
  ASSERT_TRUE(other->begin(store::Connection::Access::kWrite));
  const net::Response failed = post(kOrders, order("1"), once("k"));
  refused("unavailable", failed);
  EXPECT_EQ(*net::find_header(failed.headers, "Retry-After"), "1");
  other->rollback();
  const net::Response made = post(kOrders, order("1"), once("k"));
  ok(201, made);
  EXPECT_FALSE(is_replay(made));
}

TEST_F(IntegrationApiTest, AnIdempotencyKeyIsOfPrintableASCII) {
  for (const std::string& bad : {std::string(256, 'x'), std::string("a\tb"), std::string("ä")}) {
    refused("idempotency_key_invalid", post(kOrders, order("1"), once(bad)));
  }
  ok(201, post(kOrders, order("1"), once(std::string(255, 'x'))));
}

TEST_F(IntegrationApiTest, AfterADayItIsForgotten) {  // R-PC-14
  const std::string id = new_order("1");
  const std::string body = R"({"method":"card","amount":"1.00"})";
  ok(201, post(payments_of(id), body, once("k")));
  clock.run_for(24h - 1ms);
  EXPECT_TRUE(is_replay(post(payments_of(id), body, once("k"))));
  clock.run_for(1ms);
  const net::Response anew = post(payments_of(id), body, once("k"));
  EXPECT_FALSE(is_replay(anew));
  ok(201, anew);
  EXPECT_EQ(find("1").at("paid_total").as_string(), "2.00");
}

TEST_F(IntegrationApiTest, OfTwinsOneIsExecutedAndTheOthersGetItsAnswer) {
  const std::string id = new_order("1");
  const std::string body = R"({"method":"card","amount":"1.00"})";
  std::vector<std::shared_ptr<std::optional<net::Response>>> answers;
  for (int i = 0; i < 50; ++i) {
    Headers headers = once("twin");
    headers.push_back({"Authorization", "Bearer " + key});
    answers.push_back(begin_call("POST", payments_of(id), body, std::move(headers)));
  }
  settle();
  int executed = 0;
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->status, 201);
    EXPECT_EQ((*answer)->body, (*answers[0])->body);
    if (!is_replay(**answer)) ++executed;
  }
  EXPECT_EQ(executed, 1);
  EXPECT_EQ(find("1").at("paid_total").as_string(), "1.00");
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
