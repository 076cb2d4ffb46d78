#include "model/message.h"

#include <gtest/gtest.h>

namespace waybill::model {
namespace {

MessageContent a_message() {
  MessageContent content;
  content.id = *MessageId::parse("msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B");
  content.source = "shop";
  content.dialect = "woocommerce";
  content.type = "order.updated";
  content.external_id = "8f3a";
  content.received_at = from_unix_millis(1'800'000'000'123);
  content.content_type = "application/json";
  content.headers = {{"X-WC-Webhook-Topic", "order.updated"}, {"X-Odd", "\xff"}};
  content.body = "{\"id\": 1.0,  \"name\":\"\xc3\xa4 \\u0041\"}\n";
  return content;
}

MessageContent read_again(const MessageContent& content) {
  const auto data = parse_json(message_data(content));
  EXPECT_TRUE(data.has_value());
  auto read = read_message_data(*data);
  EXPECT_TRUE(read.has_value());
  return read ? *std::move(read) : MessageContent();
}

TEST(MessageTest, KeepsTheExactBytesOfABody) {
  MessageContent content = a_message();
  EXPECT_EQ(read_again(content).body, content.body);
  content.body = std::string("\0\xff\xfe {", 5);  // No UTF-8.
  EXPECT_EQ(read_again(content).body, content.body);
  content.body.clear();
  EXPECT_EQ(read_again(content).body, "");
}

TEST(MessageTest, KeepsWhatIsToldBesideTheBody) {
  MessageContent content = a_message();
  content.document = R"({"total":"12.50"})";
  const MessageContent read = read_again(content);
  EXPECT_EQ(read.source, "shop");
  EXPECT_EQ(read.dialect, "woocommerce");
  EXPECT_EQ(read.type, "order.updated");
  EXPECT_EQ(read.id, content.id);
  EXPECT_EQ(read.external_id, "8f3a");
  EXPECT_EQ(read.received_at, content.received_at);
  EXPECT_EQ(read.content_type, "application/json");
  ASSERT_EQ(read.headers.size(), 2U);
  EXPECT_EQ(read.headers[0].name, "X-WC-Webhook-Topic");
  EXPECT_EQ(read.headers[0].value, "order.updated");
  EXPECT_EQ(read.document, content.document);
}

TEST(MessageTest, WhatIsNoMessageIsToldSo) {
  for (const char* data :
       {"[]", "{}", R"({"received_at":"2026-11-21T04:30:00.000Z","headers":[],"body":""})",
        R"({"id":"msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",)"
        R"("received_at":"2026-11-21T04:30:00.000Z","headers":[]})",
        R"({"id":"msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",)"
        R"("received_at":"x","headers":[],"body":""})",
        R"({"id":"msg_01KAHZ5MPQ3V8N2X7R4T6W9Y0B",)"
        R"("received_at":"2026-11-21T04:30:00.000Z","headers":[1],"body":""})"}) {
    const auto read = read_message_data(*parse_json(data));
    ASSERT_FALSE(read.has_value()) << data;
    EXPECT_EQ(read.error().reason, "message_unreadable");
  }
}

}  // namespace
}  // namespace waybill::model
