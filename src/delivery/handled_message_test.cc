#include "delivery/handled_message.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace waybill::delivery {
namespace {

model::MessageContent a_message() {
  model::MessageContent content;
  content.id = *model::MessageId::parse("msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B");
  content.source = "shop";
  content.dialect = "woocommerce";
  content.type = "order.updated";
  content.external_id = "8f3a";
  content.received_at = from_unix_millis(1'800'000'000'000);
  content.content_type = "application/json";
  content.headers = {{"X-WC-Webhook-Topic", "order.updated"}};
  content.body = R"({"id": 12345678901234567890, "total": "1.10"})";
  return content;
}

TEST(HandledMessageTest, SaysWhatItIsAndCarriesTheExactText) {
  model::Delivery delivery;
  delivery.kind = model::DeliveryKind::kReplay;
  model::MessageContent content = a_message();
  content.document = R"({"idn":7})";
  const auto read = parse_json(handled_json(content, delivery, 2));
  ASSERT_TRUE(read.has_value());
  const json::object& object = read->get_object();
  EXPECT_EQ(object.at("body").get_string(), content.body);
  EXPECT_EQ(object.at("data").at("total").get_string(), "1.10");
  EXPECT_EQ(object.at("document").at("idn").get_int64(), 7);
  EXPECT_EQ(object.at("message").at("type").get_string(), "order.updated");
  // The message's own, also where the delivery is of what was fetched.
  EXPECT_EQ(object.at("message").at("id").get_string(), "msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B");
  EXPECT_EQ(object.at("delivery").at("attempt").get_int64(), 2);
  EXPECT_TRUE(object.at("delivery").at("replay").get_bool());
}

TEST(HandledMessageTest, WhatIsNoJsonHasNoData) {
  model::MessageContent content = a_message();
  content.body = "webhook_id=5";
  auto read = parse_json(handled_json(content, {}, 1));
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->get_object().contains("data"));
  content.body = "\xff";
  read = parse_json(handled_json(content, {}, 1));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->get_object().at("body_base64").get_string(), "/w==");
  EXPECT_FALSE(read->get_object().contains("body"));
}

}  // namespace
}  // namespace waybill::delivery
