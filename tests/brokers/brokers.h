// What the tests of handlers share that write to real servers: where those are (the file that
// WAYBILL_TEST_BROKERS_FILE names: Redis, then RabbitMQ; WAYBILL_TEST_POSTGRES_FILE: PostgreSQL).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "delivery/channels/broker_channel.h"
#include "delivery/channels/channel_fixture.h"

namespace waybill::delivery {

// Throws if there is no such server, so that a test that found none has failed.
std::string redis_url();
std::string rabbit_url();
std::string postgres_url();

// The same URL with another password.
std::string with_password(std::string_view url, std::string_view password);

// A name that no other test has, of letters, digits and dashes.
std::string fresh_name();

// Takes connections, and says nothing.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

// A port at which nobody listens.
std::uint16_t closed_port();

class BrokerChannelTest : public ChannelTest {
 protected:
  BrokerChannelTest() {
    content.headers = {{"X-WC-Webhook-Topic", "order.updated"}};
    endpoint.overrides.timeout = std::chrono::seconds(20);
  }
  ~BrokerChannelTest() override { workers.stop(); }

  // `count` messages at once, each its own delivery; their ids in `message_ids`, their outcomes in
  // that order.
  std::vector<model::Attempt> attempt_many(Channel& channel, int count) {
    std::vector<std::unique_ptr<Attempted>> all;
    message_ids.clear();
    for (int i = 0; i < count; ++i) {
      delivery.id = ids.next_id<model::DeliveryId>();
      delivery.event_id = ids.next_id<model::EventId>();
      message_ids.push_back(message_id());
      all.push_back(begin(channel));
    }
    context.restart();
    context.run();
    std::vector<model::Attempt> made;
    for (const auto& each : all) made.push_back(each->made.value());
    return made;
  }

  BrokerWorkers workers{context};
  std::vector<std::string> message_ids;
};

}  // namespace waybill::delivery
