// The door of WooCommerce's webhooks: W-1 to W-5, W-7, A-PC-1 and A-PC-2.

#include "surfaces/peptideclients/woocommerce_webhook.h"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/stores.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/peptideclients/read_api.h"

namespace waybill::surfaces::peptideclients {
namespace {

constexpr std::string_view kSecret = "a-secret-of-the-shop";

std::string signature_of(std::string_view secret, std::string_view body) {
  return base64(crypto::hmac_sha256(as_bytes(secret), {body}));
}

std::string an_order(int id, std::string_view status, std::string_view more = "") {
  return fmt::format(
      R"({{"id": {}, "number": "{}", "status": "{}", "currency": "EUR", "total": "10.00",)"
      R"("date_created_gmt": "2026-01-01T11:00:00", "date_modified_gmt": "2026-01-01T11:00:00",)"
      R"("billing": {{"email": "a@example.com"}}, "line_items": [{{"name": "Vial",)"
      R"("quantity": 1, "subtotal": "10.00"}}]{}}})",
      id, id, status, more);
}

class WooCommerceWebhookTest : public native::NativeApiTest {
 public:
  WooCommerceWebhookTest() {
    door.add_routes(router);
    read_api.add_routes(router);
    store.id = ids.next_id<model::StoreId>();
    store.workspace_id = workspace();
    store.name = "Main";
    store.currency = "EUR";
    const auto inserted = run(insert_store());
    EXPECT_TRUE(inserted.has_value());
    new_key(kSecret);
  }

  Task<Result<void>> insert_store() {
    co_return co_await database->run(
        [&](store::Connection& connection) { return store::stores::insert(connection, store); });
  }

  model::WorkspaceId workspace() {
    const auto answer = ok(200, "GET", "/hub/v1/workspaces/acme");
    return *model::WorkspaceId::parse(native::text(answer, "id"));
  }

  std::string new_key(std::string_view secret, std::string_view more = "") {
    const auto answer =
        ok(201, "POST", "/hub/v1/workspaces/acme/keys",
           fmt::format(R"({{"platform": "peptideclients", "name": "Shop", "kind": "integration",)"
                       R"("store": "Main", "payload_format": "woocommerce",)"
                       R"("source": "woocommerce", "signing_secret": "{}"{}}})",
                       secret, more));
    return native::text(answer, "id");
  }

  // As WooCommerce sends it (W-2); `changes` replace headers, an empty value leaves one out.
  net::Response send(std::string_view body, std::string_view secret = kSecret,
                     Headers changes = {}) {
    Headers headers = std::move(changes);
    for (const net::Header& usual :
         {net::Header{"Content-Type", "application/json"},
          net::Header{"User-Agent", "WooCommerce/9.4.2 Hookshot (WordPress/6.7.1)"},
          net::Header{"X-WC-Webhook-Source", "https://shop.example/"},
          net::Header{"X-WC-Webhook-Topic", "order.updated"},
          net::Header{"X-WC-Webhook-Signature", signature_of(secret, body)},
          net::Header{"X-WC-Webhook-Delivery-ID", "4711"}}) {
      if (!net::find_header(headers, usual.name)) headers.push_back(usual);
    }
    return HubFixture::call("POST", WooCommerceWebhook::kPath, body, headers);
  }
  static std::string outcome(const net::Response& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return native::text(json_of(answer), "outcome");
  }
  static std::string error(const net::Response& answer) {
    return fmt::format("{} {}", answer.status, native::text(json_of(answer), "error"));
  }

  std::int64_t count(std::string_view table) {
    const std::string sql = fmt::format("SELECT count(*) FROM {}", table);
    const auto counted = run(count_rows(sql));
    return counted.value();
  }
  Task<Result<std::int64_t>> count_rows(std::string sql) {
    co_return co_await database->read([&](store::Connection& connection) -> Result<std::int64_t> {
      std::int64_t rows = 0;
      WAYBILL_TRY(connection.query(sql, {}, [&](const store::Row& row) { rows = row.integer(0); }));
      return rows;
    });
  }

  ReadApi read_api{native_api.services()};
  WooCommerceWebhook door{clock, log, dialects, keys, woocommerce_orders};
  model::Store store;
};

TEST_F(WooCommerceWebhookTest, TakesInASignedOrder) {
  EXPECT_EQ(outcome(send(an_order(1, "pending"))), "created");
  EXPECT_EQ(outcome(send(an_order(1, "pending"))), "unchanged");
  EXPECT_EQ(outcome(send(an_order(1, "processing"))), "updated");
  EXPECT_EQ(count("sales_orders"), 1);
  EXPECT_EQ(count("payments"), 1);
}

TEST_F(WooCommerceWebhookTest, TellsEndpointsOfTheOrder) {
  new_endpoint();
  send(an_order(1, "pending"));
  clock.run_for(std::chrono::seconds(1));
  EXPECT_EQ(sent.size(), 2u) << "client.created and order.created";
}

// A-PC-2: exactly 200, and nothing is made; nor is it anybody's for the request log.
TEST_F(WooCommerceWebhookTest, AnswersTheCreationPing) {
  const Headers form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  const auto answer = HubFixture::call("POST", WooCommerceWebhook::kPath, "webhook_id=42", form);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(count("woocommerce_orders"), 0);
  for (const char* other : {"webhook_id=", "webhook_id=x", "webhook_id=1&a=b", "a=1", "",
                            "webhook_id=123456789012345678901"}) {
    EXPECT_EQ(HubFixture::call("POST", WooCommerceWebhook::kPath, other, form).status, 401)
        << other;
  }
}

TEST_F(WooCommerceWebhookTest, RefusesWhatNobodyHasSigned) {
  const std::string body = an_order(1, "pending");
  const std::string other = an_order(2, "pending");
  EXPECT_EQ(error(send(body, "another-secret-than")), "401 signature_invalid");
  for (const std::string& signature :
       {signature_of(kSecret, other), std::string("x"), std::string("AAAA"),
        hex(crypto::hmac_sha256(as_bytes(kSecret), {body})), std::string()}) {
    EXPECT_EQ(error(send(body, kSecret, {{"X-WC-Webhook-Signature", signature}})),
              "401 signature_invalid")
        << signature;
    clock.run_for(std::chrono::seconds(1));
  }
  EXPECT_EQ(count("sales_orders"), 0);
}

TEST_F(WooCommerceWebhookTest, FindsTheKeyWhicheverSiteItComesFrom) {
  for (int i = 0; i < 20; ++i) new_key(fmt::format("the-secret-of-shop-{}", i));
  const auto tried_for = [&](int shop, std::string_view source) {
    const std::uint64_t before = door.keys().tried();
    const std::string body = an_order(shop, "pending");
    send(body, fmt::format("the-secret-of-shop-{}", shop),
         {{"X-WC-Webhook-Source", std::string(source)}});
    return door.keys().tried() - before;
  };
  EXPECT_GT(tried_for(7, "https://seven.example/"), 1u);
  EXPECT_EQ(tried_for(7, "https://seven.example/"), 1u) << "it is remembered by its source";
  EXPECT_GT(tried_for(7, "https://another.example/"), 1u);
  // Two shops on one site, such as a store and its copy.
  tried_for(8, "https://seven.example/");
  EXPECT_LE(tried_for(7, "https://seven.example/"), 2u);
  EXPECT_LE(tried_for(8, "https://seven.example/"), 2u);
  EXPECT_EQ(count("sales_orders"), 2);
}

TEST_F(WooCommerceWebhookTest, KnowsARevokedKeyNoMore) {
  const std::string key = new_key("the-secret-of-another");
  EXPECT_EQ(outcome(send(an_order(1, "pending"), "the-secret-of-another")), "created");
  ok(200, "DELETE", "/hub/v1/workspaces/acme/keys/" + key);
  EXPECT_EQ(error(send(an_order(2, "pending"), "the-secret-of-another")), "401 signature_invalid");
}

TEST_F(WooCommerceWebhookTest, TakesTheFormerSecretUntilItEnds) {
  const std::string key = new_key("the-secret-of-before");
  ok(200, "POST", "/hub/v1/workspaces/acme/keys/" + key + "/rotate-secret",
     R"({"secret": "the-secret-from-now-on", "overlap": "1h"})");
  EXPECT_EQ(outcome(send(an_order(1, "pending"), "the-secret-of-before")), "created");
  EXPECT_EQ(outcome(send(an_order(2, "pending"), "the-secret-from-now-on")), "created");
  clock.run_for(std::chrono::minutes(61));
  EXPECT_EQ(error(send(an_order(3, "pending"), "the-secret-of-before")), "401 signature_invalid");
  EXPECT_EQ(outcome(send(an_order(3, "pending"), "the-secret-from-now-on")), "created");
}

// W-3: what was typed into both is signed with decoded.
TEST_F(WooCommerceWebhookTest, DecodesTheSecretAsWooCommerceDoes) {
  new_key("salt &amp; pepper, mixed");
  EXPECT_EQ(outcome(send(an_order(1, "pending"), "salt & pepper, mixed")), "created");
}

TEST_F(WooCommerceWebhookTest, HoldsTheKeyToItsAddresses) {
  new_key("the-secret-from-elsewhere", R"(, "allowed_networks": ["198.51.100.0/24"])");
  EXPECT_EQ(error(send(an_order(1, "pending"), "the-secret-from-elsewhere")), "403 ip_not_allowed");
}

// W-9, W-10. None of these is a failure, or the shop would switch its webhook off (W-7).
TEST_F(WooCommerceWebhookTest, NotesWhatItHasNoUseFor) {
  for (const char* topic : {"order.deleted", "product.updated", "customer.created",
                            "coupon.deleted", "action.woocommerce_add_to_cart", "made up"}) {
    EXPECT_EQ(outcome(send(R"({"id": 7})", kSecret, {{"X-WC-Webhook-Topic", topic}})), "noted")
        << topic;
  }
  EXPECT_EQ(
      outcome(send(an_order(1, "pending"), kSecret, {{"X-WC-Webhook-Topic", "order.restored"}})),
      "created");
  EXPECT_EQ(count("woocommerce_orders"), 1);
}

TEST_F(WooCommerceWebhookTest, NotesWhatItCannotReadAndSaysSoInTheRequestLog) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"no json", "malformed_json"},
      {"[]", "order_id_missing"},
      {R"({"id": 7})", "order_status_missing"},
      {R"({"id": 7, "status": "pending", "currency": "?"})", "order_currency_invalid"},
      {R"({"id": 7, "status": "pending", "total": "much"})", "order_amount_invalid"},
      {R"({"id": 7, "id": 8})", "duplicate_member"}};
  for (const auto& [body, reason] : cases) {
    const net::Response answer = send(body);
    EXPECT_EQ(outcome(answer), "noted") << body;
    EXPECT_EQ(answer.error_code, reason) << body;
  }
  EXPECT_EQ(count("sales_orders"), 0);
}

// It was answered 200, and lost where no shop is connected.
TEST_F(WooCommerceWebhookTest, SaysSoWhenTheHubItselfCannotTakeAnOrderIn) {
  EXPECT_EQ(outcome(send(an_order(1, "pending"))), "created");
  ASSERT_TRUE(run(database->run([](store::Connection& connection) {
    return connection.execute("UPDATE woocommerce_orders SET state = 'broken'", {});
  })));
  EXPECT_EQ(error(send(an_order(1, "processing"))), "500 internal_error");
  EXPECT_EQ(outcome(send(an_order(2, "pending"))), "created");
}

// What was stored of a body as deep as bodies may be ended the hub when it was read again.
TEST_F(WooCommerceWebhookTest, ADeepOrderIsReadAgainAsEveryOther) {
  const std::string key =
      native::text(ok(201, "POST", "/hub/v1/workspaces/acme/keys",
                      R"({"platform": "peptideclients", "name": "Reader", "kind": "public"})"),
                   "key");
  std::size_t orders = 0;
  for (const std::size_t depth : {14u, 15u, 16u, 17u, 18u, 55u, 59u, 60u, 61u, 62u, 63u}) {
    const auto meta =
        fmt::format(R"(, "meta_data": {}{})", std::string(depth, '['), std::string(depth, ']'));
    const int id = static_cast<int>(depth);
    EXPECT_EQ(outcome(send(an_order(id, "pending", meta))), "created") << depth;
    EXPECT_EQ(outcome(send(an_order(id, "processing", meta))), "updated") << depth;
    const auto list =
        HubFixture::call("GET", "/v1/orders", {}, {{"Authorization", "Bearer " + key}});
    ASSERT_EQ(list.status, 200) << depth << list.body;
    EXPECT_EQ(native::at(json_of(list), "rows").as_array().size(), ++orders) << depth;
  }
  const auto too_deep = send(
      an_order(64, "pending",
               fmt::format(R"(, "meta_data": {}{})", std::string(64, '['), std::string(64, ']'))));
  EXPECT_EQ(outcome(too_deep), "noted");
  EXPECT_EQ(too_deep.error_code, "too_deep");
}

// W-4: the delivery id is that of the second, and says nothing of the order.
TEST_F(WooCommerceWebhookTest, TwoOrdersOfOneDeliveryIdAreTwo) {
  EXPECT_EQ(outcome(send(an_order(1, "pending"))), "created");
  EXPECT_EQ(outcome(send(an_order(2, "pending"))), "created");
  const std::string body = an_order(3, "pending");
  EXPECT_EQ(outcome(send(body, kSecret,
                         {{"X-WC-Webhook-Delivery-ID", ""}, {"X-WC-Delivery-ID", "4711"}})),
            "created");
}

TEST_F(WooCommerceWebhookTest, HashesSoManyBytesASecondForOneOtherEnd) {
  const std::string body(1024 * 1024, 'x');
  const auto flood = [&] {
    std::string last;
    for (int i = 0; i < 40; ++i) {
      last = error(send(body, "not-the-secret-of-any",
                        {{"X-WC-Webhook-Source", "https://elsewhere.example/"}}));
    }
    return last;
  };
  EXPECT_EQ(flood(), "429 rate_limited");
  EXPECT_EQ(error(send(an_order(1, "pending"))), "429 rate_limited") << "nobody knows it yet";
  clock.run_for(std::chrono::seconds(2));
  EXPECT_EQ(outcome(send(an_order(1, "pending"))), "created");
  EXPECT_EQ(flood(), "429 rate_limited");
  EXPECT_EQ(outcome(send(an_order(2, "pending"))), "created") << "a known shop is not held up";
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
