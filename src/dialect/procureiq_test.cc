// dialects/procureiq.toml against what docs/platforms/procureiq.md says of it. The signatures were
// computed with Python's hmac.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dialect/dialect_fixture.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

using Names = std::vector<std::string>;

class ProcureIqTest : public DialectFixture {
 protected:
  ProcureIqTest() {
    data_is(R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001",
        "number": "PO-1", "currency": "EUR", "user_id": "Käse & Söhne/7", "total_amount": 742.50,
        "line_count": 3})");
  }

  std::string request(std::string_view type, int number, Timestamp sent_at) const {
    return request_of(procureiq_, type, number, sent_at, Secret("your-webhook-secret"));
  }

  // The `data` of the body that `data` is sent in.
  json::value sent(std::string_view type, std::string_view data) {
    data_is(data);
    const json::value body = parse_json(render_body(procureiq_, message(type)).value()).value();
    return body.at("data");
  }

  const Dialect& procureiq_ = built_in("procureiq");
};

// R-PQ-13 to R-PQ-34, with the members of each event in the documented order.
TEST_F(ProcureIqTest, HasExactlyItsTwentyTwoEvents) {
  const std::vector<std::pair<std::string, Names>> documented = {
      {"search.started", {"searchResultId", "briefId", "userId", "productType"}},
      {"search.completed", {"searchResultId", "totalFound", "durationMs"}},
      {"search.failed", {"searchResultId", "error"}},
      {"order.created", {"orderId", "userId", "totalAmount", "currency", "itemCount"}},
      {"order.confirmed", {"orderId", "paymentId"}},
      {"order.shipped", {"orderId", "trackingNumber", "carrierId", "estimatedDelivery"}},
      {"order.delivered", {"orderId", "deliveredAt"}},
      {"order.cancelled", {"orderId", "reason"}},
      {"payment.initiated", {"paymentId", "orderId", "provider", "amount", "currency"}},
      {"payment.succeeded", {"paymentId", "orderId", "paidAt"}},
      {"payment.failed", {"paymentId", "orderId", "reason"}},
      {"payment.refunded", {"paymentId", "orderId", "amount"}},
      {"product.listed", {"productListingId", "category", "displayPrice"}},
      {"product.approved", {"merchantProductId", "productListingId"}},
      {"product.rejected", {"merchantProductId", "reason"}},
      {"user.registered", {"userId", "email", "role"}},
      {"user.tier_changed", {"userId", "oldTier", "newTier"}},
      {"support.ticket_created", {"ticketId", "category", "priority", "userId"}},
      {"support.ticket_resolved", {"ticketId", "resolvedBy"}},
      {"support.csat_submitted", {"ticketId", "rating"}},
      {"ad.campaign_started", {"campaignId", "advertiserId"}},
      {"ad.budget_exhausted", {"campaignId"}},
  };
  std::vector<std::pair<std::string, Names>> made;
  for (const EventType& event : procureiq_.events) {
    Names members;
    const json::value data = sent(event.canonical, write_json(event.example));
    for (const auto& member : data.as_object()) members.emplace_back(member.key());
    made.emplace_back(event.name, std::move(members));
  }
  EXPECT_EQ(made, documented);
  EXPECT_FALSE(procureiq_.open_catalogue);
}

TEST_F(ProcureIqTest, WhatOthersTellTooIsMadeFromTheSameEvent) {
  for (const auto& [canonical, name] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"payment.recorded", "payment.succeeded"},
           {"ticket.created", "support.ticket_created"},
           {"ticket.resolved", "support.ticket_resolved"}}) {
    const auto match = procureiq_.event_type_for(canonical);
    ASSERT_TRUE(match.has_value()) << canonical;
    EXPECT_EQ(match->name, name);
    EXPECT_FALSE(procureiq_.event_type_for(name).has_value()) << name;
  }
}

// R-PQ-19 is about goods.
TEST_F(ProcureIqTest, ADocumentsTransmissionIsNoArrivalOfGoods) {
  EXPECT_EQ(procureiq_.event_type_for("order.delivered")->name, "order.delivered");
  EXPECT_FALSE(procureiq_.event_type_for("order.transmitted").has_value());
}

// What is ours in it is A-PQ-1.
TEST_F(ProcureIqTest, DeliveriesAndEndpointsFollowItsRules) {
  const DeliveryRules& rules = procureiq_.delivery;
  EXPECT_EQ(rules.timeout, std::chrono::seconds(30));
  for (const int status : {200, 202, 299}) EXPECT_TRUE(rules.is_success(status)) << status;
  for (const int status : {199, 300, 404, 500}) EXPECT_FALSE(rules.is_success(status)) << status;
  EXPECT_EQ(rules.retry.attempts_max(), 6);
  EXPECT_EQ(procureiq_.endpoint.secret, EndpointRules::SecretRule::kGenerated);
  EXPECT_EQ(procureiq_.endpoint.deactivate_after, 0);
  EXPECT_FALSE(procureiq_.endpoint.https_required);
}

constexpr std::string_view kOrderCreated =
    R"({"id":"evt_01JGFJJZ00FK68000000000003","type":"order.created","version":"1.0",)"
    R"("created":1795235400,"data":{"orderId":"ord_01JGFJJZ00FAN8000000000001",)"
    R"("userId":"Käse & Söhne/7","totalAmount":742.5,"currency":"EUR","itemCount":3},)"
    R"("metadata":{"procureiqVersion":"1.0.0","environment":"production"}})";

TEST_F(ProcureIqTest, AFirstRequestByteForByte) {
  EXPECT_EQ(request("order.created", 1, kSent),
            R"(Content-Type: application/json
x-procureiq-event: order.created
x-procureiq-delivery: dlv_01JGFJJZ00FQER000000000004
x-procureiq-timestamp: 1795235461
x-procureiq-signature: sha256=2127fca0402b0931c50fdbe3e90e34ae901c1579cea8afda87f7e259e8a02223
)" + std::string(kOrderCreated));
}

// A-PQ-3: the time is the try's, and the only thing that tells it from the first.
TEST_F(ProcureIqTest, ARetryByteForByte) {
  EXPECT_EQ(request("order.created", 2, kSent + std::chrono::minutes(1)),
            R"(Content-Type: application/json
x-procureiq-event: order.created
x-procureiq-delivery: dlv_01JGFJJZ00FQER000000000004
x-procureiq-timestamp: 1795235521
x-procureiq-signature: sha256=2127fca0402b0931c50fdbe3e90e34ae901c1579cea8afda87f7e259e8a02223
)" + std::string(kOrderCreated));
}

TEST_F(ProcureIqTest, ATestByteForByte) {
  EXPECT_EQ(
      request(model::kTestEvent, 1, kSent),
      R"(Content-Type: application/json
x-procureiq-event: search.started
x-procureiq-delivery: dlv_01JGFJJZ00FQER000000000004
x-procureiq-timestamp: 1795235461
x-procureiq-signature: sha256=5baaa94ec58d799d05f48f6bb0fc2ffebe7c898a48fce1e1766fa8dcb9aec2fe
{"id":"evt_01JGFJJZ00FK68000000000003","type":"search.started","version":"1.0",)"
      R"("created":1795235400,"data":{"searchResultId":"sr_01JGFJJZ00FC90000000000006",)"
      R"("briefId":"brief_01JGFJJZ00FC90000000000007","userId":"usr_01JGFJJZ00FC90000000000005",)"
      R"("productType":"office-chair"},)"
      R"("metadata":{"procureiqVersion":"1.0.0","environment":"production"}})");
}

// The documented header never changes its key before the overlap is over.
TEST_F(ProcureIqTest, ANewSecretSignsBesideTheFormerOne) {
  const std::vector<Secret> secrets = {Secret("new"), Secret("your-webhook-secret")};
  const auto signature = sign(procureiq_, {}, kOrderCreated, kSent, secrets).value();
  ASSERT_EQ(signature.size(), 2u);
  EXPECT_EQ(signature[0].name, "x-procureiq-signature");
  EXPECT_EQ(signature[0].value,
            "sha256=2127fca0402b0931c50fdbe3e90e34ae901c1579cea8afda87f7e259e8a02223");
  EXPECT_EQ(signature[1].name, "x-procureiq-signature-next");
}

TEST_F(ProcureIqTest, AnOrderOfTheHubsOwnHasWhatIsKnownOfIt) {
  EXPECT_EQ(write_json(sent("order.created", R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001",
      "supplier_id": "01941f29-7c00-7bbb-8000-000000000002", "supplier_name": "Acme Paper",
      "status": "needs_review", "line_count": 1, "lines": [{"quantity": 1}]})")),
            R"({"orderId":"ord_01JGFJJZ00FAN8000000000001","itemCount":1})");
}

TEST_F(ProcureIqTest, TimesAreSentInUtcWithMilliseconds) {
  EXPECT_EQ(write_json(sent("order.delivered", R"({"delivered_at": "2026-06-18T11:30:00+02:00",
      "order_id": "01941f29-7c00-7aaa-8000-000000000001"})")),
            R"({"orderId":"ord_01JGFJJZ00FAN8000000000001",)"
            R"("deliveredAt":"2026-06-18T09:30:00.000Z"})");
}

// A-PQ-7.
TEST_F(ProcureIqTest, IdsThatTheHubDoesNotMakeAreSentAsTheyWerePublished) {
  EXPECT_EQ(write_json(sent("payment.recorded", R"({"payment_id": "ch_3Pq/ü",
      "order_id": "01941f29-7c00-7aaa-8000-000000000001"})")),
            R"({"paymentId":"ch_3Pq/ü","orderId":"ord_01JGFJJZ00FAN8000000000001"})");
}

}  // namespace
}  // namespace waybill::dialect
