// The integration API as its callers see it, requirement by requirement: R-PC-1 to R-PC-12,
// R-PC-16, R-PC-21, A-PC-15. What a repeat gets is shown by integration_repeats_test.cc.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/sales.h"
#include "surfaces/peptideclients/integration_fixture.h"

namespace waybill::surfaces::peptideclients {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST_F(IntegrationApiTest, HealthAndTheContractNeedNoKey) {  // R-PC-10, R-PC-11
  const net::Response health = call("GET", "/integrations/v1/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, R"({"ok":true})");
  const net::Response contract = call("GET", "/integrations/v1/openapi.json");
  EXPECT_EQ(contract.status, 200);
  EXPECT_EQ(json_of(contract).at("openapi").as_string(), "3.0.3");
}

TEST_F(IntegrationApiTest, AnOrderComesInWithItsClientAndItsPayment) {  // R-PC-3, A-PC-11
  const json::value made = ok(201, post(kOrders, kWholeOrder));
  const std::string id(made.at("id").as_string());
  EXPECT_EQ(write_json(made),
            R"({"id":")" + id +
                R"(","external_id":"shop-1","number":"1001","status":"open",)"
                R"("payment_status":"partially_paid","currency":"USD","total":"45.00",)"
                R"("duplicate":false,"created_at":"2026-01-01T12:00:00.000Z"})");
  EXPECT_TRUE(Uuid::parse(id));
  EXPECT_THAT(events(),
              UnorderedElementsAre("order.created", "client.created", "payment.recorded"));

  const json::value order = find("shop-1");
  EXPECT_EQ(order.at("id"), made.at("id"));
  EXPECT_EQ(order.at("source").as_string(), "shopify") << "the key's";
  EXPECT_EQ(order.at("paid_total").as_string(), "20.00");
  EXPECT_EQ(order.at("tax_total").as_string(), "1.10");
  EXPECT_EQ(order.at("discount_total").as_string(), "1.00");
  EXPECT_EQ(order.at("client").at("email").as_string(), "ada@example.com");
  EXPECT_EQ(order.at("client").at("external_id").as_string(), "c-1");
  EXPECT_EQ(order.at("note").as_string(), "two\nlines");
  EXPECT_EQ(write_json(order.at("metadata")), R"({"a":[1]})");
  EXPECT_EQ(order.at("placed_at").as_string(), "2026-01-01T11:00:00.000Z");
  ASSERT_EQ(order.at("items").as_array().size(), 1u);
  ASSERT_EQ(order.at("payments").as_array().size(), 1u);
  const json::value& payment = order.at("payments").as_array()[0];
  EXPECT_EQ(payment.at("external_id").as_string(), "ch_1");
  EXPECT_EQ(payment.at("reference").as_string(), "VISA");
  EXPECT_EQ(payment.at("paid_at").as_string(), "2026-01-01T11:00:05.000Z");
}

TEST_F(IntegrationApiTest, WhatItTakesInIsSentToThoseWhoSubscribe) {
  call("POST", "/hub/v1/workspaces/acme/endpoints",
       R"({"dialect":"peptideclients","url":"https://a.example/hook","event_types":["*"]})");
  ok(201, post(kOrders, kWholeOrder));
  EXPECT_EQ(sent.size(), 3u);
  ok(200, post(kOrders, kWholeOrder));
  EXPECT_EQ(sent.size(), 3u);
}

TEST_F(IntegrationApiTest, AKnownExternalIdIsADuplicateAndInsertsNothing) {  // A-PC-10
  const net::Response first = post(kOrders, order("shop-1"));
  const net::Response again = post(kOrders, order("shop-1", R"("note":"another","total":39.9)"));
  EXPECT_EQ(again.status, 200);
  std::string expected = first.body;
  expected.replace(expected.find("false"), 5, "true");
  EXPECT_EQ(again.body, expected);
  EXPECT_FALSE(is_replay(again));
  EXPECT_EQ(events(), std::vector<std::string>{"order.created"});
  EXPECT_TRUE(find("shop-1").at("note").is_null());
  EXPECT_EQ(find("shop-1").at("number").as_string(), "SO-1") << "the store's next";
  new_order("shop-2");
  EXPECT_EQ(find("shop-2").at("number").as_string(), "SO-2");
}

TEST_F(IntegrationApiTest, MoneyThatDoesNotFitIsRefusedAndNothingIsThere) {
  refused("total_mismatch", post(kOrders, order("1", R"("total":"39.91")")));
  const std::string too_much = R"("payment":{"external_id":"p","method":"card","amount":"39.91"})";
  refused("overpayment", post(kOrders, order("1", too_much)));
  refused("invalid_request", post(kOrders, order("1", R"("tax_total":"0.001")")));
  refused("order_not_found", ask("GET", fmt::format("{}/by-external/1", kOrders)));
  EXPECT_EQ(events().size(), 0u);
}

TEST_F(IntegrationApiTest, BodiesThatCannotBeReadAreRefused) {
  refused("invalid_json", post(kOrders, "{"));
  refused("invalid_json", post(kOrders, ""));
  refused("invalid_json", post(kOrders, R"({"external_id":"1","external_id":"2"})"));
  refused("invalid_request", post(kOrders, "[]"));
  refused("unsupported_media_type", post(kOrders, order("1"), {{"Content-Type", "text/plain"}}));
  ok(201, post(kOrders, order("1"), {{"Content-Type", "application/vnd.shop+json"}}));
  const net::Response answer = post(kOrders, R"({"external_id":"2","items":[7]})");
  refused("invalid_request", answer);
  EXPECT_THAT(answer.body, HasSubstr("$.items[0]: "));
}

TEST_F(IntegrationApiTest, FurtherPaymentsAreRecordedUntilAllIsPaid) {  // R-PC-5
  const std::string id = new_order("1");
  const json::value first =
      ok(201, post(payments_of(id), R"({"external_id":"p1","method":"card","amount":"19.90"})"));
  EXPECT_EQ(first.at("order_id").as_string(), id);
  EXPECT_EQ(first.at("amount").as_string(), "19.90");
  EXPECT_EQ(first.at("status").as_string(), "recorded");
  EXPECT_EQ(first.at("duplicate"), json::value(false));
  EXPECT_EQ(write_json(first.at("order")),
            R"({"id":")" + id +
                R"(","status":"open","payment_status":"partially_paid","total":"39.90",)"
                R"("paid_total":"19.90"})");

  json::value again =
      ok(200, post(payments_of(id), R"({"external_id":"p1","method":"wire","amount":"5"})"));
  EXPECT_EQ(again.at("duplicate"), json::value(true));
  again.at("duplicate") = false;
  EXPECT_EQ(again, first);

  refused("overpayment", post(payments_of(id), R"({"method":"card","amount":"20.01"})"));
  refused("invalid_request", post(payments_of(id), R"({"method":"card","amount":"1.001"})"));
  refused("invalid_request",
          post(payments_of(id), R"({"method":"card","amount":"1","currency":"USD"})"));
  const json::value rest = ok(201, post(payments_of(id), R"({"method":"cash","amount":20})"));
  EXPECT_EQ(rest.at("order").at("payment_status").as_string(), "paid");
  refused("overpayment", post(payments_of(id), R"({"method":"card","amount":"0.01"})"));
  EXPECT_EQ(find("1").at("payments").as_array().size(), 2u);

  const std::string other = new_order("2");
  refused("payment_exists",
          post(payments_of(other), R"({"external_id":"p1","method":"card","amount":"1"})"));
  const std::string inline_payment = R"("payment":{"external_id":"p1","method":"card","amount":1})";
  refused("payment_exists", post(kOrders, order("3", inline_payment)));
}

TEST_F(IntegrationApiTest, AnOrderIsCancelledAndItsCancelRepeated) {  // R-PC-6
  const std::string id = new_order("1");
  const net::Response cancelled = post(cancel_of(id));
  EXPECT_EQ(ok(200, cancelled).at("status").as_string(), "cancelled");
  EXPECT_EQ(post(cancel_of(id), R"({"reason":"ignored"})").body, cancelled.body);
  EXPECT_THAT(events(), ElementsAre("order.cancelled", "order.created"));
  refused("order_cancelled", post(payments_of(id), R"({"method":"card","amount":"1"})"));
  refused("invalid_json", post(cancel_of(id), "{"));
}

TEST_F(IntegrationApiTest, WhatIsOnItsWayIsNotCancelled) {
  const std::string id = new_order("1");
  const model::OrderId order = model::OrderId::parse(id).value();
  const model::WorkspaceId workspace = workspace_id();
  const intake::LeaseTerms terms = dispatcher.lease_terms();
  const auto shipped = run(database->run([&](store::Connection& connection) -> Result<bool> {
    intake::SalesUnit sales(connection, acceptance, ids, terms, workspace, clock.now());
    WAYBILL_TRY(sales.begin());
    const auto found = sales.find(order);
    if (!found) return fail(found.error());
    const auto shipment = sales.ship(*found, {});
    if (!shipment) return fail(shipment.error());
    return true;
  }));
  ASSERT_TRUE(shipped) << shipped.error().message;
  refused("order_not_cancellable", post(cancel_of(id)));
  EXPECT_EQ(find("1").at("status").as_string(), "shipped");
}

TEST_F(IntegrationApiTest, APaymentIsRefundedOnceAndAsAWhole) {  // R-PC-7
  const std::string id = new_order("1");
  const std::string payment(
      ok(201, post(payments_of(id), R"({"method":"card","amount":"39.90"})")).at("id").as_string());
  refused("full_refund_only", post(refund_of(payment), R"({"amount":"10"})"));
  refused("full_refund_only", post(refund_of(payment), R"({"amount":"39.901"})"));
  refused("invalid_request", post(refund_of(payment), R"({"amount":"all"})"));
  const json::value refunded = ok(200, post(refund_of(payment), R"({"amount":39.9})"));
  EXPECT_EQ(refunded.at("status").as_string(), "refunded");
  EXPECT_EQ(refunded.at("refunded_at").as_string(), "2026-01-01T12:00:00.000Z");
  EXPECT_EQ(refunded.at("order").at("payment_status").as_string(), "refunded");
  refused("payment_refunded", post(refund_of(payment)));
  refused("payment_refunded", post(refund_of(payment), R"({"amount":"10"})"));
  refused("payment_not_found", post(refund_of("nonsense")));
  refused("payment_not_found", post(refund_of(id), R"({"amount":"10"})"));
  EXPECT_THAT(events(), ElementsAre("payment.refunded", "payment.recorded", "order.created"));
}

TEST_F(IntegrationApiTest, AClientIsFoundByItsIdAndThenByItsAddress) {  // R-PC-8
  const json::value made =
      ok(201, post(kClients, R"({"email":"Ada@example.com","name":"Ada","vip":true})"));
  EXPECT_EQ(made.at("created"), json::value(true));
  EXPECT_TRUE(made.at("external_id").is_null());
  EXPECT_EQ(made.at("source").as_string(), "shopify");
  clock.run_for(1s);
  const json::value by_address =
      ok(200, post(kClients, R"({"external_id":"c-1","email":"ada@EXAMPLE.com","phone":"+1"})"));
  EXPECT_EQ(by_address.at("id"), made.at("id"));
  EXPECT_EQ(by_address.at("created"), json::value(false));
  EXPECT_EQ(by_address.at("name").as_string(), "Ada") << "what is not said stays";
  EXPECT_EQ(by_address.at("phone").as_string(), "+1");
  EXPECT_NE(by_address.at("updated_at"), made.at("updated_at"));
  const json::value by_id =
      ok(200, post(kClients, R"({"external_id":"c-1","email":"other@example.com"})"));
  EXPECT_EQ(by_id.at("id"), made.at("id"));
  EXPECT_EQ(by_id.at("email").as_string(), "other@example.com");
  EXPECT_THAT(events(), ElementsAre("client.updated", "client.updated", "client.created"));
  refused("invalid_request", post(kClients, R"({"name":"Nobody"})"));
}

TEST_F(IntegrationApiTest, AKeySeesItsOwnStoreAlone) {  // R-PC-2, R-PC-4
  const std::string id = new_order("1");
  const std::string payment(
      ok(201, post(payments_of(id), R"({"method":"card","amount":"1"})")).at("id").as_string());
  const std::string first_key = key;
  for (const auto& [store, workspace] : {std::pair("Second", "acme"), std::pair("Main", "other")}) {
    key = new_key({}, store, workspace).key;
    refused("order_not_found", ask("GET", fmt::format("{}/by-external/1", kOrders)));
    refused("order_not_found", post(cancel_of(id)));
    refused("order_not_found", post(payments_of(id), R"({"method":"card","amount":"1"})"));
    refused("payment_not_found", post(refund_of(payment)));
    refused("payment_not_found", post(refund_of(payment), R"({"amount":"1"})"));
    EXPECT_EQ(ok(201, post(kOrders, order("1"))).at("duplicate"), json::value(false))
        << "an external id is a store's";
  }
  key = first_key;
  EXPECT_EQ(find("1").at("status").as_string(), "open");
}

TEST_F(IntegrationApiTest, IdsAreReadInBothForms) {
  const std::string id = new_order("1");
  const std::string own = model::OrderId::parse(id).value().text();
  EXPECT_EQ(ok(200, post(cancel_of(own))).at("id").as_string(), id);
  for (const std::string& none :
       {std::string("nonsense"), "pay_" + own.substr(4), ids.next().text(), own.substr(4)}) {
    refused("order_not_found", post(cancel_of(none)));
  }
  refused("order_not_found", ask("GET", fmt::format("{}/by-external/1%00", kOrders)));
  new_order("a/b c%");
  EXPECT_EQ(find("a%2Fb%20c%25").at("external_id").as_string(), "a/b c%");
}

TEST_F(IntegrationApiTest, AnswersOnlyToItsOwnKeys) {  // R-PC-1, R-PC-12
  EXPECT_THAT(key, testing::StartsWith("pck_int_"));
  refused("missing_authorization", call("POST", kOrders, order("1")));
  const auto with = [&](std::string authorization) {
    return call("POST", kOrders, order("1"), {{"Authorization", std::move(authorization)}});
  };
  refused("invalid_api_key", with(key));  // The word Bearer is missing.
  refused("invalid_api_key", with("Basic " + key));
  refused("invalid_api_key", with("Bearer " + key + "x"));
  const std::string made = "/hub/v1/workspaces/acme/keys";
  for (const char* body : {R"({"platform":"peptideclients","kind":"public"})",
                           R"({"platform":"waybill","scopes":["*"]})"}) {
    const net::Response other = call("POST", made, body);
    ASSERT_EQ(other.status, 201) << other.body;
    refused("invalid_api_key", with("Bearer " + std::string(json_of(other).at("key").as_string())));
  }
  const NewKey revoked = new_key();
  ASSERT_LT(call("DELETE", fmt::format("{}/{}", made, revoked.id)).status, 300);
  refused("invalid_api_key", with("Bearer " + revoked.key));
  const NewKey expiring = new_key(R"("expires_at":"2026-01-01T13:00:00Z")");
  EXPECT_EQ(with("bearer " + expiring.key).status, 201);
  clock.run_for(1h);
  refused("invalid_api_key", with("Bearer " + expiring.key));
}

TEST_F(IntegrationApiTest, EachWriteNeedsItsScope) {
  const std::string id = new_order("1");
  const std::string payment(
      ok(201, post(payments_of(id), R"({"method":"card","amount":"1"})")).at("id").as_string());
  struct Case {
    std::string scope, target, body;
  };
  const std::vector<Case> cases = {
      {"orders:write", std::string(kOrders), order("2")},
      {"payments:write", payments_of(id), R"({"method":"card","amount":"1"})"},
      {"orders:cancel", cancel_of(id), ""},
      {"payments:refund", refund_of(payment), ""},
      {"clients:write", std::string(kClients), R"({"email":"a@b.c"})"},
  };
  for (const Case& held : cases) {
    key = new_key(fmt::format(R"("scopes":["{}"])", held.scope)).key;
    for (const Case& c : cases) {
      if (c.scope != held.scope) refused("insufficient_scope", post(c.target, c.body));
    }
    EXPECT_EQ(find("1").at("id").as_string(), id) << "looking up needs none";
  }
  for (const Case& c : {cases[0], cases[1], cases[3], cases[4], cases[2]}) {
    key = new_key(fmt::format(R"("scopes":["{}"])", c.scope)).key;
    const net::Response answer = post(c.target, c.body);
    EXPECT_LT(answer.status, 300) << c.target << answer.body;
  }
}

TEST_F(IntegrationApiTest, AKeyMayBeUsedFromItsNetworksAlone) {  // A-PC-15
  key = new_key(R"("allowed_networks":["198.51.100.0/24"])").key;
  refused("ip_not_allowed", post(kOrders, order("1")));
  key = new_key(R"("allowed_networks":["192.0.2.0/24"])").key;
  ok(201, post(kOrders, order("1")));
}

TEST_F(IntegrationApiTest, OneCallTooManyInAMinuteIsToldWhenToGoOn) {  // A-PC-15
  key = new_key(R"("calls_per_minute":2)").key;
  clock.run_for(20s);
  ok(201, post(kOrders, order("1")));
  ok(201, post(kOrders, order("2")));
  const net::Response refusal = post(kOrders, order("3"));
  refused("rate_limited", refusal);
  EXPECT_EQ(*net::find_header(refusal.headers, "Retry-After"), "40");
  clock.run_for(40s);
  ok(201, post(kOrders, order("3")));
}

TEST_F(IntegrationApiTest, WhoseARequestIsIsNoted) {
  net::Request request;
  request.method = "GET";
  request.path = fmt::format("{}/by-external/1", kOrders);
  request.headers = {{"Authorization", "Bearer " + key}};
  net::Router::Miss miss;
  const net::Handler* handler = router.find(request, miss);
  ASSERT_NE(handler, nullptr);
  EXPECT_EQ(run((*handler)(request)).status, 404);
  EXPECT_EQ(request.workspace, workspace_id().uuid());
  EXPECT_TRUE(request.api_key);
}

// Signatures: what is not shown by pc_signature_test.cc.

TEST_F(IntegrationApiTest, ASignatureIsCheckedWhereThereIsOneAndDemandedWhereTheKeySays) {
  const NewKey free = new_key();
  const NewKey strict = new_key(R"("require_signature":true)");
  const std::string body = order("1");
  key = strict.key;
  refused("signature_missing", post(kOrders, body));
  refused("signature_missing", ask("GET", fmt::format("{}/by-external/1", kOrders)));
  refused("signature_invalid",
          post(kOrders, body, signed_with(free.signing_secret, body, clock.wall_now())));
  refused("signature_invalid",
          post(kOrders, body + " ", signed_with(strict.signing_secret, body, clock.wall_now())));
  refused("signature_invalid", post(kOrders, body, {{"PC-Signature", "nonsense"}}));
  for (const auto skew : {-301s, 301s}) {
    refused("signature_expired",
            post(kOrders, body, signed_with(strict.signing_secret, body, clock.wall_now() + skew)));
  }
  ok(201, post(kOrders, body, signed_with(strict.signing_secret, body, clock.wall_now() - 300s)));
  ok(200, ask("GET", fmt::format("{}/by-external/1", kOrders), {},
              signed_with(strict.signing_secret, "", clock.wall_now() + 300s)));
  key = free.key;
  refused("signature_invalid",
          post(kOrders, body, signed_with(strict.signing_secret, body, clock.wall_now())));
  ok(200, post(kOrders, body));
}

TEST_F(IntegrationApiTest, ASigningSecretIsRotatedWithAnOverlap) {  // R-PC-21
  const NewKey made = new_key(R"("require_signature":true)");
  key = made.key;
  const auto signs = [&](std::string_view secret) {
    return post(kOrders, order("1"), signed_with(secret, order("1"), clock.wall_now())).status;
  };
  EXPECT_EQ(signs(made.signing_secret), 201);
  const net::Response rotated =
      call("POST", fmt::format("/hub/v1/workspaces/acme/keys/{}/rotate-secret", made.id),
           R"({"overlap":"1h"})");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  const std::string fresh(json_of(rotated).at("signing_secret").as_string());
  EXPECT_NE(fresh, made.signing_secret);
  EXPECT_EQ(signs(made.signing_secret), 200);
  EXPECT_EQ(signs(fresh), 200);
  clock.run_for(1h);
  EXPECT_EQ(signs(made.signing_secret), 401);
  EXPECT_EQ(signs(fresh), 200);
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
