// What the tests of the channels share: a message, a handler, and a way to make an attempt.

#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "delivery/channel.h"
#include "dialect/loader.h"

namespace waybill::delivery {

// What a file has in it.
inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    content.source = "shop";
    content.dialect = "woocommerce";
    content.type = "order.updated";
    content.external_id = "8f3a";
    content.received_at = clock.now();
    content.content_type = "application/json; charset=utf-8";
    content.body = "{\"id\": 1,\n \"total\":\"1.10\"}";
    delivery.id = ids.next_id<model::DeliveryId>();
    delivery.event_id = ids.next_id<model::EventId>();
    endpoint.id = ids.next_id<model::EndpointId>();
    endpoint.source_id = ids.next_id<model::SourceId>();
    delivery.endpoint_id = endpoint.id;
  }

  static const dialect::DialectRegistry& dialects() {
    static const auto registry = dialect::DialectRegistry::load({});
    WAYBILL_CHECK(registry.has_value(), registry.error().message);
    return *registry;
  }

  // The event's, unless the test says otherwise: that of what was fetched is another.
  model::MessageContent sent_content() const {
    model::MessageContent made = content;
    if (made.id.is_nil()) made.id = model::MessageId(delivery.event_id.uuid());
    return made;
  }
  std::string message_id() const { return sent_content().id.text(); }
  Bytes sealed(std::string_view text) { return secret_box.seal(text, endpoint.id.bytes()); }
  void set_settings(std::string_view json) { endpoint.channel_settings = sealed(json); }

  std::shared_ptr<const Target> target() {
    auto made = make_target(endpoint, dialects(), secret_box);
    WAYBILL_CHECK(made.has_value(), made.error().message);
    return std::make_shared<const Target>(*std::move(made));
  }
  std::unique_ptr<OutgoingEvent> outgoing() {
    model::Event event;
    event.id = delivery.event_id;
    event.type = model::kMessageReceived;
    event.occurred_at = content.received_at;
    event.subject = endpoint.source_id->text();
    event.data = model::message_data(sent_content());
    event.trace = trace;
    return std::make_unique<OutgoingEvent>(std::make_shared<const model::Event>(event));
  }

  // Begins an attempt; its outcome is there once the context has run for long enough.
  struct Attempted {
    model::Delivery delivery;
    std::unique_ptr<OutgoingEvent> event;
    std::optional<model::Attempt> made;
  };
  std::unique_ptr<Attempted> begin(Channel& channel) {
    auto attempted = std::make_unique<Attempted>(delivery, outgoing());
    Attempted& one = *attempted;
    boost::asio::co_spawn(context, channel.attempt(one.delivery, target(), *one.event),
                          [&one](std::exception_ptr failure, Tried tried) {
                            if (failure) std::rethrow_exception(failure);
                            one.made = std::move(tried.attempt);
                          });
    return attempted;
  }
  model::Attempt attempt(Channel& channel) {
    const auto attempted = begin(channel);
    context.restart();
    context.run();
    WAYBILL_CHECK(attempted->made.has_value(), "an attempt ends");
    return *attempted->made;
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  crypto::SecretBox secret_box =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  model::MessageContent content;
  model::TraceContext trace;
  model::Delivery delivery;
  model::Endpoint endpoint;
};

}  // namespace waybill::delivery
