// dialects/precoro.toml, byte for byte: what docs/platforms/precoro.md promises.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dialect/dialect_fixture.h"
#include "model/event.h"

namespace waybill::dialect {
namespace {

class PrecoroTest : public DialectFixture {
 protected:
  static const Dialect& dialect() { return built_in("precoro"); }

  // What is sent, or why it is not.
  std::string body(std::string_view type) const {
    const Result<std::string> rendered = render_body(dialect(), message(type));
    return rendered ? *rendered : rendered.error().reason + " " + rendered.error().path;
  }

  Lines headers(std::string_view type, int number) const {
    return lines_of(headers_of(dialect(), type, number, kSent, {}));
  }
};

// R-PR-10 to R-PR-15, A-PR-5
TEST_F(PrecoroTest, ADeliveryAndItsRetriesAreThese) {
  data_is(
      R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001", "document_id": 123456, "idn": 5})");
  EXPECT_EQ(body("order.created"), R"({"id":123456,"type":2,"action":0,"idn":5})");
  EXPECT_EQ(body("order.updated"), R"({"id":123456,"type":2,"action":1,"idn":5})");
  EXPECT_EQ(headers("order.created", 1), Lines{"Content-Type: application/json"});
  EXPECT_EQ(headers("order.created", 2), headers("order.created", 1));
}

TEST_F(PrecoroTest, ATestIsTheDocumentedExample) {
  data_is(R"({"message": "This is a test event from Waybill.", "endpoint_id": "ep_1"})");
  EXPECT_EQ(body(model::kTestEvent), R"({"id":123456,"type":2,"action":0,"idn":5})");
  EXPECT_EQ(headers(model::kTestEvent, 1), Lines{"Content-Type: application/json"});
}

// A-PR-4
TEST_F(PrecoroTest, WhatHasNoIdnHasNoMemberForIt) {
  data_is(R"({"document_id": 7316})");
  EXPECT_EQ(body("supplier.updated"), R"({"id":7316,"type":7,"action":1})");
}

TEST_F(PrecoroTest, NumbersThatArePublishedAsTextsAreSentAsNumbers) {
  data_is(R"({"document_id": "88213", "idn": "142"})");
  EXPECT_EQ(body("invoice.created"), R"({"id":88213,"type":3,"action":0,"idn":142})");
}

TEST_F(PrecoroTest, AnIdThatIsNoNumberIsNotSent) {
  data_is(R"({"order_id": "01941f29-7c00-7aaa-8000-000000000001"})");
  EXPECT_EQ(body("order.created"), "event_data_unfit $.document_id");
  data_is(R"({"document_id": "01941f29-7c00-7aaa-8000-000000000001"})");
  EXPECT_EQ(body("order.created"), "event_data_unfit $.document_id");
}

// R-PR-14: the number of each entity, in its two actions.
TEST_F(PrecoroTest, EveryEntityHasItsNumber) {
  const Lines entities = {"warehouse_request",
                          "purchase_requisition",
                          "purchase_order",
                          "invoice",
                          "request_for_proposal",
                          "receipt",
                          "expense",
                          "supplier",
                          "stock_transfer",
                          "budget",
                          "document_custom_field",
                          "item_custom_field"};
  ASSERT_EQ(dialect().events.size(), entities.size() * 2);
  for (std::size_t type = 0; type < entities.size(); ++type) {
    for (const std::size_t action : {0u, 1u}) {
      const EventType& event = dialect().events[2 * type + action];
      EXPECT_EQ(event.name, entities[type] + (action == 0 ? ".create" : ".update"));
      EXPECT_TRUE(event.canonical.ends_with(action == 0 ? ".created" : ".updated"))
          << event.canonical;
      data_is(write_json(event.example));
      const json::value sent = parse_json(body(event.canonical)).value();
      EXPECT_EQ(sent.at("type").to_number<std::size_t>(), type) << event.name;
      EXPECT_EQ(sent.at("action").to_number<std::size_t>(), action) << event.name;
    }
  }
}

// As elsewhere, so that one event reaches the receivers of every platform. A receipt is one of
// goods, which other platforms would not read in its name.
TEST_F(PrecoroTest, ItsOrdersAndSuppliersAreEverybodys) {
  EXPECT_EQ(dialect().event_type_for("order.created")->name, "purchase_order.create");
  EXPECT_EQ(dialect().event_type_for("supplier.created")->name, "supplier.create");
  EXPECT_EQ(dialect().event_type_for("goods_receipt.created")->name, "receipt.create");
  EXPECT_FALSE(dialect().event_type_for("receipt.created").has_value());
  EXPECT_FALSE(dialect().event_type_for("order.cancelled").has_value());
}

// R-PR-2, R-PR-4, R-PR-5, R-PR-18, R-PR-19
TEST_F(PrecoroTest, ItsRulesAreTheDocumentedOnes) {
  const EndpointRules& endpoint = dialect().endpoint;
  EXPECT_EQ(endpoint.secret, EndpointRules::SecretRule::kNone);
  EXPECT_FALSE(dialect().signature.has_value());
  EXPECT_FALSE(endpoint.https_required);
  EXPECT_TRUE(endpoint.editable);
  EXPECT_EQ(endpoint.endpoints_max, 5);
  EXPECT_TRUE(endpoint.url_unique);
  EXPECT_EQ(endpoint.deactivate_after, 0) << "five tries of one message (A-PR-8)";
  const DeliveryRules& delivery = dialect().delivery;
  EXPECT_EQ(delivery.attempts_max, 5);
  EXPECT_TRUE(delivery.exhausted_deactivates);
  for (const int status : {200, 201}) EXPECT_TRUE(delivery.is_success(status)) << status;
  for (const int status : {202, 203, 204, 206, 299, 302, 500}) {
    EXPECT_FALSE(delivery.is_success(status)) << status;
  }
}

// R-PR-17, A-PR-7
TEST_F(PrecoroTest, TheSameOnTheSameThingIsSentOnceInHalfAMinute) {
  ASSERT_TRUE(dialect().coalescing.has_value());
  const CoalescingRules& rules = *dialect().coalescing;
  EXPECT_EQ(rules.window, std::chrono::seconds(30));
  EXPECT_EQ(rules.edge, CoalescingRules::Edge::kLeading);
  const auto key = [&](std::string_view data) {
    const json::value read = parse_json(data).value();
    Message message;
    message.event_type = "purchase_order.updated";
    message.data = &read;
    return coalescing_key(rules, message).value();
  };
  EXPECT_EQ(key(R"({"document_id": 7, "idn": 1})"), key(R"({"document_id": 7, "idn": 2})"));
  EXPECT_NE(key(R"({"document_id": 7})"), key(R"({"document_id": 8})"));
}

// R-PR-8
TEST_F(PrecoroTest, EveryEventIsOfAKindOfDocument) {
  for (const EventType& event : dialect().events) {
    EXPECT_EQ(event.document, event.name.substr(0, event.name.find('.')));
  }
}

}  // namespace
}  // namespace waybill::dialect
