#include "delivery/channels/broker_settings.h"

#include <gtest/gtest.h>

#include "delivery/channel_settings.h"
#include "delivery/channels/amqp_settings.h"
#include "delivery/channels/kafka_settings.h"
#include "delivery/channels/redis_settings.h"
#include "delivery/channels/sql_settings.h"

namespace waybill::delivery {
namespace {

using model::Channel;

json::object object(std::string_view text) { return parse_json(text).value().get_object(); }

TEST(BrokerSettingsTest, ReadAUrlWithItsEscapes) {
  const auto url = read_broker_url("amqp://us%40er:p%3Ass@[::1]:99/%2Fa", "amqp", 5672);
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->user, "us@er");
  EXPECT_EQ(url->password.reveal(), "p:ss");
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 99);
  EXPECT_EQ(url->path, "/a");
  EXPECT_FALSE(url->tls);
  EXPECT_TRUE(read_broker_url("amqps://h", "amqp", 5672)->tls);
  EXPECT_EQ(read_broker_url("amqp://h", "amqp", 5672)->port, 5672);
}

TEST(BrokerSettingsTest, ReadRedis) {
  const auto read = read_redis_settings(
      object(R"({"url":"redis://:x@h:1/3","stream":"s","maxlen":5,"payload":"body"})"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->database, 3);
  EXPECT_EQ(read->stream, "s");
  EXPECT_EQ(read->length_max, 5);
  EXPECT_EQ(read->payload, Payload::kBody);
}

TEST(BrokerSettingsTest, AnAmqpUrlWithoutAPathIsTheFirstVhost) {
  EXPECT_EQ(read_amqp_settings(object(R"({"url":"amqp://h","exchange":"e"})"))->vhost, "/");
  EXPECT_EQ(read_amqp_settings(object(R"({"url":"amqp://h/","exchange":"e"})"))->vhost, "/");
  EXPECT_EQ(read_amqp_settings(object(R"({"url":"amqp://h/v","exchange":"e"})"))->vhost, "v");
  EXPECT_EQ(read_amqp_settings(object(R"({"url":"amqp://h/%2Fv","exchange":"e"})"))->vhost, "/v");
}

TEST(BrokerSettingsTest, ATableIsQuoted) {
  const auto table = [](std::string_view name) {
    json::object settings = object(R"({"url":"postgresql://u@h/d"})");
    settings["table"] = name;
    const auto read = read_sql_settings(settings);
    return read ? read->table : read.error().path;
  };
  EXPECT_EQ(table("messages"), "\"messages\"");
  EXPECT_EQ(table("in.Messages"), "\"in\".\"Messages\"");
  EXPECT_EQ(table("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
  EXPECT_EQ(table("a.b.c"), "$.table");
  EXPECT_EQ(table(".b"), "$.table");
  EXPECT_EQ(table(std::string(64, 'x')), "$.table");
}

TEST(BrokerSettingsTest, WhatCannotBeUsedIsRefusedWithItsPath) {
  struct Case {
    Channel channel;
    std::string_view settings;
    std::string_view path;
  };
  const Case cases[] = {
      {Channel::kRedis, R"({"stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h"})", "$.stream"},
      {Channel::kRedis, R"({"url":"http://h","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"rediss://h","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h/x","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h/-1","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h:0","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h?a=b","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h%0a","stream":"s"})", "$.url"},
      {Channel::kRedis, R"({"url":"redis://h","stream":"s","maxlen":0})", "$.maxlen"},
      {Channel::kRedis, R"({"url":"redis://h","stream":"s","maxlen":"9"})", "$.maxlen"},
      {Channel::kRedis, R"({"url":"redis://h","stream":"s","payload":"x"})", "$.payload"},
      {Channel::kRedis, R"({"url":"redis://h","stream":"s","more":1})", "$.more"},
      {Channel::kAmqp, R"({"url":"redis://h","exchange":"e"})", "$.url"},
      {Channel::kAmqp, R"({"url":"amqp://h"})", "$.exchange"},
      {Channel::kKafka, R"({"brokers":"h:x","topic":"t"})", "$.brokers"},
      {Channel::kKafka, R"({"brokers":"h,,i","topic":"t"})", "$.brokers"},
      {Channel::kKafka, R"({"brokers":"h:9092","topic":"a b"})", "$.topic"},
      {Channel::kKafka, R"({"brokers":"h:9092","topic":".."})", "$.topic"},
      {Channel::kKafka, R"({"brokers":"h:9092","topic":"t","key":"{body"})", "$.key"},
      {Channel::kSql, R"({"url":"mysql://h/d","table":"t"})", "$.url"},
      {Channel::kSql, R"({"url":"postgresql://h/d"})", "$.table"},
  };
  for (const Case& each : cases) {
    const auto checked = check_channel_settings(each.channel, object(each.settings));
    ASSERT_FALSE(checked.has_value()) << each.settings;
    EXPECT_EQ(checked.error().reason, "handler_settings_invalid") << each.settings;
    EXPECT_EQ(checked.error().path, each.path) << each.settings;
  }
  for (const auto& [channel, settings] : std::vector<std::pair<Channel, std::string_view>>{
           {Channel::kRedis, R"({"url":"redis://h","stream":"s"})"},
           {Channel::kAmqp, R"({"url":"amqp://h","exchange":"","routing_key":"q"})"},
           {Channel::kKafka, R"({"brokers":"h:9092,i","topic":"t","key":"{body.id?}"})"},
           {Channel::kSql, R"({"url":"postgres://h/d","table":"t"})"}}) {
    EXPECT_TRUE(check_channel_settings(channel, object(settings)).has_value()) << settings;
  }
}

TEST(BrokerSettingsTest, NoFaultRepeatsAPassword) {
  for (const std::string_view url :
       {"redis://:geheim@", "redis://:geheim@h/x", "redis:geheim", "redis://:gehe%im@h"}) {
    json::object settings = object(R"({"stream":"s"})");
    settings["url"] = url;
    const auto checked = check_channel_settings(Channel::kRedis, settings);
    ASSERT_FALSE(checked.has_value()) << url;
    EXPECT_EQ(checked.error().message.find("gehe"), std::string::npos) << checked.error().message;
  }
}

TEST(BrokerSettingsTest, APasswordIsNotShown) {
  EXPECT_EQ(hide_password("redis://:geheim@h:1/0"), "redis://:…@h:1/0");
  EXPECT_EQ(hide_password("amqp://user:ge@heim@h/v"), "amqp://user:…@h/v");
  EXPECT_EQ(hide_password("amqp://user@h/v"), "amqp://user@h/v");
  EXPECT_EQ(hide_password("redis://h:6379"), "redis://h:6379");
  EXPECT_EQ(hide_password("postgres://u@h/d?password=geheim&sslmode=require"),
            "postgres://u@h/d?password=…&sslmode=require");
  EXPECT_EQ(hide_password("geheim"), "…");
  EXPECT_EQ(
      shown_channel_settings(Channel::kSql, object(R"({"url":"postgres://u:p@h/d","table":"t"})")),
      R"({"url":"postgres://u:…@h/d","table":"t"})");
}

}  // namespace
}  // namespace waybill::delivery
