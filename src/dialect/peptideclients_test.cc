// dialects/peptideclients.toml, byte for byte: what docs/platforms/peptideclients.md promises.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dialect/dialect_fixture.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

const Secret kSecret("k9-Zr2hQvX0aWmTbYc4LdEfGuHjPsNo1RqVtIx5yC7w");

class PeptideClientsTest : public DialectFixture {
 protected:
  static const Dialect& dialect() { return built_in("peptideclients"); }

  std::string body(std::string_view type) const {
    return render_body(dialect(), message(type)).value();
  }

  // Every header of a try of `type`, signed, as it is written.
  Lines headers(std::string_view type, int number, Timestamp sent_at,
                const std::vector<Secret>& secrets = {kSecret}) const {
    return lines_of(headers_of(dialect(), type, number, sent_at, secrets));
  }

 private:
  json::value data_ = json::object();
};

constexpr std::string_view kShipped =
    R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001", "store_id": "eu-shop",
        "tracking_number": "1Z999AA10123456784", "carrier": "UPS"})";

// R-PC-37, R-PC-38. The signatures were computed with Python's hmac module.
TEST_F(PeptideClientsTest, ADeliveryIsThese) {
  data_is(kShipped);
  EXPECT_EQ(
      body("order.shipped"),
      R"({"id":"01941f29-7c00-7ccc-8000-000000000003","type":"order.shipped",)"
      R"("created_at":"2026-11-21T04:30:00.123Z","org_id":"acme","store_id":"eu-shop","data":{)"
      R"("order_id":"01941f29-7c00-7aaa-8000-000000000001","store_id":"eu-shop",)"
      R"("tracking_number":"1Z999AA10123456784","carrier":"UPS"}})");
  EXPECT_EQ(
      headers("order.shipped", 1, kSent),
      (Lines{"Content-Type: application/json", "User-Agent: PeptideClients-Webhook/1.0",
             "X-PC-Event-Type: order.shipped",
             "X-PC-Event-Id: 01941f29-7c00-7ccc-8000-000000000003",
             "X-PC-Delivery-Id: 01941f29-7c00-7ddd-8000-000000000004", "X-PC-Timestamp: 1795235461",
             std::string("X-PC-Signature: t=1795235461,v1=") +
                 "875aeea24a45d80302bcb853582833b98dc93c5cf6e8a101bed62ee62a366e53"}));
}

// Receivers drop copies by the delivery's id (A-PC-7), and refuse an old time.
TEST_F(PeptideClientsTest, ARetryHasTheSameIdsAndItsOwnTime) {
  data_is(kShipped);
  EXPECT_EQ(
      headers("order.shipped", 2, kSent + std::chrono::minutes(1)),
      (Lines{"Content-Type: application/json", "User-Agent: PeptideClients-Webhook/1.0",
             "X-PC-Event-Type: order.shipped",
             "X-PC-Event-Id: 01941f29-7c00-7ccc-8000-000000000003",
             "X-PC-Delivery-Id: 01941f29-7c00-7ddd-8000-000000000004", "X-PC-Timestamp: 1795235521",
             std::string("X-PC-Signature: t=1795235521,v1=") +
                 "0eebe6c359f20545e6be11285cc23a867a9de884cd0d0bd3488d2fb359c01d12"}));
}

// R-PC-37, A-PC-4
TEST_F(PeptideClientsTest, ATestIsAnEventOfItsCatalogueAndHasNoId) {
  data_is(R"({"message": "This is a test event from Waybill.", "endpoint_id": "ep_1"})");
  EXPECT_EQ(body(model::kTestEvent),
            R"({"id":null,"type":"webhook.test",)"
            R"("created_at":"2026-11-21T04:30:00.123Z","org_id":"acme","data":{)"
            R"("message":"This is a test event from Waybill.","endpoint_id":"ep_1"}})");
  EXPECT_EQ(headers(model::kTestEvent, 1, kSent)[2], "X-PC-Event-Type: webhook.test");
  EXPECT_EQ(headers(model::kTestEvent, 1, kSent)[3], "X-PC-Event-Id: null");
}

// R-PC-43
TEST_F(PeptideClientsTest, ItsCatalogueIsTheDocumentedOne) {
  Lines names;
  for (const EventType& event : dialect().events) names.push_back(event.name);
  EXPECT_EQ(names, (Lines{"order.created", "order.shipped", "order.delivered", "client.created",
                          "client.updated", "vendor.created", "vendor.updated", "vendor.claimed",
                          "payment.recorded", "shipment.tracking_added", "webhook.test"}));
  EXPECT_FALSE(dialect().event_type_for("order.cancelled").has_value());
  EXPECT_FALSE(dialect().open_catalogue);
}

// A vendor that is claimed is a seller's profile and no supplier.
TEST_F(PeptideClientsTest, ItsVendorsAreSuppliersUnlessTheyAreClaimed) {
  EXPECT_EQ(dialect().event_type_for("supplier.created")->name, "vendor.created");
  EXPECT_EQ(dialect().event_type_for("supplier.updated")->name, "vendor.updated");
  EXPECT_EQ(dialect().event_type_for("vendor.claimed")->name, "vendor.claimed");
  EXPECT_FALSE(dialect().event_type_for("supplier.claimed").has_value());
}

// R-PC-35, R-PC-36, R-PC-39 to R-PC-41
TEST_F(PeptideClientsTest, ItsRulesAreTheDocumentedOnes) {
  using std::chrono::minutes;
  const EndpointRules& endpoint = dialect().endpoint;
  EXPECT_TRUE(endpoint.https_required);
  EXPECT_EQ(endpoint.endpoints_max, 10);
  EXPECT_TRUE(endpoint.endpoints_max_of_active);
  EXPECT_EQ(endpoint.deactivate_after, 0);
  EXPECT_EQ(endpoint.secret, EndpointRules::SecretRule::kGenerated);
  const DeliveryRules& delivery = dialect().delivery;
  EXPECT_EQ(delivery.attempts_max, 5);
  EXPECT_FALSE(delivery.exhausted_deactivates);
  EXPECT_EQ(delivery.retry.delays(),
            (std::vector<model::RetrySchedule::Delay>{minutes(1), minutes(5), minutes(30),
                                                      minutes(120), minutes(480)}));
  EXPECT_EQ(delivery.retry.jitter_percent(), 0);
  for (const int status : {200, 202, 204, 299}) EXPECT_TRUE(delivery.is_success(status)) << status;
  for (const int status : {301, 302, 404, 500}) EXPECT_FALSE(delivery.is_success(status)) << status;
}

// A receiver that was written from the platform's sample looks at the header's end.
TEST_F(PeptideClientsTest, WhileASecretIsChangedTheHeaderStillEndsInTheFormersSignature) {
  data_is(kShipped);
  const std::string former = headers("order.shipped", 1, kSent).back();
  const std::string both =
      headers("order.shipped", 1, kSent, {Secret("the-new-one-of-the-two"), kSecret}).back();
  EXPECT_TRUE(both.ends_with(former.substr(former.find("v1=")))) << both;
  EXPECT_EQ(std::ranges::count(both, ','), 2) << both;
}

// A-PC-5, A-PC-8
TEST_F(PeptideClientsTest, WhatIsReceivedMayBeFiveMinutesOld) {
  data_is(kShipped);
  const std::string text = body("order.shipped");
  const auto signature = sign(dialect(), {}, text, kSent, {{kSecret}}).value();
  const auto outcome = [&](std::chrono::seconds later) {
    const Timestamp signed_at{std::chrono::seconds(1795235461)};
    const auto verified = verify(dialect(), signature, text, {{kSecret}}, signed_at + later);
    return verified ? "passed" : verified.error().reason;
  };
  EXPECT_EQ(outcome(std::chrono::seconds(300)), "passed");
  EXPECT_EQ(outcome(std::chrono::seconds(-300)), "passed");
  EXPECT_EQ(outcome(std::chrono::seconds(301)), "timestamp_out_of_tolerance");
  EXPECT_EQ(outcome(std::chrono::seconds(-301)), "timestamp_out_of_tolerance");
}

}  // namespace
}  // namespace waybill::dialect
