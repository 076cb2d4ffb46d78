#include "delivery/channels/kafka_channel.h"

#include <map>
#include <memory>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "brokers/brokers.h"

namespace waybill::delivery {
namespace {

using model::Outcome;
using testing::HasSubstr;

constexpr int kPartitions = 4;
constexpr std::int16_t kProduce = 0;  // The API key of Kafka's protocol.

struct DestroyClient {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using Client = std::unique_ptr<rd_kafka_t, DestroyClient>;

Client make_client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  rd_kafka_conf_t* configuration = rd_kafka_conf_new();
  char why[512] = {};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), why, sizeof why) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(why);
    }
  }
  rd_kafka_conf_set_log_cb(configuration, [](const rd_kafka_t*, int, const char*, const char*) {});
  Client made(rd_kafka_new(type, configuration, why, sizeof why));
  if (!made) throw std::runtime_error(why);
  return made;
}

// librdkafka's own cluster of three brokers, which speaks the protocol over sockets.
class KafkaChannelTest : public BrokerChannelTest {
 protected:
  KafkaChannelTest()
      : owner(make_client(RD_KAFKA_PRODUCER, {})),
        cluster(rd_kafka_mock_cluster_new(owner.get(), 3)) {
    rd_kafka_mock_topic_create(cluster, topic.c_str(), kPartitions, 3);
    set("");
  }
  ~KafkaChannelTest() override {
    workers.stop();
    rd_kafka_mock_cluster_destroy(cluster);
  }

  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster); }
  void set(std::string_view more) {
    set_settings(fmt::format(R"({{"brokers":"{}","topic":"{}"{}}})", brokers(), topic, more));
  }
  void fail_next(std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster, kProduce, errors.size(), errors.data());
  }

  struct Record {
    std::string value;
    std::string key;
    std::string id;
    int partition = 0;
  };
  // All that the topic has, once there are as many as are `wanted`, and what follows in a moment.
  std::vector<Record> records(std::size_t wanted) {
    const Client consumer = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers()},
                                                            {"group.id", "reader"},
                                                            {"enable.auto.commit", "false"}});
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(kPartitions);
    for (int i = 0; i < kPartitions; ++i) {
      rd_kafka_topic_partition_list_add(all, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(consumer.get(), all);
    rd_kafka_topic_partition_list_destroy(all);
    std::vector<Record> read;
    const Deadline deadline = Deadline::after(std::chrono::seconds(30));
    while (!deadline.passed()) {
      const bool enough = read.size() >= wanted;
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), enough ? 300 : 2000);
      if (!message && enough) break;
      if (!message) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) read.push_back(record_of(*message));
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return read;
  }

  static Record record_of(const rd_kafka_message_t& message) {
    Record record;
    record.value.assign(static_cast<const char*>(message.payload), message.len);
    if (message.key) record.key.assign(static_cast<const char*>(message.key), message.key_len);
    record.partition = message.partition;
    rd_kafka_headers_t* headers = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(headers, "waybill-message-id", &value, &size) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
      record.id.assign(static_cast<const char*>(value), size);
    }
    return record;
  }

  Client owner;
  rd_kafka_mock_cluster_t* cluster;
  std::string topic = fresh_name();
  BrokerChannel channel{clock, workers, kafka_plan};
};

TEST_F(KafkaChannelTest, ProducesTheMessageWithItsId) {
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_THAT(made.response_body, HasSubstr("offset 0"));
  const auto all = records(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, message_id());
  EXPECT_EQ(all[0].key, "");
  EXPECT_EQ(parse_json(all[0].value)->at("body").get_string(), content.body);
}

TEST_F(KafkaChannelTest, TheBodysExactBytesWhereThatIsAskedFor) {
  content.body = std::string("\x00\xff", 2);
  set(R"(,"payload":"body")");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  const auto all = records(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].value, content.body);
}

TEST_F(KafkaChannelTest, WhatHasTheSameKeyStaysInItsOrder) {
  set(R"(,"key":"{body.id}","payload":"body")");
  std::vector<std::unique_ptr<Attempted>> all;
  for (int i = 0; i < 200; ++i) {
    delivery.id = ids.next_id<model::DeliveryId>();
    delivery.event_id = ids.next_id<model::EventId>();
    content.body = fmt::format(R"({{"id":{},"n":{}}})", i % 7, i);
    all.push_back(begin(channel));
  }
  context.restart();
  context.run();
  for (const auto& each : all) {
    ASSERT_EQ(each->made->outcome, Outcome::kSucceeded) << each->made->error;
  }
  std::map<std::string, std::int64_t> last;
  std::map<std::string, int> partition;
  const auto read = records(200);
  ASSERT_EQ(read.size(), 200U);
  for (const Record& record : read) {
    const std::int64_t n = parse_json(record.value)->at("n").to_number<std::int64_t>();
    if (last.contains(record.key)) {
      EXPECT_GT(n, last[record.key]);
      EXPECT_EQ(record.partition, partition[record.key]);
    }
    last[record.key] = n;
    partition[record.key] = record.partition;
  }
  EXPECT_EQ(last.size(), 7U);
}

TEST_F(KafkaChannelTest, AMessageWithoutWhatTheKeyNamesIsUnsendable) {
  set(R"(,"key":"{body.missing}")");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kUnsendable);
}

TEST_F(KafkaChannelTest, TroubleThatPassesDuplicatesNothing) {
  fail_next({RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
             RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE});
  for (const model::Attempt& each : attempt_many(channel, 50)) {
    EXPECT_EQ(each.outcome, Outcome::kSucceeded) << each.error;
  }
  EXPECT_EQ(records(50).size(), 50U);
}

TEST_F(KafkaChannelTest, WhatKafkaRefusesIsRefused) {
  fail_next({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kRefused);
  EXPECT_THAT(made.error, HasSubstr("uthoriz"));
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
}

TEST_F(KafkaChannelTest, ABrokerThatIsDownForAWhileLosesNothing) {
  EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);
  for (int i = 1; i <= 3; ++i) rd_kafka_mock_broker_set_down(cluster, i);
  endpoint.overrides.timeout = std::chrono::milliseconds(1500);
  delivery.event_id = ids.next_id<model::EventId>();
  const model::Attempt failed = attempt(channel);
  EXPECT_NE(failed.outcome, Outcome::kSucceeded);
  EXPECT_LT(failed.latency, std::chrono::seconds(15));
  for (int i = 1; i <= 3; ++i) rd_kafka_mock_broker_set_up(cluster, i);
  endpoint.overrides.timeout = std::chrono::seconds(20);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded) << made.error;
  EXPECT_EQ(records(2).size(), 2U);
}

TEST_F(KafkaChannelTest, NobodyThereFailsInTime) {
  set_settings(fmt::format(R"({{"brokers":"127.0.0.1:{}","topic":"t"}})", closed_port()));
  endpoint.overrides.timeout = std::chrono::seconds(1);
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kConnectionError);
  EXPECT_LT(made.latency, std::chrono::seconds(15));
}

}  // namespace
}  // namespace waybill::delivery
