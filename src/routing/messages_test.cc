// To whom what a source has received goes.

#include <gtest/gtest.h>

#include "model/message.h"
#include "routing/routing.h"

namespace waybill::routing {
namespace {

using model::Channel;

class MessageRouting : public testing::Test {
 public:
  Subscription handler(Channel channel, std::vector<std::string> types = {"*"}) const {
    Subscription made;
    made.event_types = std::move(types);
    made.channel = channel;
    made.source_id = source;
    return made;
  }
  model::Event event(std::string_view type, std::string_view body = "{}") const {
    model::MessageContent content;
    content.type = "order.shipped";
    content.body = body;
    model::Event made;
    made.type = type;
    made.subject = source.text();
    made.data = model::message_data(content);
    return made;
  }
  static std::vector<Channel> channels_of(const model::Event& event,
                                          std::span<const Subscription> all) {
    static const auto dialects = dialect::DialectRegistry::load({});
    const Plan made = plan(event, {.id = {}, .slug = "acme", .name = {}}, all, *dialects);
    std::vector<Channel> channels;
    for (const Match& match : made.matched) channels.push_back(match.subscription->channel);
    return channels;
  }

  const model::SourceId source = *model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0B");
  const model::SourceId another = *model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0C");
};

TEST_F(MessageRouting, GoesToTheHandlersOfItsSourceAlone) {
  std::vector<Subscription> all = {handler(Channel::kHttp), handler(Channel::kFile),
                                   handler(Channel::kCommand)};
  all[1].source_id = another;
  Subscription endpoint;
  endpoint.dialect = "waybill";
  endpoint.event_types = {"*", std::string(model::kMessageReceived)};
  all.push_back(endpoint);
  EXPECT_EQ(channels_of(event(model::kMessageReceived), all),
            (std::vector{Channel::kHttp, Channel::kCommand}));
}

TEST_F(MessageRouting, GoesToHandlersThatNameItsType) {
  const std::vector<Subscription> all = {handler(Channel::kHttp, {"order.shipped"}),
                                         handler(Channel::kFile, {"order.created"})};
  EXPECT_EQ(channels_of(event(model::kMessageReceived), all), std::vector{Channel::kHttp});
}

TEST_F(MessageRouting, IsFilteredByItsBody) {
  std::vector<Subscription> all = {handler(Channel::kHttp)};
  all[0].filter = R"({"n": 1})";
  EXPECT_EQ(channels_of(event(model::kMessageReceived, R"({"n": 1})"), all).size(), 1u);
  EXPECT_EQ(channels_of(event(model::kMessageReceived, R"({"n": 2})"), all).size(), 0u);
  EXPECT_EQ(channels_of(event(model::kMessageReceived, "n=1"), all).size(), 0u);
}

// What is received goes to the fetcher, what is fetched to the others.
TEST_F(MessageRouting, OfASourceThatFetchesGoesToTheFetcherFirst) {
  const std::vector<Subscription> all = {handler(Channel::kFetch), handler(Channel::kHttp)};
  EXPECT_EQ(channels_of(event(model::kMessageReceived), all), std::vector{Channel::kFetch});
  EXPECT_EQ(channels_of(event(model::kMessageFetched), all), std::vector{Channel::kHttp});
}

// Else nobody would be given it.
TEST_F(MessageRouting, WhatTheFetcherDoesNotWantGoesToTheOthersAtOnce) {
  std::vector<Subscription> all = {handler(Channel::kFetch, {"order.created"}),
                                   handler(Channel::kHttp)};
  EXPECT_EQ(channels_of(event(model::kMessageReceived), all), std::vector{Channel::kHttp});
  all[0].event_types = {"order.created", "order.shipped"};
  all[0].filter = R"({"n": 1})";
  EXPECT_EQ(channels_of(event(model::kMessageReceived, R"({"n": 1})"), all),
            std::vector{Channel::kFetch});
  EXPECT_EQ(channels_of(event(model::kMessageReceived, R"({"n": 2})"), all),
            std::vector{Channel::kHttp});
  all[0].source_id = another;
  EXPECT_EQ(channels_of(event(model::kMessageReceived, R"({"n": 1})"), all),
            std::vector{Channel::kHttp});
}

TEST_F(MessageRouting, AMessageThatNobodyGetsSaysWhy) {
  const auto reason = [&](std::vector<Subscription> all) {
    static const auto dialects = dialect::DialectRegistry::load({});
    const auto withheld =
        plan(event(model::kMessageReceived), {.id = {}, .slug = "acme", .name = {}}, all, *dialects)
            .withheld;
    return unmatched_reason(model::kMessageReceived, withheld);
  };
  Subscription elsewhere = handler(Channel::kHttp);
  elsewhere.source_id = another;
  EXPECT_EQ(reason({elsewhere}), "The source has no handler.");
  Subscription filtered = handler(Channel::kHttp);
  filtered.filter = R"({"n": 1})";
  const Subscription other_type = handler(Channel::kHttp, {"order.created"});
  EXPECT_EQ(reason({other_type}), "No handler of the source wants it.");
  EXPECT_EQ(reason({other_type, filtered}), "No filter of a handler that wants it lets it pass.");
}

}  // namespace
}  // namespace waybill::routing
