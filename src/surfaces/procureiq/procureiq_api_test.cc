// ProcureIQ's API of webhooks as its callers see it: platforms.md §2.2 (registration, keys, errors,
// rate limits) and §2.4 (what its pages leave open, as suggested there).

#include "surfaces/procureiq/procureiq_api.h"

#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "store/api_keys.h"
#include "surfaces/hub_fixture.h"

namespace waybill::surfaces::procureiq {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kWebhooks = "/api/v1/webhooks";
constexpr std::string_view kWebhook =
    R"({"name": "ERP", "url": "https://erp.example/webhooks/procureiq",)"
    R"( "events": ["order.created", "search.started"]})";

class ProcureIqApiTest : public HubFixture {
 public:
  explicit ProcureIqApiTest(const Limits& limits = {.calls_per_hour = 0, .calls_per_day = 0})
      : api(native_api.services(), limits) {
    api.add_routes(router);
    for (const char* slug : {"acme", "other"}) {
      call("POST", "/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slug));
    }
    key = new_key();
  }

  std::string new_key(std::string_view workspace = "acme") {
    return std::string(json_of(call("POST", fmt::format("/hub/v1/workspaces/{}/keys", workspace),
                                    R"({"platform":"procureiq"})"))
                           .at("key")
                           .as_string());
  }

  net::Response ask(std::string_view method, std::string_view target, std::string_view body = {},
                    Headers more = {}) {
    more.push_back({"x-api-key", key});
    return call(method, target, body, std::move(more));
  }
  json::value ok(int status, std::string_view method, std::string_view target,
                 std::string_view body = {}) {
    const net::Response answer = ask(method, target, body);
    EXPECT_EQ(answer.status, status) << method << " " << target << "\n" << answer.body;
    const json::value read = json_of(answer);
    EXPECT_EQ(read.at("success"), json::value(true));
    return read.at("data");
  }
  // The shape of §2.2's errors page: two members and no more. Our word for it is in a header.
  void refused(int status, std::string_view code, const net::Response& answer) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const json::value body = json_of(answer);
    ASSERT_EQ(body.as_object().size(), 2u) << answer.body;
    EXPECT_EQ(body.at("success"), json::value(false));
    EXPECT_FALSE(body.at("error").as_string().empty());
    const std::string* word = net::find_header(answer.headers, "X-Error-Code");
    ASSERT_NE(word, nullptr);
    EXPECT_EQ(*word, code) << answer.body;
  }

  json::value enrol(std::string_view body = kWebhook) { return ok(201, "POST", kWebhooks, body); }
  static std::string at(const json::value& webhook, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kWebhooks, std::string(webhook.at("id").as_string()), more);
  }
  std::size_t endpoint_count() {
    return json_of(call("GET", "/hub/v1/workspaces/acme/endpoints")).at("rows").as_array().size();
  }

  ProcureIqApi api;
  std::string key;
};

std::string with(std::string_view from, std::string_view to) {
  std::string text(kWebhook);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST_F(ProcureIqApiTest, AWebhookIsRegisteredAndItsSecretShownOnce) {
  const json::value made = enrol();
  EXPECT_THAT(std::string(made.at("id").as_string()), testing::StartsWith("wh_"));
  EXPECT_EQ(made.at("name").as_string(), "ERP");
  EXPECT_EQ(made.at("url").as_string(), "https://erp.example/webhooks/procureiq");
  EXPECT_EQ(write_json(made.at("events")), R"(["order.created","search.started"])");
  EXPECT_EQ(made.at("active"), json::value(true));
  EXPECT_EQ(made.at("createdAt").as_string(), "2026-01-01T12:00:00.000Z");
  const std::string secret(made.at("secret").as_string());
  EXPECT_GE(secret.size(), 32u);

  const json::value read = ok(200, "GET", at(made));
  EXPECT_FALSE(read.as_object().contains("secret"));
  EXPECT_THAT(ask("GET", kWebhooks).body, Not(HasSubstr(secret)));
  EXPECT_THAT(call("GET", "/hub/v1/workspaces/acme/audit").body, Not(HasSubstr(secret)));
}

TEST_F(ProcureIqApiTest, TakesTheKeyAsHeaderOrAsBearer) {
  EXPECT_THAT(key, testing::StartsWith("piq_live_"));
  EXPECT_EQ(call("GET", kWebhooks, {}, {{"x-api-key", key}}).status, 200);
  EXPECT_EQ(call("GET", kWebhooks, {}, {{"Authorization", "Bearer " + key}}).status, 200);
  refused(401, "key_missing", call("GET", kWebhooks));
  const net::Response wrong = call("GET", kWebhooks, {}, {{"x-api-key", "piq_live_wrong"}});
  refused(401, "key_unknown", wrong);
  EXPECT_EQ(wrong.body, R"({"success":false,"error":"Invalid API key"})") << "byte for byte";
}

TEST_F(ProcureIqApiTest, AKeyNeedsTheScopeWebhooksManage) {
  const model::WorkspaceId acme = *model::WorkspaceId::parse(
      std::string(json_of(call("GET", "/hub/v1/workspaces/acme")).at("id").as_string()));
  for (const auto& [scope, status] : std::vector<std::pair<std::string, int>>{
           {"webhooks:manage", 200}, {"webhooks:*", 200}, {"*", 200}, {"orders:read", 403}}) {
    const Secret text = model::new_key_text(model::KeyPlatform::kProcureIq);
    model::ApiKey made;
    made.id = ids.next_id<model::ApiKeyId>();
    made.workspace_id = acme;
    made.platform = model::KeyPlatform::kProcureIq;
    made.prefix = model::key_prefix(made.platform, made.kind, text);
    made.hash = model::key_hash(text.reveal());
    made.scopes = {scope};
    made.created_at = clock.now();
    ASSERT_TRUE(run(database->run(
        [&](store::Connection& connection) { return store::api_keys::insert(connection, made); })));
    key = text.reveal();
    EXPECT_EQ(ask("GET", kWebhooks).status, status) << scope;
    // Its own standing anybody may see.
    EXPECT_EQ(ask("GET", "/api/v1/me/rate-limit-status").status, 200) << scope;
  }
  refused(403, "scope_missing", ask("POST", kWebhooks, kWebhook));
  EXPECT_EQ(endpoint_count(), 0u);
}

TEST_F(ProcureIqApiTest, WebhooksAreListedNewestFirst) {
  const json::value first = enrol();
  const json::value second = enrol(with("ERP", "CRM"));
  const json::value body = json_of(ask("GET", kWebhooks));
  EXPECT_EQ(write_json(body.at("pagination")), R"({"total":2,"limit":50,"offset":0})");
  ASSERT_EQ(body.at("data").as_array().size(), 2u);
  EXPECT_EQ(body.at("data").as_array()[0].at("id"), second.at("id"));
  const json::value next = ok(200, "GET", "/api/v1/webhooks?limit=1&offset=1");
  ASSERT_EQ(next.as_array().size(), 1u);
  EXPECT_EQ(next.as_array()[0].at("id"), first.at("id"));
}

TEST_F(ProcureIqApiTest, RefusesWhatIsNoWebhook) {
  for (const auto& [body, code] : std::vector<std::pair<std::string, std::string>>{
           {"[", "malformed_json"},
           {with(R"("name": "ERP", )", ""), "member_missing"},
           {with("ERP", " "), "member_invalid"},
           {R"({"name": "ERP", "events": ["order.created"]})", "member_missing"},
           {R"({"name": "ERP", "url": "https://erp.example/"})", "member_missing"},
           {with("https://erp.example", "nonsense"), "url_invalid"},
           {with("erp.example", "[::1]"), "address_blocked"},
           {with("search.started", "order.teleported"), "event_type_unknown"},
           {with(R"(["order.created", "search.started"])", "[]"), "member_invalid"},
           {with(R"("name")", R"("secret": "mine", "name")"), "member_unknown"}}) {
    refused(400, code, ask("POST", kWebhooks, body));
    EXPECT_EQ(endpoint_count(), 0u) << body;
  }
}

TEST_F(ProcureIqApiTest, AWebhookIsChangedInPartOrReplaced) {
  const json::value made = enrol();
  clock.run_for(1min);
  const json::value renamed = ok(200, "PATCH", at(made), R"({"name": "Shop"})");
  EXPECT_EQ(renamed.at("name").as_string(), "Shop");
  EXPECT_EQ(renamed.at("url"), made.at("url"));
  EXPECT_EQ(renamed.at("updatedAt").as_string(), "2026-01-01T12:01:00.000Z");
  const json::value replaced = ok(
      200, "PUT", at(made), R"({"name": "Both", "url": "https://both.example/", "events": ["*"]})");
  EXPECT_EQ(replaced.at("url").as_string(), "https://both.example/");
  EXPECT_EQ(write_json(replaced.at("events")), R"(["*"])");
  EXPECT_EQ(ok(200, "GET", at(made)), replaced);
  refused(400, "member_missing", ask("PUT", at(made), R"({"name": "Both"})"));
  refused(400, "url_invalid", ask("PATCH", at(made), R"({"url": "x"})"));
  EXPECT_THAT(call("GET", "/hub/v1/workspaces/acme/audit?action=endpoint.update").body,
              HasSubstr("both.example"));
  // What is sent from now on goes to the new address.
  ok(202, "POST", at(made, "/test"));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].url.host, "both.example");
}

TEST_F(ProcureIqApiTest, AWebhookIsSwitchedOffAndOn) {
  const json::value made = enrol();
  EXPECT_EQ(ok(200, "PATCH", at(made), R"({"active": false})").at("active"), json::value(false));
  ok(202, "POST", at(made, "/test"));
  EXPECT_EQ(sent.size(), 0u) << "held";
  EXPECT_EQ(ok(200, "PATCH", at(made), R"({"active": true})").at("status").as_string(), "active");
  settle();
  EXPECT_EQ(sent.size(), 1u) << "and sent now";
  refused(400, "member_invalid", ask("PATCH", at(made), R"({"active": true, "name": "x"})"));
  refused(400, "member_type", ask("PATCH", at(made), R"({"active": "yes"})"));
}

// A receiver that answers 410 wants no more; its owner can switch it on again.
TEST_F(ProcureIqApiTest, AWebhookThatIsGoneIsSwitchedOnAgain) {
  const json::value made = enrol();
  receiver = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    net::ClientResponse response;
    response.status = 410;
    return response;
  };
  ok(202, "POST", at(made, "/test"));
  EXPECT_EQ(ok(200, "GET", at(made)).at("status").as_string(), "deactivated");
  EXPECT_EQ(ok(200, "PATCH", at(made), R"({"active": true})").at("status").as_string(), "active");
}

TEST_F(ProcureIqApiTest, ADeletedWebhookIsGone) {
  const json::value made = enrol();
  EXPECT_EQ(ok(200, "DELETE", at(made)).at("id"), made.at("id"));
  for (const auto& [method, more] : std::vector<std::pair<std::string, std::string>>{
           {"GET", ""}, {"DELETE", ""}, {"POST", "/test"}, {"GET", "/deliveries"}}) {
    refused(404, "webhook_not_found", ask(method, at(made, more)));
  }
  refused(404, "webhook_not_found", ask("PATCH", at(made), R"({"name": "x"})"));
  EXPECT_EQ(endpoint_count(), 0u);
}

TEST_F(ProcureIqApiTest, SeesNoEndpointOfOtherDialectsOrWorkspaces) {
  const json::value mine = enrol();
  const std::string other_dialect(
      json_of(call("POST", "/hub/v1/workspaces/acme/endpoints",
                   R"({"dialect":"standard-webhooks","url":"https://other.example/"})"))
          .at("id")
          .as_string());
  refused(404, "webhook_not_found", ask("GET", fmt::format("{}/{}", kWebhooks, other_dialect)));
  EXPECT_EQ(ok(200, "GET", kWebhooks).as_array().size(), 1u);
  key = new_key("other");
  refused(404, "webhook_not_found", ask("GET", at(mine)));
  EXPECT_EQ(ok(200, "GET", kWebhooks).as_array().size(), 0u);
}

TEST_F(ProcureIqApiTest, ATestIsSignedWithTheSecretThatWasShown) {  // R-PQ-3 to R-PQ-7
  const json::value made = enrol();
  const std::string secret(made.at("secret").as_string());
  const json::value tested = ok(202, "POST", at(made, "/test"));
  ASSERT_EQ(sent.size(), 1u);
  const auto header = [&](std::string_view name) {
    const std::string* value = net::find_header(sent[0].headers, name);
    return value ? *value : std::string();
  };
  EXPECT_EQ(header("x-procureiq-signature"),
            "sha256=" + hex(crypto::hmac_sha256(as_bytes(secret), {sent[0].body})));
  EXPECT_EQ(header("x-procureiq-event"), "search.started");
  EXPECT_EQ(header("x-procureiq-delivery"), tested.at("deliveryId").as_string());
  EXPECT_EQ(parse_json(sent[0].body)->at("id"), tested.at("eventId"));
}

TEST_F(ProcureIqApiTest, DeliveriesAreListedAndReplayed) {  // R-PQ-49
  const json::value made = enrol();
  const net::Response publish =
      call("POST", "/hub/v1/workspaces/acme/events",
           R"({"type":"search.started","data":{"search_result_id":"sr_1","brief_id":"b",)"
           R"("user_id":"u","product_type":"paper"}})");
  EXPECT_EQ(publish.status, 201) << publish.body;
  const json::value body = json_of(ask("GET", at(made, "/deliveries?limit=1")));
  ASSERT_EQ(body.at("data").as_array().size(), 1u);
  const json::value row = body.at("data").as_array()[0];
  EXPECT_EQ(row.at("status").as_string(), "succeeded") << write_json(row);
  EXPECT_EQ(row.at("eventType").as_string(), "search.started");
  EXPECT_EQ(row.at("eventId"), json_of(publish).at("id"));
  EXPECT_EQ(row.at("attempts"), json::value(1));
  EXPECT_EQ(row.at("statusCode"), json::value(200));
  EXPECT_TRUE(row.at("error").is_null());
  EXPECT_TRUE(row.at("nextAttemptAt").is_null());

  const std::size_t before = sent.size();
  const std::string replay =
      at(made, "/deliveries/") + std::string(row.at("id").as_string()) + "/replay";
  const json::value replayed = ok(202, "POST", replay);
  EXPECT_EQ(replayed.at("replayOf"), row.at("id"));
  EXPECT_NE(replayed.at("deliveryId"), row.at("id"));
  ASSERT_EQ(sent.size(), before + 1);
  EXPECT_EQ(sent[before].body, sent[before - 1].body) << "the same event, with the same id";
  EXPECT_EQ(*net::find_header(sent[before].headers, "x-procureiq-delivery"),
            replayed.at("deliveryId").as_string());

  const json::value other = enrol(with("erp.example", "other.example"));
  refused(
      404, "delivery_not_found",
      ask("POST", at(other, "/deliveries/") + std::string(row.at("id").as_string()) + "/replay"));
  refused(404, "delivery_not_found", ask("POST", at(made, "/deliveries/nonsense/replay")));
}

TEST_F(ProcureIqApiTest, AFailedDeliveryTellsWhyAndWhenItIsTriedAgain) {
  const json::value made = enrol();
  receiver = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    return fail(Code::kUnavailable, "connection_refused", "Nobody listens there.");
  };
  ok(202, "POST", at(made, "/test"));
  const json::value row = ok(200, "GET", at(made, "/deliveries")).as_array()[0];
  EXPECT_EQ(row.at("status").as_string(), "retrying");
  EXPECT_TRUE(row.at("statusCode").is_null());
  EXPECT_EQ(row.at("error").as_string(), "Nobody listens there.");
  EXPECT_EQ(row.at("lastAttemptAt").as_string(), "2026-01-01T12:00:00.000Z");
  EXPECT_TRUE(row.at("nextAttemptAt").is_string());
  EXPECT_TRUE(row.at("finishedAt").is_null());
}

TEST_F(ProcureIqApiTest, ARepeatWithItsIdempotencyKeyIsGivenTheSameSecretAgain) {
  const Headers once = {{"Idempotency-Key", "once"}};
  const net::Response first = ask("POST", kWebhooks, kWebhook, once);
  const net::Response again = ask("POST", kWebhooks, kWebhook, once);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(endpoint_count(), 1u);
  refused(409, "idempotency_conflict", ask("POST", kWebhooks, with("ERP", "CRM"), once));
}

TEST_F(ProcureIqApiTest, AMissIsToldInProcureIqsShape) {
  refused(404, "route_not_found", ProcureIqApi::render_miss({}));
  const net::Response wrong = ProcureIqApi::render_miss({Code::kNotFound, {"GET"}});
  refused(405, "method_not_allowed", wrong);
  EXPECT_EQ(*net::find_header(wrong.headers, "Allow"), "GET");
  refused(400, "path_malformed", ProcureIqApi::render_miss({Code::kInvalid, {}}));
  refused(400, "media_type_unsupported",
          ask("POST", kWebhooks, kWebhook, {{"Content-Type", "text/plain"}}));
  refused(500, "internal", ProcureIqApi::render_error({Code::kInternal, "sql", "Broken."}));
}

class ProcureIqLimitsTest : public ProcureIqApiTest {
 public:
  ProcureIqLimitsTest() : ProcureIqApiTest(Limits()) {}

  static std::string limits_of(const net::Response& answer) {
    std::string text;
    for (const char* name : {"Limit", "Remaining", "Reset"}) {
      const std::string* value =
          net::find_header(answer.headers, fmt::format("X-RateLimit-{}", name));
      text += (value ? *value : std::string("none")) + " ";
    }
    return text;
  }
};

// 2026-01-01T13:00:00Z is 1767272400, the next midnight 1767312000.
TEST_F(ProcureIqLimitsTest, EveryAnswerToAKeyTellsWhatIsLeft) {
  EXPECT_EQ(limits_of(ask("GET", kWebhooks)), "100 99 1767272400 ");
  EXPECT_EQ(limits_of(ask("GET", "/api/v1/webhooks/wh_x")), "100 98 1767272400 ");
  EXPECT_EQ(limits_of(ask("POST", kWebhooks, "{")), "100 97 1767272400 ");
  const json::value status = ok(200, "GET", "/api/v1/me/rate-limit-status");
  EXPECT_EQ(write_json(status),
            R"({"hourly":{"limit":100,"used":4,"remaining":96,"reset":1767272400},)"
            R"("daily":{"limit":1000,"used":4,"remaining":996,"reset":1767312000}})");
}

TEST_F(ProcureIqLimitsTest, AKeyMakes100CallsAnHourAnd1000ADay) {
  const std::string other = new_key();
  clock.run_for(10min);
  for (int hour = 0; hour < 10; ++hour) {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(ask("GET", kWebhooks).status, 200) << hour << " " << i;
    const net::Response full = ask("GET", kWebhooks);
    refused(429, "rate_limited", full);
    if (hour == 0) {
      EXPECT_EQ(limits_of(full), "100 0 1767272400 ");
      EXPECT_EQ(*net::find_header(full.headers, "Retry-After"), "3000");
    }
    clock.run_for(1h);
  }
  // Ten hours are over, and 1,000 calls made: it is 22:10.
  const net::Response full = ask("GET", kWebhooks);
  refused(429, "rate_limited", full);
  EXPECT_EQ(limits_of(full), "1000 0 1767312000 ");
  EXPECT_EQ(*net::find_header(full.headers, "Retry-After"), "6600");
  EXPECT_EQ(call("GET", kWebhooks, {}, {{"x-api-key", other}}).status, 200) << "per key";
  clock.run_for(2h);
  EXPECT_EQ(ask("GET", kWebhooks).status, 200);
}

}  // namespace
}  // namespace waybill::surfaces::procureiq
