// What is handled in order: Endpoint::order_by.

#include <set>

#include <gtest/gtest.h>

#include "model/message.h"
#include "routing/routing.h"

namespace waybill::routing {
namespace {

const model::SourceId kSource = *model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0B");

Subscription ordered_by(std::string order_by) {
  Subscription made;
  made.event_types = {"*"};
  made.channel = model::Channel::kCommand;
  made.source_id = kSource;
  made.order_by = std::move(order_by);
  return made;
}

model::Event message(std::string body, std::vector<net::Header> headers = {}) {
  model::MessageContent content;
  content.headers = std::move(headers);
  content.body = std::move(body);
  model::Event made;
  made.type = model::kMessageReceived;
  made.subject = kSource.text();
  made.data = model::message_data(content);
  return made;
}

TEST(OrderKey, IsOfWhatTheTemplateMakesAlone) {
  const Subscription by_id = ordered_by("{body.id}");
  const auto first = order_key(message(R"({"id":"a","n":1})"), by_id);
  EXPECT_EQ(order_key(message(R"({"n":2,"id":"a"})"), by_id), first);
  EXPECT_NE(order_key(message(R"({"id":"b","n":1})"), by_id), first);
  const Subscription by_header = ordered_by("{header.x-order}");
  EXPECT_EQ(order_key(message("1", {{"X-Order", "a"}}), by_header), first);
}

TEST(OrderKey, IsNeverNegative) {
  std::set<std::int64_t> keys;
  for (int id = 0; id < 200; ++id) {
    const auto key =
        order_key(message(R"({"id":)" + std::to_string(id) + "}"), ordered_by("{body.id}"));
    ASSERT_TRUE(key);
    EXPECT_GE(*key, 0) << id;
    keys.insert(*key);
  }
  EXPECT_EQ(keys.size(), 200u);
}

TEST(OrderKey, WhatLacksItIsInOrderWithAllThatDo) {
  const Subscription by_id = ordered_by("{body.id}");
  const auto lacking = order_key(message(R"({"n":1})"), by_id);
  ASSERT_TRUE(lacking);
  EXPECT_EQ(order_key(message("no JSON"), by_id), lacking);
  model::Event test;
  test.type = model::kTestEvent;
  test.data = "{}";
  EXPECT_EQ(order_key(test, by_id), lacking) << "an event that is no message";
  EXPECT_NE(order_key(message(R"({"id":"a"})"), by_id), lacking);
}

TEST(OrderKey, IsTheirsAloneWhoAskForIt) {
  EXPECT_EQ(order_key(message(R"({"id":"a"})"), ordered_by({})), std::nullopt);
  const std::vector<Subscription> all = {ordered_by({}), ordered_by("{body.id}")};
  static const auto dialects = dialect::DialectRegistry::load({});
  const model::Event event = message(R"({"id":"a"})");
  const Plan made = plan(event, {.id = {}, .slug = "acme", .name = {}}, all, *dialects);
  ASSERT_EQ(made.matched.size(), 2u);
  EXPECT_EQ(made.matched[0].order_key, std::nullopt);
  EXPECT_EQ(made.matched[1].order_key, order_key(event, all[1]));
}

}  // namespace
}  // namespace waybill::routing
