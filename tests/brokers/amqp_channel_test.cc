#include "delivery/channels/amqp_channel.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "brokers/brokers.h"
#include "delivery/channels/broker_settings.h"

namespace waybill::delivery {
namespace {

using model::Outcome;
using testing::HasSubstr;

amqp_bytes_t bytes(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string text(amqp_bytes_t from) { return {static_cast<const char*>(from.bytes), from.len}; }

// Reads what RabbitMQ has, and makes what it is to have.
class RabbitReader {
 public:
  RabbitReader() {
    const BrokerUrl url = read_broker_url(rabbit_url(), "amqp", 5672).value();
    amqp_socket_t* socket = amqp_tcp_socket_new(connection_);
    if (amqp_socket_open(socket, url.host.c_str(), url.port) != AMQP_STATUS_OK) {
      throw std::runtime_error("RabbitMQ cannot be reached");
    }
    check(amqp_login(connection_, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, url.user.c_str(),
                     url.password.reveal().c_str()));
    amqp_channel_open(connection_, 1);
    check(amqp_get_rpc_reply(connection_));
  }
  ~RabbitReader() { amqp_destroy_connection(connection_); }
  RabbitReader(const RabbitReader&) = delete;
  RabbitReader& operator=(const RabbitReader&) = delete;

  void declare(const std::string& queue, amqp_table_t arguments = amqp_empty_table) {
    amqp_queue_declare(connection_, 1, bytes(queue), 0, /*durable=*/1, 0, 0, arguments);
    check(amqp_get_rpc_reply(connection_));
  }
  // At most one message waits, and more are refused.
  void declare_full(const std::string& queue) {
    amqp_table_entry_t entries[2] = {};
    entries[0].key = bytes("x-max-length");
    entries[0].value.kind = AMQP_FIELD_KIND_I32;
    entries[0].value.value.i32 = 1;
    entries[1].key = bytes("x-overflow");
    entries[1].value.kind = AMQP_FIELD_KIND_UTF8;
    entries[1].value.value.bytes = bytes("reject-publish");
    declare(queue, {2, entries});
  }
  void declare_exchange(const std::string& name) {
    amqp_exchange_declare(connection_, 1, bytes(name), bytes("direct"), 0, 1, 0, 0,
                          amqp_empty_table);
    check(amqp_get_rpc_reply(connection_));
  }
  void remove(const std::string& queue) {
    amqp_queue_delete(connection_, 1, bytes(queue), 0, 0);
    check(amqp_get_rpc_reply(connection_));
  }

  struct Message {
    std::string body;
    std::string id;
    std::string content_type;
    std::string type;
    int delivery_mode = 0;
  };
  // What the queue holds, taken out.
  std::vector<Message> take(const std::string& queue) {
    std::vector<Message> all;
    for (;;) {
      amqp_maybe_release_buffers(connection_);
      const amqp_rpc_reply_t reply = amqp_basic_get(connection_, 1, bytes(queue), /*no_ack=*/1);
      check(reply);
      if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return all;
      amqp_message_t message;
      check(amqp_read_message(connection_, 1, &message, 0));
      all.push_back({text(message.body), text(message.properties.message_id),
                     text(message.properties.content_type), text(message.properties.type),
                     message.properties.delivery_mode});
      amqp_destroy_message(&message);
    }
  }

 private:
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error("RabbitMQ refuses");
  }
  amqp_connection_state_t connection_ = amqp_new_connection();
};

class AmqpChannelTest : public BrokerChannelTest {
 protected:
  AmqpChannelTest() {
    reader.declare(queue);
    set(rabbit_url(), "", queue);
  }
  ~AmqpChannelTest() override { reader.remove(queue); }

  void set(std::string_view url, std::string_view exchange, std::string_view key,
           std::string_view more = "") {
    set_settings(fmt::format(R"({{"url":"{}","exchange":"{}","routing_key":"{}"{}}})", url,
                             exchange, key, more));
  }

  RabbitReader reader;
  std::string queue = fresh_name();
  BrokerChannel channel{clock, workers, amqp_plan};
};

TEST_F(AmqpChannelTest, PublishesAPersistentMessageWithItsId) {
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  const auto all = reader.take(queue);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, message_id());
  EXPECT_EQ(all[0].delivery_mode, 2);
  EXPECT_EQ(all[0].content_type, "application/json");
  EXPECT_EQ(all[0].type, "order.updated");
  EXPECT_EQ(parse_json(all[0].body)->at("body").get_string(), content.body);
}

TEST_F(AmqpChannelTest, TheBodysExactBytesWhereThatIsAskedFor) {
  content.body = std::string("\x00\xff\xce", 3);
  set(rabbit_url(), "", queue, R"(,"payload":"body")");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  const auto all = reader.take(queue);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].body, content.body);
  EXPECT_EQ(all[0].content_type, content.content_type);
}

TEST_F(AmqpChannelTest, ManyAtOnceAreAllConfirmed) {
  content.body.assign(300000, 'x');  // Several frames.
  for (const model::Attempt& each : attempt_many(channel, 40)) {
    ASSERT_EQ(each.outcome, Outcome::kSucceeded) << each.error;
  }
  content.body = "{}";
  for (const model::Attempt& each : attempt_many(channel, 600)) {
    ASSERT_EQ(each.outcome, Outcome::kSucceeded) << each.error;
  }
  const auto all = reader.take(queue);
  ASSERT_EQ(all.size(), 640U);
  for (std::size_t i = 0; i < message_ids.size(); ++i) EXPECT_EQ(all[40 + i].id, message_ids[i]);
}

TEST_F(AmqpChannelTest, AWrongPasswordIsRefusedAndNotTold) {
  set(with_password(rabbit_url(), "falsch"), "", queue);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("ACCESS_REFUSED"));
  EXPECT_THAT(made.error, Not(HasSubstr("falsch")));
}

TEST_F(AmqpChannelTest, AVhostThatIsNotThereIsRefused) {
  set(rabbit_url() + "nowhere", "", queue);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("nowhere"));
}

TEST_F(AmqpChannelTest, AnExchangeThatIsNotThereIsRefusedAndNotMade) {
  set(rabbit_url(), "no-such-exchange", "k");
  for (int i = 0; i < 2; ++i) {
    const model::Attempt made = attempt(channel);
    EXPECT_EQ(made.outcome, Outcome::kRefused);
    EXPECT_THAT(made.error, HasSubstr("no exchange 'no-such-exchange'"));
  }
}

TEST_F(AmqpChannelTest, WhatNoQueueIsBoundForIsNotLostButRefused) {
  const std::string exchange = fresh_name();
  reader.declare_exchange(exchange);
  set(rabbit_url(), exchange, "nobody");
  for (const model::Attempt& each : attempt_many(channel, 3)) {
    EXPECT_EQ(each.outcome, Outcome::kRefused);
    EXPECT_THAT(each.error, HasSubstr("NO_ROUTE"));
  }
  set(rabbit_url(), "", "no-such-queue");
  EXPECT_THAT(attempt(channel).error, HasSubstr("NO_ROUTE"));
}

TEST_F(AmqpChannelTest, AFullQueueRefusesTheMessagesItDoesNotTake) {
  const std::string full = fresh_name();
  reader.declare_full(full);
  set(rabbit_url(), "", full);
  int taken = 0;
  for (const model::Attempt& each : attempt_many(channel, 5)) {
    if (each.outcome == Outcome::kSucceeded) ++taken;
    if (each.outcome != Outcome::kSucceeded) {
      EXPECT_EQ(each.outcome, Outcome::kRefused);
    }
  }
  EXPECT_EQ(reader.take(full).size(), static_cast<std::size_t>(taken));
  EXPECT_LT(taken, 5);
  reader.remove(full);
}

TEST_F(AmqpChannelTest, NobodyThereIsAConnectionError) {
  set(fmt::format("amqp://127.0.0.1:{}", closed_port()), "", queue);
  EXPECT_EQ(attempt(channel).outcome, Outcome::kConnectionError);
}

TEST_F(AmqpChannelTest, ASilentServerIsATimeout) {
  const SilentServer silent;
  endpoint.overrides.timeout = std::chrono::milliseconds(200);
  set(fmt::format("amqp://127.0.0.1:{}", silent.port()), "", queue);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kTimeout);
  EXPECT_LT(made.latency, std::chrono::seconds(15));
}

TEST_F(AmqpChannelTest, TlsIsNotToBeHadFromAServerWithout) {
  std::string url = rabbit_url();
  url.replace(0, 4, "amqps");
  set(url, "", queue);
  endpoint.overrides.timeout = std::chrono::seconds(3);
  EXPECT_NE(attempt(channel).outcome, Outcome::kSucceeded);
  EXPECT_EQ(reader.take(queue).size(), 0U);
}

}  // namespace
}  // namespace waybill::delivery
