#include "delivery/channels/publish_channel.h"

#include <string>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "dialect/dialect.h"
#include "dialect/event_message.h"

namespace waybill::delivery {
namespace {

class PublishChannelTest : public testing::Test {
 protected:
  PublishChannelTest() {
    received.id = ids.next_id<model::EventId>();
    received.workspace_id = ids.next_id<model::WorkspaceId>();
    received.type = model::kMessageReceived;
    received.occurred_at = clock.now();
    received.trace.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    content.id = model::MessageId(received.id.uuid());
    content.source = "shop";
    content.received_at = clock.now();
    delivery.event_id = received.id;
  }

  static const dialect::DialectRegistry& dialects() {
    static const auto registry = dialect::DialectRegistry::load({});
    WAYBILL_CHECK(registry.has_value(), registry.error().message);
    return *registry;
  }

  // `event` as `dialect` writes it.
  std::string body_of(const std::string& dialect, const model::Event& event) {
    const std::string id = event.id.uuid().text();
    dialect::Message message = dialect::message_about(event, id);
    const auto data = parse_json(event.data);
    message.data = &*data;
    return dialect::render_body(*dialects().find(dialect), message).value();
  }

  Tried attempt() {
    received.data = model::message_data(content);
    OutgoingEvent event(std::make_shared<const model::Event>(received));
    Tried tried;
    PublishChannel channel(clock, ids, dialects());
    boost::asio::co_spawn(context, channel.attempt(delivery, nullptr, event),
                          [&](std::exception_ptr failure, Tried made) {
                            if (failure) std::rethrow_exception(failure);
                            tried = std::move(made);
                          });
    clock.run_for(std::chrono::milliseconds(0));
    return tried;
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  model::Event received;
  model::MessageContent content;
  model::Delivery delivery;
};

TEST_F(PublishChannelTest, WhatAPlatformTellsBecomesTheEventItWasMadeOf) {
  model::Event original;
  original.id = ids.next_id<model::EventId>();
  original.workspace_id = received.workspace_id;
  original.type = model::kOrderCreated;
  original.occurred_at = clock.now() - std::chrono::minutes(5);
  original.data =
      R"({"id":"0190c4f0-0000-7000-8000-000000000001","number":"A-1","currency":"EUR","lines":[]})";
  content.dialect = "standard-webhooks";
  content.type = "order.created";
  content.body = body_of("standard-webhooks", original);

  const Tried tried = attempt();

  EXPECT_EQ(tried.attempt.outcome, model::Outcome::kSucceeded) << tried.attempt.error;
  EXPECT_EQ(tried.attempt.number, 1);
  ASSERT_TRUE(tried.follow_up);
  const model::Event& made = tried.follow_up->event;
  EXPECT_EQ(tried.follow_up->of.uuid(), received.id.uuid());
  EXPECT_EQ(made.type, model::kOrderCreated);
  EXPECT_EQ(made.workspace_id, received.workspace_id);
  EXPECT_EQ(made.occurred_at, original.occurred_at);
  EXPECT_EQ(made.data, original.data);
  EXPECT_EQ(made.subject, "0190c4f0-0000-7000-8000-000000000001");
  EXPECT_EQ(made.trace.parent, received.trace.parent);
  EXPECT_FALSE(made.id.is_nil());
  EXPECT_NE(made.id, original.id);
}

// PostgreSQL stores no NUL: the event would be refused each time that it is made.
TEST_F(PublishChannelTest, WhatCanBeNoSubjectIsNotMadeOne) {
  content.dialect = "standard-webhooks";
  content.type = "order.created";
  for (const std::string& id :
       {std::string(R"(a\u0000b)"), std::string(R"(a\nb)"), std::string(201, 'x')}) {
    content.body = fmt::format(
        R"({{"type":"order.created","timestamp":"2026-06-12T09:00:00Z","data":{{"id":"{}"}}}})",
        id);
    const Tried tried = attempt();
    ASSERT_TRUE(tried.follow_up) << tried.attempt.error;
    EXPECT_EQ(tried.follow_up->event.subject, "") << id;
  }
}

TEST_F(PublishChannelTest, WhatTheDialectCannotReadIsDroppedAtOnceAndSaysWhy) {
  content.dialect = "standard-webhooks";
  content.type = "order.created";
  content.body = "no JSON";
  const Tried tried = attempt();
  EXPECT_EQ(tried.attempt.outcome, model::Outcome::kNever);
  EXPECT_FALSE(tried.attempt.error.empty());
}

// R-PQ-41: an event that the dialect does not know is no error.
TEST_F(PublishChannelTest, AnEventThatTheDialectDoesNotKnowIsNothingToPublishAndSaysSo) {
  content.dialect = "proign";
  content.type = "no.such.event";
  content.body = "{}";
  const Tried tried = attempt();
  EXPECT_EQ(tried.attempt.outcome, model::Outcome::kSucceeded);
  EXPECT_TRUE(tried.attempt.response_body.starts_with("Nothing was published: "))
      << tried.attempt.response_body;
  EXPECT_TRUE(tried.attempt.response_body.contains("no.such.event")) << tried.attempt.response_body;
  EXPECT_TRUE(tried.attempt.error.empty());
  EXPECT_FALSE(tried.follow_up);
}

// Behind a fetcher it is given message.fetched, whose id is another.
TEST_F(PublishChannelTest, WhatItMakesIsOfTheMessageAlsoBehindAFetcher) {
  model::Event original;
  original.id = ids.next_id<model::EventId>();
  original.type = model::kOrderCreated;
  original.occurred_at = clock.now();
  original.data = R"({"number":"A-1"})";
  content.dialect = "standard-webhooks";
  content.type = "order.created";
  content.body = body_of("standard-webhooks", original);
  received.id = ids.next_id<model::EventId>();
  received.type = model::kMessageFetched;
  delivery.event_id = received.id;
  const Tried tried = attempt();
  ASSERT_TRUE(tried.follow_up) << tried.attempt.error;
  EXPECT_EQ(tried.follow_up->of, content.id);
  EXPECT_NE(tried.follow_up->of.uuid(), received.id.uuid());
}

// An operator's dialect file that is missing today may be there again tomorrow.
TEST_F(PublishChannelTest, AMissingDialectIsTriedAgain) {
  content.dialect = "no-such-dialect";
  content.body = "{}";
  const Tried tried = attempt();
  EXPECT_EQ(tried.attempt.outcome, model::Outcome::kUnsendable);
  EXPECT_NE(tried.attempt.error.find("no-such-dialect"), std::string::npos);
}

}  // namespace
}  // namespace waybill::delivery
