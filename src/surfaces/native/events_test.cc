// Events and what is owed because of them: publish, read, replay, retry.

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kAcme = "/hub/v1/workspaces/acme";

Result<net::ClientResponse> answer_with(int status, std::string body = {}) {
  net::ClientResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

TEST_F(NativeApiTest, APublishedEventIsSentToWhatItMatches) {
  const std::string all = new_endpoint();
  new_endpoint("standard-webhooks", R"("event_types": ["stock.out"])");
  const json::value event =
      ok(201, "POST", kAcme + "/events",
         R"({"type": "stock.low", "subject": "sku-1", "data": {"b": 1.50, "a": [1e2, "é"]}})");
  EXPECT_EQ(text(event, "data"), R"({"b":1.5,"a":[100,"é"]})") << "as JSON.stringify writes it";
  EXPECT_EQ(text(event, "matched"), "1");
  EXPECT_TRUE(at(event, "unmatched_reason").is_null());
  EXPECT_EQ(text(event, "deliveries", 0, "endpoint_id"), all);
  EXPECT_EQ(text(event, "deliveries", 0, "state"), "delivering");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(sent[0].body.find(R"("data":{"b":1.5,"a":[100,"é"]})"), std::string::npos);

  const json::value read = ok(200, "GET", kAcme + "/events/" + text(event, "id"));
  EXPECT_EQ(text(read, "deliveries", 0, "id"), text(event, "deliveries", 0, "id"));
  EXPECT_EQ(text(read, "deliveries", 0, "state"), "succeeded");
  EXPECT_EQ(text(read, "subject"), "sku-1");
}

TEST_F(NativeApiTest, AnEventThatMatchesNothingIsKeptAndSaysWhy) {
  const json::value alone = publish();
  EXPECT_EQ(text(alone, "matched"), "0");
  EXPECT_EQ(text(alone, "unmatched_reason"), "The workspace has no endpoint.");
  new_endpoint("proculink");
  const json::value unknown = publish();
  const json::value read = ok(200, "GET", kAcme + "/events/" + text(unknown, "id"));
  EXPECT_EQ(text(read, "unmatched_reason"), "No endpoint's dialect has an event for stock.low.");
  EXPECT_EQ(at(read, "deliveries"), json::array());
}

TEST_F(NativeApiTest, EventsAreReadStrictly) {
  struct Case {
    std::string_view body;
    std::string_view code;
    std::string_view at;
  };
  const std::string long_text(201, 'x');
  const std::string long_subject =
      fmt::format(R"({{"type": "a", "data": {{}}, "subject": "{}"}})", long_text);
  const std::string deep = R"({"type": "a", "data": )" + std::string(70, '[');
  const Case cases[] = {
      {R"({"data": {}})", "member_missing", "$.type"},
      {R"({"type": "a"})", "member_missing", "$.data"},
      {R"({"type": "a", "data": []})", "member_type", "$.data"},
      {R"({"type": "a", "data": null})", "member_type", "$.data"},
      {R"({"type": "a..b", "data": {}})", "event_type_invalid", "$.type"},
      {R"({"type": "a b", "data": {}})", "event_type_invalid", "$.type"},
      {R"({"type": "webhook.test", "data": {}})", "event_type_reserved", "$.type"},
      {R"({"type": "a", "data": {}, "subject": ""})", "member_invalid", "$.subject"},
      {R"({"type": "a", "data": {}, "id": "evt_1"})", "member_unknown", "$.id"},
      {R"({"type": "a", "data": {"x": 1, "x": 2}})", "duplicate_member", "$.data.x"},
      {R"({"type": "a", "data": {"x": -1e400}})", "number_out_of_range", "$.data.x"},
      {long_subject, "member_invalid", "$.subject"},
  };
  for (const Case& c : cases) refused(400, c.code, c.at, "POST", kAcme + "/events", c.body);
  const net::Response too_deep = call("POST", kAcme + "/events", deep);
  EXPECT_EQ(text(json_of(too_deep), "code"), "too_deep");
  EXPECT_EQ(at(ok(200, "GET", kAcme + "/events"), "rows"), json::array()) << "nothing was stored";
}

TEST_F(NativeApiTest, ABatchIsAllOrNothing) {
  new_endpoint();
  const json::value made =
      ok(201, "POST", kAcme + "/events/batch",
         R"({"events": [{"type": "a", "data": {}}, {"type": "b", "data": {}}]})");
  EXPECT_EQ(text(made, "rows", 0, "type"), "a");
  EXPECT_EQ(text(made, "rows", 1, "type"), "b");
  EXPECT_EQ(sent.size(), 2u);
  struct Case {
    std::string_view body;
    std::string_view code;
    std::string_view at;
  };
  std::string many = R"({"events": [)";
  for (int i = 0; i < 101; ++i)
    many += (i ? "," : "") + std::string(R"({"type": "a", "data": {}})");
  many += "]}";
  const Case cases[] = {
      {R"({"events": [{"type": "c", "data": {}}, {"type": "!", "data": {}}]})",
       "event_type_invalid", "$.events[1].type"},
      {R"({"events": [{"type": "c", "data": {}}, 5]})", "member_type", "$.events[1]"},
      {R"({"events": [{"type": "c", "data": {}, "x": 1}]})", "member_unknown", "$.events[0].x"},
      {R"({"events": []})", "member_invalid", "$.events"},
      {R"({"event": {}})", "member_missing", "$.events"},
      {many, "member_invalid", "$.events"},
  };
  for (const Case& c : cases) refused(400, c.code, c.at, "POST", kAcme + "/events/batch", c.body);
  EXPECT_EQ(ok(200, "GET", kAcme + "/events").as_object().at("rows").as_array().size(), 2u);
}

TEST_F(NativeApiTest, PublishedDataIsWhatTheReceiversItGoesToWerePromised) {
  const std::string event = R"({"type": "payment.recorded", "data": {"payment_id": "p1"}})";
  ok(201, "POST", kAcme + "/events", event);
  new_endpoint("peptideclients", R"("event_types": ["order.created"])");
  ok(201, "POST", kAcme + "/events", event);

  const std::string paid = new_endpoint("peptideclients", R"("event_types": ["payment.recorded"])");
  for (const char* state : {"active", "paused"}) {
    refused(400, "event_data_invalid", "$.data.order_id", "POST", kAcme + "/events", event);
    const net::Response told = call("POST", kAcme + "/events", event);
    EXPECT_EQ(text(json_of(told), "detail"),
              "PeptideClients (dialect peptideclients) is promised other data for its event "
              "payment.recorded: this is missing.");
    refused(400, "event_data_invalid", "$.events[1].data.order_id", "POST", kAcme + "/events/batch",
            fmt::format(R"({{"events": [{{"type": "a", "data": {{}}}}, {}]}})", event));
    EXPECT_EQ(at(ok(200, "GET", kAcme + "/events"), "rows").as_array().size(), 2u)
        << "nothing was stored";
    if (state == std::string("active")) ok(200, "POST", kAcme + "/endpoints/" + paid + "/pause");
  }
  EXPECT_EQ(sent.size(), 0u);

  ok(200, "POST", kAcme + "/endpoints/" + paid + "/resume");
  ok(201, "POST", kAcme + "/events",
     R"({"type": "payment.recorded", "data": {"payment_id": "p1", "order_id": "o1", "x": 1}})");
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(NativeApiTest, AnEventCanBeMeantForOneDialectOrOneEndpointOnly) {
  const std::string standard = new_endpoint();
  const std::string other = new_endpoint();
  const std::string proign = new_endpoint("proign");
  const auto reached = [&](std::string_view only) {
    const json::value event = ok(201, "POST", kAcme + "/events",
                                 fmt::format(R"({{"type": "stock.low", "only": {}, "data": )"
                                             R"({{"item_code": "A4"}}}})",
                                             only));
    std::vector<std::string> endpoints;
    for (const json::value& delivery : at(event, "deliveries").as_array()) {
      endpoints.push_back(text(delivery, "endpoint_id"));
    }
    if (endpoints.empty()) endpoints.push_back(text(event, "unmatched_reason"));
    return endpoints;
  };
  using Reached = std::vector<std::string>;
  EXPECT_EQ(reached("{}"), (Reached{standard, other, proign}));
  EXPECT_EQ(reached(R"({"dialect": "proign"})"), Reached{proign});
  EXPECT_EQ(reached(fmt::format(R"({{"endpoint": "{}"}})", other)), Reached{other});
  EXPECT_EQ(reached(fmt::format(R"({{"endpoint": "{}", "dialect": "standard-webhooks"}})", other)),
            Reached{other});
  const Reached none = {"No endpoint that it is only for speaks proign."};
  EXPECT_EQ(reached(fmt::format(R"({{"endpoint": "{}", "dialect": "proign"}})", other)), none);

  const auto fault = [&](std::string_view only, int status, std::string_view code,
                         std::string_view path) {
    const std::string event =
        fmt::format(R"({{"type": "stock.low", "data": {{}}, "only": {}}})", only);
    refused(status, code, fmt::format("${}", path), "POST", kAcme + "/events", event);
    refused(status, code, fmt::format("$.events[0]{}", path), "POST", kAcme + "/events/batch",
            fmt::format(R"({{"events": [{}]}})", event));
  };
  fault(R"({"dialect": "klingon"})", 400, "dialect_unknown", ".only.dialect");
  fault(R"({"dialect": "stripe"})", 400, "dialect_receives_only", ".only.dialect");
  fault(R"({"endpoint": "none"})", 404, "endpoint_not_found", ".only.endpoint");
  fault(R"({"endpoint": "ep_00000000000000000000000000"})", 404, "endpoint_not_found",
        ".only.endpoint");
  fault(R"({"more": 1})", 400, "member_unknown", ".only.more");
  fault(R"(null)", 400, "member_type", ".only");
}

TEST_F(NativeApiTest, ARefusedEventCanBePublishedAgainWithItsIdempotencyKey) {
  new_endpoint("peptideclients", R"("event_types": ["payment.recorded"])");
  const std::string path = kAcme + "/events";
  refused(400, "event_data_invalid", "$.data.payment_id", "POST", path,
          R"({"type": "payment.recorded", "data": {"payment_id": 5, "order_id": "o1"}})",
          {{"Idempotency-Key", "k"}});
  ok(201, "POST", path,
     R"({"type": "payment.recorded", "data": {"payment_id": "5", "order_id": "o1"}})",
     {{"Idempotency-Key", "k"}});
}

TEST_F(NativeApiTest, EventsAreListedByTypeSubjectAndTime) {
  publish("stock.low");
  clock.run_for(2h);
  ok(201, "POST", kAcme + "/events", R"({"type": "stock.out", "subject": "s1", "data": {}})");
  const auto types = [&](std::string_view query) {
    std::vector<std::string> found;
    const json::value list = ok(200, "GET", kAcme + "/events" + std::string(query));
    for (const json::value& row : at(list, "rows").as_array()) found.push_back(text(row, "type"));
    return found;
  };
  using Types = std::vector<std::string>;
  EXPECT_EQ(types(""), (Types{"stock.out", "stock.low"}));
  EXPECT_EQ(types("?type=stock.low"), Types{"stock.low"});
  EXPECT_EQ(types("?subject=s1"), Types{"stock.out"});
  EXPECT_EQ(types("?since=1h"), Types{"stock.out"});
  EXPECT_EQ(types("?until=1h"), Types{"stock.low"});
  EXPECT_EQ(types("?since=1969-01-01T00:00:00Z"), (Types{"stock.out", "stock.low"}));
  refused(404, "event_not_found", "", "GET", kAcme + "/events/none");
}

TEST_F(NativeApiTest, AnEventIsReplayedToOneEndpointOrToAllThatMatchToday) {
  const json::value event = publish();
  const std::string path = kAcme + "/events/" + text(event, "id") + "/replay";
  EXPECT_EQ(text(ok(202, "POST", path), "unmatched_reason"), "The workspace has no endpoint.");

  const std::string wanting = new_endpoint();
  const std::string other = new_endpoint("standard-webhooks", R"("event_types": ["stock.out"])");
  json::value replayed = ok(202, "POST", path);
  EXPECT_TRUE(at(replayed, "unmatched_reason").is_null());
  EXPECT_EQ(text(replayed, "rows", 0, "endpoint_id"), wanting);
  EXPECT_EQ(text(replayed, "rows", 0, "kind"), "replay");
  replayed = ok(202, "POST", path, fmt::format(R"({{"endpoint": "{}"}})", other));
  EXPECT_EQ(text(replayed, "rows", 0, "endpoint_id"), other);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].body, sent[1].body);
  EXPECT_EQ(
      at(ok(200, "GET", kAcme + "/events/" + text(event, "id")), "deliveries").as_array().size(),
      2u);

  refused(404, "endpoint_not_found", "", "POST", path,
          R"({"endpoint": "ep_00000000000000000000000000"})");
  refused(404, "endpoint_not_found", "$.endpoint", "POST", path, R"({"endpoint": "none"})");
  refused(404, "event_not_found", "", "POST", kAcme + "/events/none/replay");
  refused(404, "event_not_found", "", "POST",
          kAcme + "/events/evt_00000000000000000000000000/replay");
}

TEST_F(NativeApiTest, ADeliveryShowsItsAttempts) {
  new_endpoint("standard-webhooks", R"("retry": ["1m"])");
  receiver = [&](const net::ClientRequest&) {
    return sent.size() == 1 ? answer_with(503, "busy \xff") : answer_with(200, "thanks");
  };
  const json::value event = publish();
  const std::string path = kAcme + "/deliveries/" + text(event, "deliveries", 0, "id");
  json::value delivery = ok(200, "GET", path);
  EXPECT_EQ(text(delivery, "state"), "retrying");
  EXPECT_FALSE(at(delivery, "due_at").is_null());
  EXPECT_TRUE(at(delivery, "finished_at").is_null());
  EXPECT_EQ(text(delivery, "attempts", 0, "node"), "hub-1");
  EXPECT_EQ(text(delivery, "attempts", 0, "outcome"), "refused");
  EXPECT_EQ(text(delivery, "attempts", 0, "status_code"), "503");
  EXPECT_EQ(text(delivery, "attempts", 0, "response_body"), "busy \xEF\xBF\xBD");

  clock.run_for(10min);
  delivery = ok(200, "GET", path);
  EXPECT_EQ(text(delivery, "state"), "succeeded");
  EXPECT_EQ(text(delivery, "attempts_made"), "2");
  EXPECT_TRUE(at(delivery, "due_at").is_null());
  EXPECT_EQ(text(delivery, "attempts", 1, "number"), "2");
  EXPECT_EQ(text(delivery, "attempts", 1, "response_body"), "thanks");
  refused(404, "delivery_not_found", "", "GET", kAcme + "/deliveries/none");
}

TEST_F(NativeApiTest, DeliveriesAreListedByEndpointStateTypeAndTime) {
  const std::string good = new_endpoint("standard-webhooks", R"("event_types": ["stock.low"])");
  const std::string bad =
      new_endpoint("standard-webhooks", R"("event_types": ["stock.out"], "retry": [])");
  receiver = [&](const net::ClientRequest& request) {
    return answer_with(request.body.find("stock.out") == std::string::npos ? 200 : 500);
  };
  publish("stock.low");
  clock.run_for(2h);
  publish("stock.out");
  const auto listed = [&](std::string_view query) {
    std::vector<std::string> found;
    const json::value list = ok(200, "GET", kAcme + "/deliveries" + std::string(query));
    for (const json::value& row : at(list, "rows").as_array()) {
      found.push_back(text(row, "endpoint_id"));
    }
    return found;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed(""), (Ids{bad, good}));
  EXPECT_EQ(listed("?endpoint=" + good), Ids{good});
  EXPECT_EQ(listed("?state=dropped"), Ids{bad});
  EXPECT_EQ(listed("?state=succeeded"), Ids{good});
  EXPECT_EQ(listed("?type=stock.out"), Ids{bad});
  EXPECT_EQ(listed("?since=1h"), Ids{bad});
  EXPECT_EQ(listed("?until=1h&state=dropped"), Ids{});
}

TEST_F(NativeApiTest, ADroppedDeliveryIsRetriedByHand) {
  new_endpoint("standard-webhooks", R"("retry": ["1m"])");
  int status = 500;
  receiver = [&](const net::ClientRequest&) { return answer_with(status); };
  const json::value event = publish();
  const std::string path = kAcme + "/deliveries/" + text(event, "deliveries", 0, "id");
  clock.run_for(1h);
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "dropped");
  EXPECT_EQ(text(ok(200, "GET", path), "attempts_made"), "2");

  json::value retried = ok(202, "POST", path + "/retry");
  EXPECT_EQ(text(retried, "state"), "pending");
  EXPECT_EQ(text(retried, "due_at"), iso_time(clock.now()));
  clock.run_for(1s);
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "retrying") << "the whole schedule is ahead again";
  status = 200;
  ok(202, "POST", path + "/retry");
  clock.run_for(1s);
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "succeeded");
  EXPECT_EQ(sent.size(), 4u);
  refused(409, "delivery_succeeded", "", "POST", path + "/retry");
  refused(404, "delivery_not_found", "", "POST", kAcme + "/deliveries/none/retry");
}

TEST_F(NativeApiTest, ADeliveryOnItsWayIsNotRetried) {
  new_endpoint();
  hold_receiver();
  const json::value event = publish();
  const std::string path = kAcme + "/deliveries/" + text(event, "deliveries", 0, "id");
  const json::value delivery = ok(200, "GET", path);
  EXPECT_EQ(text(delivery, "state"), "delivering");
  EXPECT_TRUE(at(delivery, "due_at").is_null());
  refused(409, "delivery_in_flight", "", "POST", path + "/retry");
  release_receiver();
  settle();
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "succeeded");
}

TEST_F(NativeApiTest, WhatADeletedEndpointLeftIsNotRetried) {
  const std::string endpoint = new_endpoint("standard-webhooks", R"("retry": [])");
  receiver = [](const net::ClientRequest&) { return answer_with(500); };
  const json::value dropped = publish();
  ok(200, "POST", kAcme + "/endpoints/" + endpoint + "/pause");
  const json::value waiting = publish();
  ok(200, "DELETE", kAcme + "/endpoints/" + endpoint);
  const auto path = [&](const json::value& event) {
    return kAcme + "/deliveries/" + text(event, "deliveries", 0, "id") + "/retry";
  };
  refused(409, "endpoint_deleted", "", "POST", path(dropped));
  refused(409, "delivery_cancelled", "", "POST", path(waiting));
  const json::value all =
      ok(202, "POST", kAcme + "/deliveries/retry-dropped", R"({"since": "1h"})");
  EXPECT_EQ(text(all, "retried"), "0");
}

TEST_F(NativeApiTest, AllDroppedDeliveriesSinceATimeAreRetried) {
  const std::string first = new_endpoint("standard-webhooks", R"("retry": [])");
  new_endpoint("standard-webhooks", R"("retry": [])");
  int status = 500;
  receiver = [&](const net::ClientRequest&) { return answer_with(status); };
  publish();
  clock.run_for(3h);
  publish();
  publish();
  clock.run_for(1min);
  ASSERT_EQ(sent.size(), 6u);

  status = 200;
  const std::string path = kAcme + "/deliveries/retry-dropped";
  json::value retried =
      ok(202, "POST", path, fmt::format(R"({{"since": "1h", "endpoint": "{}"}})", first));
  EXPECT_EQ(text(retried, "retried"), "2");
  EXPECT_EQ(text(retried, "more"), "false");
  clock.run_for(1s);
  EXPECT_EQ(sent.size(), 8u);
  retried = ok(202, "POST", path, R"({"since": "2026-01-01T00:00:00Z"})");
  EXPECT_EQ(text(retried, "retried"), "4");
  clock.run_for(1s);
  EXPECT_EQ(at(ok(200, "GET", kAcme + "/deliveries?state=dropped"), "rows"), json::array());

  refused(400, "member_missing", "$.since", "POST", path, "{}");
  refused(400, "member_invalid", "$.since", "POST", path, R"({"since": "soon"})");
  refused(404, "endpoint_not_found", "$.endpoint", "POST", path,
          R"({"since": "1h", "endpoint": "x"})");
  refused(404, "endpoint_not_found", "", "POST", path,
          R"({"since": "1h", "endpoint": "ep_00000000000000000000000000"})");
}

}  // namespace
}  // namespace waybill::surfaces::native
