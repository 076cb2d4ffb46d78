// dialects/proign.toml against what docs/platforms/proign.md says of it. The signatures were
// computed with Python's hmac.

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "dialect/dialect_fixture.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

class ProignTest : public DialectFixture {
 protected:
  ProignTest() {
    data_is(R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001",
        "number": "PO-1", "carrier": "Össi Kuller", "tracking_number": "1Z999AA10123456784",
        "shipped_at": "2026-11-21T05:29:30.999+01:00", "shipping_method": "express"})");
  }

  std::string request(std::string_view type, int number) const {
    return request_of(proign_, type, number, kSent, Secret("your-webhook-secret"));
  }

  // The value of a header, or "none".
  std::string header(int number, std::string_view name) {
    const AttemptView attempt{kDeliveryId, number, kSent};
    const auto headers = request_headers(proign_, message("order.shipped"), attempt).value();
    for (const net::Header& header : headers) {
      if (header.name == name) return header.value;
    }
    return "none";
  }

  const Dialect& proign_ = built_in("proign");
};

using Names = std::vector<std::string>;

// R-PG-8 to R-PG-18.
TEST_F(ProignTest, HasExactlyItsThirtyThreeEvents) {
  Names names;
  for (const EventType& event : proign_.events) names.push_back(event.name);
  EXPECT_EQ(names,
            (Names{"order.created",        "order.picked",           "order.packed",
                   "order.shipped",        "sale.recorded",          "sale.approved",
                   "redemption.created",   "document.sent",          "document.viewed",
                   "document.signed",      "document.declined",      "ticket.created",
                   "ticket.replied",       "ticket.resolved",        "stock.low",
                   "stock.adjusted",       "transfer.completed",     "campaign.sent",
                   "campaign.completed",   "contact.unsubscribed",   "qr.scanned",
                   "qr.threshold_reached", "certificate.uploaded",   "certificate.expiring",
                   "warranty.registered",  "claim.submitted",        "tradein.submitted",
                   "tradein.approved",     "catalog.generated",      "shopify.sync_completed",
                   "machine.alarm",        "machine.status_changed", "production.run_completed"}));
  EXPECT_EQ(names.size(), 33u);
  EXPECT_FALSE(proign_.open_catalogue);
}

// A-PG-8: an order of PROIGN's can be delivered or cancelled, but no webhook tells it.
TEST_F(ProignTest, HasNoWordForADeliveredOrder) {
  for (const std::string_view type : {"order.delivered", "order.cancelled", "order.confirmed"}) {
    EXPECT_FALSE(proign_.event_type_for(type).has_value()) << type;
    EXPECT_FALSE(proign_.has_event(type)) << type;
  }
}

// "document.signed" of a Sign module is no news of a purchase order's document.
TEST_F(ProignTest, WordsThatOthersWouldMisreadHaveACanonicalNameThatSaysMore) {
  for (const auto& [canonical, name] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"counter_sale.recorded", "sale.recorded"},
           {"signing_document.signed", "document.signed"},
           {"stock_transfer.completed", "transfer.completed"},
           {"tax_certificate.expiring", "certificate.expiring"},
           {"warranty_claim.submitted", "claim.submitted"}}) {
    const auto match = proign_.event_type_for(canonical);
    ASSERT_TRUE(match.has_value()) << canonical;
    EXPECT_EQ(match->name, name);
    EXPECT_FALSE(proign_.event_type_for(name).has_value()) << name;
    EXPECT_TRUE(proign_.has_event(name)) << name;
  }
}

TEST_F(ProignTest, EndpointsFollowItsRules) {
  EXPECT_EQ(proign_.endpoint.secret, EndpointRules::SecretRule::kGenerated);
  EXPECT_TRUE(proign_.check_secret(Secret("your-webhook-secret")).has_value());
  EXPECT_TRUE(proign_.endpoint.https_required);
  EXPECT_EQ(proign_.endpoint.deactivate_after, 0);
  EXPECT_EQ(proign_.endpoint.endpoints_max, 0);
}

// R-PG-25 to R-PG-28.
TEST_F(ProignTest, SendsSixRequestsAtItsTimes) {
  using std::chrono::minutes;
  const DeliveryRules& rules = proign_.delivery;
  Rng rng(1);
  std::vector<Timestamp> times = {kSent};
  while (const auto next =
             rules.retry.next(static_cast<int>(times.size()), times.back(), {}, rng)) {
    times.push_back(*next);
  }
  std::vector<minutes> waits;
  for (std::size_t i = 1; i < times.size(); ++i) {
    waits.push_back(std::chrono::duration_cast<minutes>(times[i] - times[i - 1]));
  }
  EXPECT_EQ(waits, (std::vector{minutes(1), minutes(5), minutes(30), minutes(120), minutes(1440)}));
  EXPECT_EQ(rules.timeout, std::chrono::seconds(30));
  for (const int status : {200, 204, 299}) EXPECT_TRUE(rules.is_success(status)) << status;
  for (const int status : {199, 300, 404, 500}) EXPECT_FALSE(rules.is_success(status)) << status;
}

TEST_F(ProignTest, AFirstRequestByteForByte) {
  EXPECT_EQ(request("order.shipped", 1),
            R"(Content-Type: application/json
X-Proign-Delivery-ID: 01941f29-7c00-7ddd-8000-000000000004-1
X-Proign-Signature: sha256=14d4b29240270f2abfdb8cb8c1e528049a98b38091a800404c3cc8bec0cd7c82
{"id":"evt_01JGFJJZ00FK68000000000003","type":"order.shipped","timestamp":"2026-11-21T04:30:00Z",)"
            R"("tenant_id":"acme","data":{"order_id":"01941f29-7c00-7aaa-8000-000000000001",)"
            R"("tracking_number":"1Z999AA10123456784","carrier":"Össi Kuller",)"
            R"("shipped_at":"2026-11-21T04:29:30Z","shipping_method":"express"}})");
}

TEST_F(ProignTest, ARetryByteForByte) {
  EXPECT_EQ(request("order.shipped", 2),
            R"(Content-Type: application/json
X-Proign-Delivery-ID: 01941f29-7c00-7ddd-8000-000000000004-2
X-Proign-Retry-Count: 0
X-Proign-Signature: sha256=14d4b29240270f2abfdb8cb8c1e528049a98b38091a800404c3cc8bec0cd7c82
{"id":"evt_01JGFJJZ00FK68000000000003","type":"order.shipped","timestamp":"2026-11-21T04:30:00Z",)"
            R"("tenant_id":"acme","data":{"order_id":"01941f29-7c00-7aaa-8000-000000000001",)"
            R"("tracking_number":"1Z999AA10123456784","carrier":"Össi Kuller",)"
            R"("shipped_at":"2026-11-21T04:29:30Z","shipping_method":"express"}})");
}

TEST_F(ProignTest, ATestByteForByte) {
  EXPECT_EQ(request(model::kTestEvent, 1),
            R"(Content-Type: application/json
X-Proign-Delivery-ID: 01941f29-7c00-7ddd-8000-000000000004-1
X-Proign-Signature: sha256=4f5e581709cad274f2b651fef47cfa7945ff73653205717f37423dc5ac39e193
{"id":"evt_01JGFJJZ00FK68000000000003","type":"order.shipped","timestamp":"2026-11-21T04:30:00Z",)"
            R"("tenant_id":"acme","data":{"order_id":"01941f29-7c00-7aaa-8000-000000000001",)"
            R"("tracking_number":"SAMPLE-TRACKING-1","carrier":"UPS",)"
            R"("shipped_at":"2026-11-21T04:30:00Z","shipping_method":"express"}})");
}

// R-PG-29 as A-PG-2 and A-PG-3 read it.
TEST_F(ProignTest, CountsItsRetriesFromZeroToFour) {
  EXPECT_EQ(header(1, "X-Proign-Retry-Count"), "none");
  for (int number = 2; number <= proign_.delivery.retry.attempts_max(); ++number) {
    EXPECT_EQ(header(number, "X-Proign-Retry-Count"), std::to_string(number - 2));
  }
  EXPECT_EQ(header(6, "X-Proign-Retry-Count"), "4");
}

// A-PG-4.
TEST_F(ProignTest, EveryTryHasADeliveryIdOfItsOwn) {
  Names ids;
  for (int number = 1; number <= 6; ++number) ids.push_back(header(number, "X-Proign-Delivery-ID"));
  EXPECT_EQ(std::ranges::count(ids, "none"), 0);
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

TEST_F(ProignTest, WhatIsNotKnownOfAShipmentIsLeftOut) {
  data_ = parse_json(R"({"order_id": "1"})").value();
  const std::string body = render_body(proign_, message("order.shipped")).value();
  EXPECT_TRUE(body.ends_with(R"("data":{"order_id":"1"}})")) << body;
  data_ = parse_json(R"({"carrier": "UPS"})").value();
  EXPECT_EQ(render_body(proign_, message("order.shipped")).error().path, "$.order_id");
}

}  // namespace
}  // namespace waybill::dialect
