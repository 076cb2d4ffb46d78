// PROIGN's API as its callers see it, requirement by requirement: R-PG-1 to R-PG-7, R-PG-30, and
// what platforms.md §5.2 and §5.3 say of answers, errors, keys and limits.

#include "surfaces/proign/proign_api.h"

#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "surfaces/hub_fixture.h"

namespace waybill::surfaces::proign {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// The body on PROIGN's page, member by member.
constexpr std::string_view kSubscription =
    R"({"event_type": "order.shipped", "target_module": "external",)"
    R"( "webhook_url": "https://your-app.example/webhooks/proign",)"
    R"( "secret": "your-webhook-secret", "filter": {"shipping_method": "express"}})";
constexpr std::string_view kSubscriptions = "/api/acme/subscriptions";
constexpr std::string_view kEvents = "/api/acme/events";

class ProignApiTest : public HubFixture {
 public:
  explicit ProignApiTest(const Limits& limits = {.reads_per_minute = 0, .writes_per_minute = 0})
      : api(native_api.services(), limits) {
    api.add_routes(router);
    for (const char* slug : {"acme", "other"}) {
      call("POST", "/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slug));
    }
    key = new_key("acme");
  }

  std::string new_key(std::string_view workspace) {
    return std::string(json_of(call("POST", fmt::format("/hub/v1/workspaces/{}/keys", workspace),
                                    R"({"platform":"proign"})"))
                           .at("key")
                           .as_string());
  }

  net::Response ask(std::string_view method, std::string_view target, std::string_view body = {},
                    Headers more = {}) {
    more.push_back({"X-API-Key", key});
    return call(method, target, body, std::move(more));
  }
  // The data of what has to succeed with `status`.
  json::value ok(int status, std::string_view method, std::string_view target,
                 std::string_view body = {}) {
    const net::Response answer = ask(method, target, body);
    EXPECT_EQ(answer.status, status) << method << " " << target << "\n" << answer.body;
    return json_of(answer).at("data");
  }
  void refused(int status, std::string_view code, const net::Response& answer) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const json::value body = json_of(answer);
    // R: errors are {"error", "code"} and nothing else.
    ASSERT_EQ(body.as_object().size(), 2u) << answer.body;
    EXPECT_FALSE(body.at("error").as_string().empty());
    EXPECT_EQ(body.at("code").as_string(), code) << answer.body;
  }

  std::string subscribe(std::string_view body = kSubscription) {
    return std::string(ok(201, "POST", kSubscriptions, body).at("id").as_string());
  }
  static std::string at(std::string_view id, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kSubscriptions, id, more);
  }
  std::size_t endpoint_count() {
    return json_of(call("GET", "/hub/v1/workspaces/acme/endpoints")).at("rows").as_array().size();
  }

  ProignApi api;
  std::string key;
};

// The subscription of the page with one text replaced by another.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kSubscription);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST_F(ProignApiTest, ASubscriptionIsCreatedAsDocumentedAndItsSecretIsNotShown) {  // R-PG-1 to -5
  const net::Response answer = ask("POST", kSubscriptions, kSubscription);
  EXPECT_EQ(answer.status, 201);
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  const json::value data = json_of(answer).at("data");
  EXPECT_THAT(std::string(data.at("id").as_string()), testing::StartsWith("sub_"));
  EXPECT_EQ(data.at("event_type").as_string(), "order.shipped");
  EXPECT_EQ(data.at("target_module").as_string(), "external");
  EXPECT_EQ(data.at("webhook_url").as_string(), "https://your-app.example/webhooks/proign");
  EXPECT_EQ(write_json(data.at("filter")), R"({"shipping_method":"express"})");
  EXPECT_EQ(data.at("status").as_string(), "active");
  EXPECT_EQ(data.at("created_at").as_string(), "2026-01-01T12:00:00Z");
  EXPECT_EQ(endpoint_count(), 1u) << "it is an endpoint like any other";
}

TEST_F(ProignApiTest, SubscriptionsAreReadAndListedWithPagination) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(subscribe());
  EXPECT_EQ(ok(200, "GET", at(ids[1])).at("id").as_string(), ids[1]);

  const net::Response answer = ask("GET", fmt::format("{}?limit=2&offset=1", kSubscriptions));
  EXPECT_EQ(answer.status, 200);
  const json::value body = json_of(answer);
  EXPECT_EQ(write_json(body.at("pagination")), R"({"total":3,"limit":2,"offset":1})");
  ASSERT_EQ(body.at("data").as_array().size(), 2u) << "newest first";
  EXPECT_EQ(body.at("data").as_array()[0].at("id").as_string(), ids[1]);
  EXPECT_EQ(body.at("data").as_array()[1].at("id").as_string(), ids[0]);
  EXPECT_THAT(answer.body, Not(HasSubstr("your-webhook-secret")));
  refused(400, "QUERY_INVALID", ask("GET", "/api/acme/subscriptions?offset=-1"));
  refused(400, "QUERY_UNKNOWN", ask("GET", "/api/acme/subscriptions?page=2"));
}

TEST_F(ProignApiTest, ADeletedSubscriptionIsGone) {
  const std::string id = subscribe();
  EXPECT_EQ(ok(200, "DELETE", at(id)).at("id").as_string(), id);
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("GET", at(id)));
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("DELETE", at(id)));
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("POST", at(id, "/test")));
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("GET", at(id, "/deliveries")));
  EXPECT_EQ(endpoint_count(), 0u);
}

TEST_F(ProignApiTest, RefusesWhatIsNoSubscription) {
  struct Case {
    std::string body;
    const char* code;
  };
  for (const Case& c : {
           Case{"{", "MALFORMED_JSON"},
           Case{with(R"("event_type": "order.shipped", )", ""), "MEMBER_MISSING"},
           Case{with("order.shipped", "order.teleported"), "EVENT_TYPE_UNKNOWN"},
           Case{with("order.shipped", "*"), "EVENT_TYPE_UNKNOWN"},  // R-PG-5: one
           Case{with(R"("order.shipped")", R"(["order.shipped"])"), "MEMBER_TYPE"},
           Case{with("external", "inventory"), "TARGET_MODULE_INVALID"},
           Case{with("https://your-app.example/webhooks/proign", "nonsense"), "URL_INVALID"},
           Case{with("https://", "http://"), "URL_NOT_HTTPS"},  // R-PG-30
           Case{with("your-app.example", "127.0.0.1"), "ADDRESS_BLOCKED"},
           Case{with(R"( "secret": "your-webhook-secret",)", ""), "MEMBER_MISSING"},  // R-PG-3
           Case{with("your-webhook-secret", std::string(257, 'x')), "SECRET_INVALID"},
           Case{with(R"({"shipping_method": "express"})", R"("express")"), "MEMBER_TYPE"},
           Case{with("shipping_method", "$or"), "FILTER_INVALID"},
           Case{with("shipping_method", "order.method"), "FILTER_INVALID"},
           Case{with(R"("express")", R"({"$ne": "express"})"), "FILTER_INVALID"},
           Case{with(R"("express")", "[1]"), "FILTER_INVALID"},
           Case{with(R"("express")", "null"), "FILTER_INVALID"},
           Case{with("express", std::string(4'096, 'x')), "FILTER_INVALID"},
           Case{with(R"("filter")", R"("filters")"), "MEMBER_UNKNOWN"},
       }) {
    refused(400, c.code, ask("POST", kSubscriptions, c.body));
    EXPECT_EQ(endpoint_count(), 0u) << c.body;
  }
  refused(400, "MEDIA_TYPE_UNSUPPORTED",
          ask("POST", kSubscriptions, kSubscription, {{"Content-Type", "text/plain"}}));
}

// R-PG-4, A-PG-6: equality with top-level members of the data; a missing one does not match.
TEST_F(ProignApiTest, AFilterNarrowsWhatIsDelivered) {
  subscribe();
  const auto ship = [&](std::string_view more) {
    ok(201, "POST", kEvents,
       fmt::format(R"({{"type":"order.shipped","data":{{"order_id":"1"{}}}}})", more));
    return sent.size();
  };
  EXPECT_EQ(ship(R"(,"shipping_method":"standard")"), 0u);
  EXPECT_EQ(ship(""), 0u);
  EXPECT_EQ(ship(R"(,"shipping_method":"express")"), 1u);
}

TEST_F(ProignApiTest, AnEmptyFilterIsNone) {
  const std::string empty = subscribe(with(R"({"shipping_method": "express"})", "{}"));
  EXPECT_EQ(write_json(ok(200, "GET", at(empty)).at("filter")), "{}");
  const std::string none = subscribe(with(R"(, "filter": {"shipping_method": "express"})", ""));
  EXPECT_EQ(write_json(ok(200, "GET", at(none)).at("filter")), "{}");
}

TEST_F(ProignApiTest, TakesTheKeyAsHeaderOrAsBearerAndForItsOwnTenantAlone) {  // A-PG-9, §5.2
  EXPECT_THAT(key, testing::StartsWith("pk_live_"));
  EXPECT_EQ(call("GET", kEvents, {}, {{"X-API-Key", key}}).status, 200);
  EXPECT_EQ(call("GET", kEvents, {}, {{"Authorization", "Bearer " + key}}).status, 200);
  refused(401, "KEY_MISSING", call("GET", kEvents));
  refused(401, "KEY_UNKNOWN", call("GET", kEvents, {}, {{"X-API-Key", "pk_live_wrong"}}));
  const auto existing = ask("GET", "/api/other/events");
  const auto imagined = ask("GET", "/api/nobody/events");
  refused(403, "WORKSPACE_FORBIDDEN", existing);
  EXPECT_EQ(existing.body, imagined.body) << "no hint whether the tenant exists";

  const std::string waybill = std::string(json_of(call("POST", "/hub/v1/workspaces/acme/keys",
                                                       R"({"platform":"waybill","scopes":["*"]})"))
                                              .at("key")
                                              .as_string());
  refused(401, "KEY_UNKNOWN", call("GET", kEvents, {}, {{"X-API-Key", waybill}}));
}

TEST_F(ProignApiTest, BothAddressesAreTheSameResources) {  // A-PG-5
  const auto created = ok(201, "POST", "/acme/events/api/subscriptions", kSubscription);
  const std::string id(created.at("id").as_string());
  EXPECT_EQ(ok(200, "GET", at(id)), created);
  EXPECT_EQ(ok(200, "GET", "/acme/events/api/subscriptions/" + id), created);
  EXPECT_EQ(ok(200, "GET", "/acme/events/api/events").as_array().size(), 0u);
  for (const char* path : {"/api/acme/subscriptions", "/acme/events/api/events/x", "/api/x"}) {
    EXPECT_TRUE(ProignApi::serves(path)) << path;
  }
  for (const char* path : {"/", "/hub/v1/events", "/acme/events", "/acme/event/api/x"}) {
    EXPECT_FALSE(ProignApi::serves(path)) << path;
  }
}

TEST_F(ProignApiTest, ATestIsSentAtOnceAndSigned) {  // R-PG-6, R-PG-21, R-PG-22
  const std::string id = subscribe();
  const json::value tested = ok(200, "POST", at(id, "/test"));
  ASSERT_EQ(sent.size(), 1u);
  const net::ClientRequest& request = sent[0];
  EXPECT_EQ(request.url.host, "your-app.example");
  EXPECT_EQ(*net::find_header(request.headers, "X-Proign-Signature"),
            "sha256=" + hex(crypto::hmac_sha256(as_bytes("your-webhook-secret"), {request.body})));
  EXPECT_EQ(*net::find_header(request.headers, "X-Proign-Delivery-ID"),
            tested.at("delivery_id").as_string());
  const json::value body = parse_json(request.body).value();
  EXPECT_EQ(body.at("id"), tested.at("event_id"));
  EXPECT_EQ(body.at("type").as_string(), "order.shipped");
}

TEST_F(ProignApiTest, TheHistoryHasARowForEachRequest) {  // R-PG-7, A-PG-10
  const std::string id = subscribe();
  receiver = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    net::ClientResponse response;
    response.status = 503;
    return response;
  };
  const json::value tested = ok(200, "POST", at(id, "/test"));
  receiver = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    return fail(Code::kUnavailable, "connection_refused", "Nobody listens there.");
  };
  clock.run_for(1min);
  receiver = {};
  clock.run_for(5min);
  ASSERT_EQ(sent.size(), 3u);

  const json::value body = json_of(ask("GET", at(id, "/deliveries?limit=2")));
  EXPECT_EQ(write_json(body.at("pagination")), R"({"total":3,"limit":2,"offset":0})");
  const json::array& rows = body.at("data").as_array();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("status").as_string(), "delivered");
  EXPECT_EQ(rows[0].at("attempt"), json::value(3));
  EXPECT_EQ(rows[0].at("status_code"), json::value(200));
  EXPECT_EQ(rows[0].at("event_id"), tested.at("event_id"));
  EXPECT_EQ(rows[0].at("event_type").as_string(), "order.shipped");
  EXPECT_EQ(rows[0].at("sent_at").as_string(), "2026-01-01T12:06:00Z");
  EXPECT_EQ(rows[0].at("id").as_string(),
            *net::find_header(sent[2].headers, "X-Proign-Delivery-ID"));
  EXPECT_EQ(rows[1].at("status").as_string(), "failed");
  EXPECT_TRUE(rows[1].at("status_code").is_null());
  EXPECT_EQ(rows[1].at("error").as_string(), "Nobody listens there.");

  const json::value last = ok(200, "GET", at(id, "/deliveries?offset=2"));
  ASSERT_EQ(last.as_array().size(), 1u);
  EXPECT_EQ(last.as_array()[0].at("status_code"), json::value(503));
  EXPECT_TRUE(last.as_array()[0].at("error").is_null());
}

TEST_F(ProignApiTest, AnEventIsPublishedInPROIGNsWordsAndShownAsItIsSent) {
  subscribe(with(R"({"shipping_method": "express"})", "{}"));
  const json::value published =
      ok(201, "POST", kEvents,
         R"({"type": "order.shipped", "data": {"order_id": "ord_123", "tracking_number":)"
         R"( "1Z999AA10123456784", "carrier": "UPS", "shipped_at": "2024-01-15T10:30:00Z"}})");
  const std::string id(published.at("id").as_string());
  // R-PG-19, R-PG-20: byte for byte.
  const std::string envelope =
      R"({"id":")" + id +
      R"(","type":"order.shipped","timestamp":"2026-01-01T12:00:00Z","tenant_id":"acme","data":)"
      R"({"order_id":"ord_123","tracking_number":"1Z999AA10123456784","carrier":"UPS",)"
      R"("shipped_at":"2024-01-15T10:30:00Z"}})";
  EXPECT_EQ(write_json(published), envelope);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].body, envelope);
  EXPECT_EQ(write_json(ok(200, "GET", fmt::format("{}/{}", kEvents, id))), envelope);
  EXPECT_EQ(write_json(ok(200, "GET", kEvents)), "[" + envelope + "]");
}

// PROIGN's sale.recorded is the hub's counter_sale.recorded: other platforms' sales are orders.
TEST_F(ProignApiTest, PublishedEventsAreKeptUnderTheirCanonicalName) {
  const json::value published =
      ok(201, "POST", kEvents, R"({"type": "sale.recorded", "data": {"sale_id": "CS-1"}})");
  EXPECT_EQ(published.at("type").as_string(), "sale.recorded");
  const std::string path =
      "/hub/v1/workspaces/acme/events/" + std::string(published.at("id").as_string());
  EXPECT_EQ(json_of(call("GET", path)).at("type").as_string(), "counter_sale.recorded");
}

TEST_F(ProignApiTest, RefusesWhatIsNoEvent) {
  for (const auto& [body, code] : std::vector<std::pair<std::string, std::string>>{
           {R"({"type": "order.delivered", "data": {}})", "EVENT_TYPE_UNKNOWN"},  // A-PG-8
           {R"({"type": "webhook.test", "data": {}})", "EVENT_TYPE_UNKNOWN"},
           {R"({"data": {}})", "MEMBER_MISSING"},
           {R"({"type": "stock.low"})", "MEMBER_MISSING"},
           {R"({"type": "stock.low", "data": []})", "MEMBER_TYPE"},
           {R"({"type": "order.shipped", "data": {}})", "EVENT_DATA_UNFIT"},
           {R"({"type": "order.shipped", "data": {"order_id": "1", "shipped_at": "today"}})",
            "EVENT_DATA_UNFIT"}}) {
    refused(400, code, ask("POST", kEvents, body));
  }
  EXPECT_EQ(ok(200, "GET", kEvents).as_array().size(), 0u);
}

TEST_F(ProignApiTest, EventsAreListedByTypeAndTime) {
  const auto publish = [&](std::string_view type, std::string_view data) {
    return ok(201, "POST", kEvents, fmt::format(R"({{"type":"{}","data":{}}})", type, data));
  };
  publish("stock.low", R"({"item_code":"A4"})");
  clock.run_for(1h);
  publish("sale.recorded", R"({"sale_id":"1"})");
  publish("sale.recorded", R"({"sale_id":"2"})");
  // PROIGN has no word for it.
  call("POST", "/hub/v1/workspaces/acme/events", R"({"type":"search.started","data":{}})");

  const auto count = [&](std::string_view query) {
    const json::value body = json_of(ask("GET", fmt::format("{}?{}", kEvents, query)));
    EXPECT_EQ(body.at("pagination").at("total").to_number<std::size_t>(),
              body.at("data").as_array().size());
    return body.at("data").as_array().size();
  };
  EXPECT_EQ(count(""), 3u);
  EXPECT_EQ(count("type=sale.recorded"), 2u);
  EXPECT_EQ(count("since=2026-01-01T12:30:00Z"), 2u);
  EXPECT_EQ(count("until=2026-01-01T12:30:00Z"), 1u);
  refused(400, "EVENT_TYPE_UNKNOWN", ask("GET", "/api/acme/events?type=search.started"));
}

TEST_F(ProignApiTest, WhatPROIGNHasNoWordForIsNotThere) {
  const std::string other(
      json_of(call("POST", "/hub/v1/workspaces/acme/endpoints",
                   R"({"dialect":"standard-webhooks","url":"https://other.example/"})"))
          .at("id")
          .as_string());
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("GET", at(other)));
  refused(404, "SUBSCRIPTION_NOT_FOUND", ask("DELETE", at(other)));
  EXPECT_EQ(ok(200, "GET", kSubscriptions).as_array().size(), 0u);
  const std::string event(json_of(call("POST", "/hub/v1/workspaces/acme/events",
                                       R"({"type":"search.started","data":{}})"))
                              .at("id")
                              .as_string());
  refused(404, "EVENT_NOT_FOUND", ask("GET", fmt::format("{}/{}", kEvents, event)));
  refused(404, "EVENT_NOT_FOUND", ask("POST", fmt::format("{}/{}/replay", kEvents, event)));
  refused(404, "EVENT_NOT_FOUND", ask("GET", "/api/acme/events/nonsense"));
}

TEST_F(ProignApiTest, AnEventIsReplayedWithTheSameId) {  // R-PG-31
  const std::string id = subscribe(
      R"({"event_type": "ticket.created", "target_module": "external",)"
      R"( "webhook_url": "https://your-app.example/tickets", "secret": "another-secret"})");
  const json::value event =
      ok(201, "POST", kEvents, R"({"type": "ticket.created", "data": {"ticket_id": "TKT-1"}})");
  const std::size_t before = sent.size();
  const json::value replayed = ok(
      200, "POST", fmt::format("{}/{}/replay", kEvents, std::string(event.at("id").as_string())));
  EXPECT_EQ(replayed.at("event_id"), event.at("id"));
  EXPECT_EQ(replayed.at("deliveries"), json::value(1));
  ASSERT_EQ(sent.size(), before + 1);
  EXPECT_EQ(sent[before].body, sent[before - 1].body);
  EXPECT_EQ(ok(200, "GET", at(id, "/deliveries")).as_array().size(), 2u);
}

TEST_F(ProignApiTest, ARepeatWithItsIdempotencyKeyMakesNothingNew) {
  const Headers once = {{"Idempotency-Key", "once"}};
  const net::Response first = ask("POST", kSubscriptions, kSubscription, once);
  const net::Response again = ask("POST", kSubscriptions, kSubscription, once);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  ASSERT_NE(net::find_header(again.headers, "Idempotent-Replay"), nullptr);
  EXPECT_EQ(endpoint_count(), 1u);
  // PROIGN's pages know no 409.
  refused(400, "IDEMPOTENCY_CONFLICT",
          ask("POST", kSubscriptions, with("order.shipped", "order.packed"), once));
  // The same key at the hub's own door is another one.
  EXPECT_EQ(call("POST", "/hub/v1/workspaces/acme/suppliers", R"({"name":"Paper"})", once).status,
            201);
}

TEST_F(ProignApiTest, EveryChangeIsInTheAuditLog) {
  const std::string id = subscribe();
  ok(200, "POST", at(id, "/test"));
  ok(200, "DELETE", at(id));
  const net::Response log = call("GET", "/hub/v1/workspaces/acme/audit");
  for (const char* action : {"endpoint.create", "endpoint.test", "endpoint.delete"}) {
    EXPECT_THAT(log.body, HasSubstr(action));
  }
  EXPECT_THAT(log.body, Not(HasSubstr("your-webhook-secret")));
}

TEST_F(ProignApiTest, AMissIsToldInPROIGNsShape) {
  refused(404, "ROUTE_NOT_FOUND", ProignApi::render_miss({}));
  const net::Response wrong = ProignApi::render_miss({Code::kNotFound, {"GET", "POST"}});
  refused(405, "METHOD_NOT_ALLOWED", wrong);
  EXPECT_EQ(*net::find_header(wrong.headers, "Allow"), "GET, POST");
  refused(400, "PATH_MALFORMED", ProignApi::render_miss({Code::kInvalid, {}}));
  const net::Response busy = ProignApi::render_error({Code::kUnavailable, "busy", "Later."});
  refused(503, "BUSY", busy);
  EXPECT_EQ(*net::find_header(busy.headers, "Retry-After"), "1");
  refused(500, "INTERNAL", ProignApi::render_error({Code::kInternal, "sql", "Broken."}));
}

class ProignLimitsTest : public ProignApiTest {
 public:
  ProignLimitsTest() : ProignApiTest(Limits()) {}
};

TEST_F(ProignLimitsTest, ATenantReads100TimesAndWrites30TimesAMinute) {  // §5.2
  const std::string second_key = new_key("acme");
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(ask("POST", kEvents, R"({"type":"stock.low","data":{"item_code":"A"}})").status, 201);
  }
  clock.run_for(20s);
  const net::Response write = ask("DELETE", at("sub_x"));
  refused(429, "RATE_LIMITED", write);
  EXPECT_EQ(*net::find_header(write.headers, "Retry-After"), "40");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask("GET", kSubscriptions).status, 200);
  refused(429, "RATE_LIMITED", ask("GET", kSubscriptions));
  refused(429, "RATE_LIMITED", call("GET", kSubscriptions, {}, {{"X-API-Key", second_key}}));

  clock.run_for(40s);
  EXPECT_EQ(ask("GET", kSubscriptions).status, 200);
}

}  // namespace
}  // namespace waybill::surfaces::proign
