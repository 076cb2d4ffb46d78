// Deliveries that a program fetches and makes itself: native/pulled.cc.

#include <fmt/format.h>

#include "dialect/dialect.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/native/waits.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kAcme = "/hub/v1/workspaces/acme";
constexpr std::string_view kPaused = R"("state": "paused")";

class PulledTest : public NativeApiTest {
 protected:
  std::string requests_of(const std::string& endpoint, std::string_view query = "") {
    return fmt::format("{}/endpoints/{}/requests{}", kAcme, endpoint, query);
  }
  json::value rows(const std::string& endpoint) {
    return at(ok(200, "GET", requests_of(endpoint)), "rows");
  }
  std::string attempts_of(const json::value& row) {
    return fmt::format("{}/deliveries/{}/attempts", kAcme, text(row, "delivery_id"));
  }
  json::value delivery_of(const json::value& row) {
    return ok(200, "GET", kAcme + "/deliveries/" + text(row, "delivery_id"));
  }
};

TEST_F(PulledTest, AnEndpointThatBeginsPausedCollectsAndIsSentNothing) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  const json::value made = ok(200, "GET", kAcme + "/endpoints/" + endpoint);
  EXPECT_EQ(text(made, "state"), "paused");
  EXPECT_NE(text(made, "state_reason"), "");
  publish();
  clock.run_for(10min);
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(rows(endpoint).as_array().size(), 1u);
  ok(200, "POST", kAcme + "/endpoints/" + endpoint + "/resume");
  EXPECT_EQ(sent.size(), 1u) << "what it has collected";
}

TEST_F(PulledTest, WhatIsDueIsGivenOldestFirstAsTheRequestThatTheHubWouldSend) {
  const json::value made = ok(201, "POST", kAcme + "/endpoints",
                              R"({"dialect": "standard-webhooks", "state": "paused",
                                  "url": "https://listen.invalid/"})");
  const std::string endpoint = text(made, "id");
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ok(201, "POST", kAcme + "/events", R"({"type": "stock.low", "data": {"n": 1}})",
     {{"traceparent", trace}});
  clock.run_for(1s);
  publish();
  const json::value due = rows(endpoint);
  ASSERT_EQ(due.as_array().size(), 2u);
  EXPECT_EQ(at(ok(200, "GET", requests_of(endpoint, "?limit=1")), "rows").as_array().size(), 1u);
  EXPECT_EQ(text(due, 0, "number"), "1");
  EXPECT_EQ(text(due, 0, "timeout"), "20s");

  std::vector<net::Header> headers;
  for (const json::value& header : at(due, 0, "headers").as_array()) {
    headers.push_back({text(header, 0), text(header, 1)});
  }
  const std::vector<Secret> keys = {Secret(text(made, "secret"))};
  EXPECT_TRUE(dialect::verify(*dialects.find("standard-webhooks"), headers, text(due, 0, "body"),
                              keys, clock.now()));
  const std::string* traceparent = net::find_header(headers, "traceparent");
  ASSERT_NE(traceparent, nullptr);
  EXPECT_EQ(traceparent->substr(0, 35), trace.substr(0, 35));

  // The hub sends the very same, but for what it signs anew.
  ok(200, "POST", kAcme + "/endpoints/" + endpoint + "/resume");
  ASSERT_EQ(sent.size(), 2u);
  const auto& first = text(due, 0, "body") == sent[0].body ? sent[0] : sent[1];
  EXPECT_EQ(first.body, text(due, 0, "body"));
  ASSERT_EQ(first.headers.size(), headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i) {
    EXPECT_EQ(first.headers[i].name, headers[i].name);
    EXPECT_EQ(first.headers[i].value, headers[i].value);
  }
}

TEST_F(PulledTest, AnAttemptMadeElsewhereIsJudgedAndRetriedAsTheHubsOwn) {
  const std::string endpoint =
      new_endpoint("standard-webhooks", R"("state": "paused", "retry": ["1m"])");
  publish();
  const json::value row = rows(endpoint).as_array().at(0);
  const json::value failed =
      ok(201, "POST", attempts_of(row),
         R"({"number": 1, "status_code": 500, "latency_ms": 12, "response_body": "no\nway"})");
  EXPECT_EQ(text(failed, "state"), "retrying");
  EXPECT_EQ(text(failed, "attempts_made"), "1");
  EXPECT_TRUE(rows(endpoint).as_array().empty()) << "not yet";
  clock.run_for(2min);
  EXPECT_EQ(text(rows(endpoint), 0, "number"), "2");
  EXPECT_TRUE(sent.empty());
  const json::value dropped = ok(201, "POST", attempts_of(row),
                                 R"({"number": 2, "error": "refused", "outcome": "timeout"})");
  EXPECT_EQ(text(dropped, "state"), "dropped");
  EXPECT_TRUE(rows(endpoint).as_array().empty());

  const json::value found = delivery_of(row);
  EXPECT_EQ(text(found, "state"), "dropped");
  EXPECT_EQ(text(found, "attempts", 0, "outcome"), "refused");
  EXPECT_EQ(text(found, "attempts", 0, "response_body"), "no\nway");
  EXPECT_EQ(at(found, "attempts", 0, "latency_ms").to_number<double>(), 12.0);
  EXPECT_EQ(text(found, "attempts", 1, "outcome"), "timeout");
  EXPECT_EQ(text(found, "attempts", 1, "error"), "refused");
  EXPECT_EQ(text(ok(200, "GET", kAcme + "/endpoints/" + endpoint), "consecutive_failures"), "0");
  EXPECT_EQ(audit_actions().front(), "delivery.attempt");
}

TEST_F(PulledTest, ASuccessEndsADeliveryAndA410DropsItAndLeavesTheEndpoint) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  publish();
  publish();
  const json::value due = rows(endpoint);
  const json::value& good = due.as_array().at(0);
  EXPECT_EQ(
      text(ok(201, "POST", attempts_of(good), R"({"number": 1, "status_code": 204})"), "state"),
      "succeeded");
  const json::value& gone = due.as_array().at(1);
  EXPECT_EQ(
      text(ok(201, "POST", attempts_of(gone), R"({"number": 1, "status_code": 410})"), "state"),
      "dropped");
  EXPECT_EQ(text(ok(200, "GET", kAcme + "/endpoints/" + endpoint), "state"), "paused");
}

TEST_F(PulledTest, AnAttemptIsRecordedOnceAndOnlyWhereTheHubMakesNone) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  publish();
  publish();
  const json::value due = rows(endpoint);
  const std::string path = attempts_of(due.as_array().at(0));
  const std::string_view failure = R"({"number": 1, "status_code": 500})";
  ok(201, "POST", path, failure, {{"Idempotency-Key", "a"}});
  ok(201, "POST", path, failure, {{"Idempotency-Key", "a"}});
  refused(409, "attempt_number_taken", "", "POST", path, failure);
  refused(409, "attempt_number_taken", "", "POST", path, R"({"number": 3, "status_code": 500})");
  ok(201, "POST", path, R"({"number": 2, "status_code": 200})");
  refused(409, "delivery_finished", "", "POST", path, R"({"number": 3, "status_code": 200})");
  EXPECT_EQ(text(delivery_of(due.as_array().at(0)), "attempts_made"), "2");

  const std::string other = attempts_of(due.as_array().at(1));
  hold_receiver();
  ok(200, "POST", kAcme + "/endpoints/" + endpoint + "/resume");
  refused(409, "endpoint_active", "", "GET", requests_of(endpoint));
  refused(409, "delivery_in_flight", "", "POST", other, failure);
  receiver = [](const net::ClientRequest&) {
    return net::ClientResponse{.status = 500, .headers = {}, .body = ""};
  };
  release_receiver();
  settle();
  refused(409, "endpoint_active", "", "POST", other, R"({"number": 2, "status_code": 200})");
  ok(200, "DELETE", kAcme + "/endpoints/" + endpoint);
  refused(404, "endpoint_not_found", "", "GET", requests_of(endpoint));
  refused(409, "delivery_finished", "", "POST", other, R"({"number": 2, "status_code": 200})");
}

TEST_F(PulledTest, WhatIsToldOfAnAttemptIsChecked) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  publish();
  const std::string path = attempts_of(rows(endpoint).as_array().at(0));
  struct Case {
    std::string_view body;
    std::string_view code;
    std::string_view at;
  };
  const Case cases[] = {
      {R"({"status_code": 200})", "member_missing", "$.number"},
      {R"({"number": 0, "status_code": 200})", "member_invalid", "$.number"},
      {R"({"number": 1})", "member_invalid", "$.status_code"},
      {R"({"number": 1, "status_code": 200, "error": "x"})", "member_invalid", "$.status_code"},
      {R"({"number": 1, "status_code": 99})", "member_invalid", "$.status_code"},
      {R"({"number": 1, "error": "x", "outcome": "gone"})", "member_invalid", "$.outcome"},
      {R"({"number": 1, "status_code": 200, "outcome": "timeout"})", "member_invalid", "$.outcome"},
      {R"({"number": 1, "status_code": 200, "latency_ms": -1})", "member_invalid", "$.latency_ms"},
      {R"({"number": 1, "status_code": 200, "response_body": 1})", "member_type",
       "$.response_body"},
      {R"({"number": 1, "status_code": 200, "node": "me"})", "member_unknown", "$.node"},
  };
  for (const Case& one : cases) refused(400, one.code, one.at, "POST", path, one.body);
  refused(404, "delivery_not_found", "", "POST", kAcme + "/deliveries/none/attempts",
          R"({"number": 1, "status_code": 200})");
  refused(403, "scope_missing", "", "POST", path, R"({"number": 1, "status_code": 200})",
          key_with({"deliveries:read"}));
  refused(403, "scope_missing", "", "GET", requests_of(endpoint), "",
          key_with({"deliveries:read"}));
  EXPECT_EQ(text(rows(endpoint), 0, "number"), "1") << "nothing was recorded";
}

// What is shown nowhere else is in the request.
TEST_F(PulledTest, RequestsWithHeadersOfAnEndpointsOwnAreTheAdminsAlone) {
  const json::value made = ok(201, "POST", kAcme + "/endpoints", R"({"state": "paused",
      "dialect": "standard-webhooks", "url": "https://a.example/",
      "headers": {"Authorization": "Bearer hush"}})");
  const std::string path = kAcme + "/endpoints/" + text(made, "id") + "/requests";
  refused(403, "scope_missing", "", "GET", path, {}, key_with({"*"}));
  ok(200, "GET", path);
}

TEST_F(PulledTest, ACallWaitsUntilSomethingIsDueOrItsTimeIsUp) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  refused(400, "query_invalid", "", "GET", requests_of(endpoint, "?wait=31s"));
  const auto answer = begin_call("GET", requests_of(endpoint, "?wait=30s"));
  clock.run_for(20s);
  EXPECT_FALSE(answer->has_value());
  publish();
  clock.run_for(1s);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ(at(json_of(**answer), "rows").as_array().size(), 1u);

  const std::string idle = new_endpoint("standard-webhooks", kPaused);
  const auto nothing = begin_call("GET", requests_of(idle, "?wait=30s"));
  clock.run_for(29s);
  EXPECT_FALSE(nothing->has_value());
  clock.run_for(1s);
  ASSERT_TRUE(nothing->has_value());
  EXPECT_EQ(json_of(**nothing), json::value({{"rows", json::array()}}));
}

TEST_F(PulledTest, NoMoreThanSoManyCallsWaitAndAStopEndsThem) {
  const std::string endpoint = new_endpoint("standard-webhooks", kPaused);
  std::vector<std::shared_ptr<std::optional<net::Response>>> waiting;
  for (int i = 0; i < Waits::kMax; ++i) {
    waiting.push_back(begin_call("GET", requests_of(endpoint, "?wait=30s")));
  }
  settle();
  refused(503, "waits_max_reached", "", "GET", requests_of(endpoint, "?wait=30s"));
  ok(200, "GET", requests_of(endpoint));
  native_api.begin_stop();
  settle();
  for (const auto& answer : waiting) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->status, 200);
  }
  ok(200, "GET", requests_of(endpoint, "?wait=30s"));
}

}  // namespace
}  // namespace waybill::surfaces::native
