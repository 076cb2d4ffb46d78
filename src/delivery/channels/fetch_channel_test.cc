#include "delivery/channels/fetch_channel.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"

namespace waybill::delivery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using model::Outcome;

net::ClientResponse answer(int status, std::string body = R"({"id":5})",
                           std::vector<net::Header> headers = {}) {
  net::ClientResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

class FetchChannelTest : public testing::Test {
 protected:
  // An attempt under way, or made.
  struct Flight {
    model::Delivery delivery;
    std::optional<OutgoingEvent> event;
    std::optional<Tried> tried;
  };

  ~FetchChannelTest() override { answer_all(); }

  static const dialect::DialectRegistry& dialects() {
    static const auto registry = dialect::DialectRegistry::load({});
    WAYBILL_CHECK(registry.has_value(), registry.error().message);
    return *registry;
  }

  std::shared_ptr<const Target> target() const {
    auto made = std::make_shared<Target>();
    made->timeout = timeout;
    made->channel_settings = Secret(settings);
    return made;
  }

  // A message that was received now.
  Flight& begin(const std::string& body, const std::string& type = "purchase_order.update") {
    return begin(body, type, clock.now());
  }
  Flight& begin(const std::string& body, const std::string& type, Timestamp received_at) {
    model::MessageContent content;
    content.id = ids.next_id<model::MessageId>();
    content.source = "buying";
    content.dialect = "precoro";
    content.type = type;
    content.received_at = received_at;
    content.body = body;
    model::Event event;
    event.id = model::EventId(content.id.uuid());
    event.workspace_id = workspace;
    event.type = model::kMessageReceived;
    event.occurred_at = received_at;
    event.subject = "src_1";
    event.trace.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    event.data = model::message_data(content);
    Flight& flight = flights.emplace_back();
    flight.delivery.id = ids.next_id<model::DeliveryId>();
    flight.delivery.event_id = event.id;
    flight.event.emplace(std::make_shared<const model::Event>(std::move(event)));
    asio::co_spawn(context, channel.attempt(flight.delivery, target(), *flight.event),
                   [&flight](std::exception_ptr failure, Tried tried) {
                     if (failure) std::rethrow_exception(failure);
                     flight.tried = std::move(tried);
                   });
    clock.run_for(0ms);
    return flight;
  }
  static std::string order(int idn) {
    return fmt::format(R"({{"id":123456,"type":2,"action":1,"idn":{}}})", idn);
  }

  Task<Result<net::ClientResponse>> receive(net::ClientRequest request) {
    requests.push_back(request);
    sent_at.push_back(clock.now());
    if (holds) {
      asio::steady_timer timer(context, asio::steady_timer::time_point::max());
      held.push_back(&timer);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return reply;
  }
  void answer_all() {
    holds = false;
    for (auto* timer : std::exchange(held, {})) timer->cancel();
    clock.run_for(0ms);
  }

  asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  const model::WorkspaceId workspace = ids.next_id<model::WorkspaceId>();
  FetchChannel channel{clock, ids, dialects(),
                       [this](net::ClientRequest request) { return receive(std::move(request)); }};
  Result<net::ClientResponse> reply = answer(200);
  std::vector<net::ClientRequest> requests;
  std::vector<Timestamp> sent_at;
  std::chrono::milliseconds timeout = 30s;
  bool holds = false;
  std::vector<asio::steady_timer*> held;
  std::string settings = R"({"base_url":"https://api.example","token":"t0k","email":"a@b.c"})";
  std::deque<Flight> flights;
};

// What the first one asks for may take longer than the second one's lease.
TEST_F(FetchChannelTest, WhoWaitsForTheSameGetDoesSoForItsOwnTimeoutAlone) {
  holds = true;
  const Flight& first = begin(order(5), "purchase_order.update", clock.now());
  timeout = 1ms;
  const Flight& twin = begin(order(5), "purchase_order.update", clock.now());
  while (!twin.tried) context.run_one();
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_EQ(twin.tried->attempt.outcome, model::Outcome::kLater);
  EXPECT_TRUE(twin.tried->attempt.unmade);
  EXPECT_GE(twin.tried->attempt.retry_after, 1s);
  EXPECT_FALSE(first.tried);
  answer_all();
  ASSERT_TRUE(first.tried);
  EXPECT_EQ(first.tried->attempt.outcome, model::Outcome::kSucceeded);
}

TEST_F(FetchChannelTest, TheDocumentIsHandedOnWithTheMessage) {
  reply = answer(200, R"({"idn":5,"total":12.30})");
  const Flight& flight = begin(order(5));
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].url.origin(), "https://api.example:443");
  EXPECT_EQ(requests[0].url.target, "/purchaseorders/5");
  EXPECT_EQ(*net::find_header(requests[0].headers, "X-AUTH-TOKEN"), "t0k");
  EXPECT_EQ(*net::find_header(requests[0].headers, "email"), "a@b.c");
  EXPECT_EQ(requests[0].answer_bytes_max, FetchChannel::kDocumentBytesMax);
  EXPECT_EQ(requests[0].deadlines.total, 30s);

  ASSERT_TRUE(flight.tried);
  EXPECT_EQ(flight.tried->attempt.outcome, Outcome::kSucceeded);
  EXPECT_EQ(flight.tried->attempt.status_code, 200);
  EXPECT_EQ(flight.tried->attempt.number, 1);
  ASSERT_TRUE(flight.tried->follow_up);
  const FollowUp& follow_up = *flight.tried->follow_up;
  EXPECT_EQ(follow_up.of.uuid(), flight.delivery.event_id.uuid());
  EXPECT_EQ(follow_up.event.type, model::kMessageFetched);
  EXPECT_EQ(follow_up.event.subject, "src_1");
  EXPECT_EQ(follow_up.event.workspace_id, workspace);
  EXPECT_EQ(follow_up.event.trace.parent, flight.event->event().trace.parent);
  EXPECT_NE(follow_up.event.id, flight.delivery.event_id);
  const auto content = model::read_message_data(*parse_json(follow_up.event.data));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->id.uuid(), flight.delivery.event_id.uuid()) << "the message's own";
  EXPECT_EQ(content->body, order(5));
  EXPECT_EQ(content->document, R"({"idn":5,"total":12.3})");
}

// The hub ends if an event's data cannot be read again: what is nested as deep as JSON may be here
// is one level too deep within the message.
TEST_F(FetchChannelTest, ADocumentThatIsTooDeepToBeHandedOnIsNot) {
  std::size_t deepest = 1;
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  while (parse_json(nested(deepest + 1))) ++deepest;
  reply = answer(200, nested(deepest));
  const Flight& flight = begin(order(5));
  ASSERT_TRUE(flight.tried);
  EXPECT_EQ(flight.tried->attempt.outcome, Outcome::kNever);
  EXPECT_FALSE(flight.tried->follow_up);
}

TEST_F(FetchChannelTest, WhatNamesNothingIsHandedOnAtOnce) {
  const Flight& flight = begin(R"({"id":7,"type":9,"action":0})", "budget.create");
  EXPECT_TRUE(requests.empty());
  ASSERT_TRUE(flight.tried && flight.tried->follow_up);
  const auto content = model::read_message_data(*parse_json(flight.tried->follow_up->event.data));
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->document);
}

TEST_F(FetchChannelTest, MessagesThatComeTogetherShareOneRequest) {
  holds = true;
  const Flight& first = begin(order(5));
  const Flight& second = begin(order(5));
  EXPECT_EQ(requests.size(), 1u);
  EXPECT_FALSE(second.tried);
  answer_all();
  for (const Flight* flight : {&first, &second}) {
    ASSERT_TRUE(flight->tried);
    EXPECT_EQ(flight->tried->attempt.outcome, Outcome::kSucceeded);
    EXPECT_TRUE(flight->tried->follow_up);
  }
  // One that was received before the request was sent, but tried later.
  const Timestamp received_at = clock.now();
  clock.run_for(20s);
  const Flight& third = begin(order(5), "purchase_order.update", received_at);
  ASSERT_TRUE(third.tried);
  EXPECT_EQ(third.tried->attempt.outcome, Outcome::kSucceeded);
  EXPECT_EQ(requests.size(), 1u);
}

// R-PR §3: an identical GET not within a minute. What a later message tells of is not in the former
// answer: it waits, and uses up no try.
TEST_F(FetchChannelTest, ALaterMessageWaitsUntilTheSameMayBeAskedAgain) {
  begin(order(5));
  clock.run_for(20s);
  const Flight& early = begin(order(5));
  ASSERT_TRUE(early.tried);
  EXPECT_EQ(early.tried->attempt.outcome, Outcome::kLater);
  EXPECT_EQ(early.tried->attempt.retry_after, 40s);
  EXPECT_FALSE(early.tried->follow_up);
  const Flight& other = begin(order(6));
  EXPECT_EQ(other.tried->attempt.outcome, Outcome::kSucceeded) << "another document";
  clock.run_for(40s);
  const Flight& again = begin(order(5));
  EXPECT_EQ(again.tried->attempt.outcome, Outcome::kSucceeded);
  EXPECT_EQ(requests.size(), 3u);
}

TEST_F(FetchChannelTest, AFailedRequestIsNotMadeAgainWithinTheMinuteEither) {
  reply = answer(404, "{}");
  const Timestamp received_at = clock.now();
  EXPECT_EQ(begin(order(5)).tried->attempt.outcome, Outcome::kRefused);
  reply = answer(200);
  clock.run_for(30s);
  const Flight& soon = begin(order(5), "purchase_order.update", received_at);
  EXPECT_EQ(soon.tried->attempt.outcome, Outcome::kLater);
  EXPECT_EQ(soon.tried->attempt.retry_after, 30s);
  clock.run_for(30s);
  EXPECT_EQ(begin(order(5), "purchase_order.update", received_at).tried->attempt.outcome,
            Outcome::kSucceeded);
  EXPECT_EQ(requests.size(), 2u);
}

TEST_F(FetchChannelTest, TheRateIsKeptAndWhatHasNoRoomIsPutOffOneAfterTheOther) {
  for (int idn = 1; idn <= 6; ++idn) begin(order(idn));
  EXPECT_EQ(requests.size(), 1u);
  std::vector<std::chrono::milliseconds> put_off;
  for (const Flight& flight : flights) {
    if (!flight.tried || flight.tried->attempt.outcome != Outcome::kLater) continue;
    put_off.push_back(*flight.tried->attempt.retry_after);
  }
  EXPECT_EQ(put_off, (std::vector<std::chrono::milliseconds>{3s, 4s, 5s}));
  clock.run_for(2s);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(sent_at[1] - sent_at[0], 1s);
  EXPECT_EQ(sent_at[2] - sent_at[1], 1s);
}

TEST_F(FetchChannelTest, WhatAMessageLacksItWillLackTomorrow) {
  const Flight& lacking = begin(R"({"id":1,"type":2,"action":1})");
  EXPECT_EQ(lacking.tried->attempt.outcome, Outcome::kNever);
  EXPECT_FALSE(lacking.tried->attempt.error.empty());
  const Flight& hostile = begin(R"({"id":1,"type":2,"action":1,"idn":"../../admin"})");
  EXPECT_NE(hostile.tried->attempt.outcome, Outcome::kSucceeded);
  for (const auto& request : requests) {
    EXPECT_EQ(request.url.target.find(".."), std::string::npos) << request.url.target;
    EXPECT_TRUE(request.url.target.starts_with("/purchaseorders/")) << request.url.target;
  }
}

// Its settings may be mended, so no message is given up for them.
TEST_F(FetchChannelTest, AMissingSettingIsTheHandlersFaultAndNotTheMessages) {
  settings = R"({"base_url":"https://api.example","email":"a@b.c"})";
  const Flight& flight = begin(order(5));
  ASSERT_TRUE(flight.tried);
  EXPECT_EQ(flight.tried->attempt.outcome, Outcome::kUnsendable);
  EXPECT_TRUE(flight.tried->attempt.error.contains("\"token\"")) << flight.tried->attempt.error;
  EXPECT_TRUE(requests.empty());
}

TEST_F(FetchChannelTest, WhatDidNotArriveFails) {
  reply = fail(Code::kForbidden, "address_blocked", "That address is not one we send to.");
  EXPECT_EQ(begin(order(1)).tried->attempt.outcome, Outcome::kBlocked);
  clock.run_for(1min);
  reply = fail(Code::kTimeout, "response_timeout", "No answer.");
  EXPECT_EQ(begin(order(2)).tried->attempt.outcome, Outcome::kTimeout);
}

TEST(FetchedDocument, WhatEachAnswerMeans) {
  const Timestamp now = ManualClock::kNoon;
  struct Case {
    net::ClientResponse response;
    Outcome outcome;
    std::optional<std::chrono::milliseconds> retry_after;
  };
  const auto with = [](std::string name, std::string value) {
    return std::vector<net::Header>{{std::move(name), std::move(value)}};
  };
  const std::vector<Case> cases = {
      {answer(200), Outcome::kSucceeded, {}},
      {answer(200, "<html>"), Outcome::kRefused, {}},
      {answer(204, ""), Outcome::kRefused, {}},
      {answer(302), Outcome::kRefused, {}},
      {answer(401), Outcome::kRefused, {}},
      {answer(403), Outcome::kRefused, {}},
      {answer(404), Outcome::kRefused, {}},
      {answer(410), Outcome::kNever, {}},
      {answer(429), Outcome::kRefused, {}},
      {answer(429, "{}", with("Retry-After", "90")), Outcome::kLater, 90s},
      {answer(429, R"({"RateLimit-Retry-After":"2026-01-01 12:05:00 UTC"})"), Outcome::kLater,
       5min},
      {answer(429, R"({"RateLimit-Retry-After":"2025-01-01 12:05:00 UTC"})"), Outcome::kLater, 1s},
      {answer(429, R"({"RateLimit-Retry-After":"soon"})"), Outcome::kRefused, {}},
      {answer(500), Outcome::kRefused, {}},
  };
  for (const Case& c : cases) {
    const model::Attempt attempt = judge_document(c.response, now);
    EXPECT_EQ(attempt.outcome, c.outcome) << c.response.status << c.response.body;
    EXPECT_EQ(attempt.retry_after, c.retry_after) << c.response.status << c.response.body;
  }
  net::ClientResponse cut = answer(200);
  cut.cut = true;
  EXPECT_EQ(judge_document(cut, now).outcome, Outcome::kRefused);
  for (const int status : {401, 403}) {
    EXPECT_NE(judge_document(answer(status), now).error.find("token"), std::string::npos);
  }
}

TEST(FetchPace, AFullWindowPutsOffUntilItEnds) {
  dialect::FetchRules rules;
  rules.per_second = 10;
  rules.per_hour = 3;
  const Uuid caller = Uuid::lowest_at(ManualClock::kNoon);
  FetchPace pace(rules);
  const Timestamp now = ManualClock::kNoon + 10min;
  const auto who = [](int number) { return Uuid::lowest_at(ManualClock::kNoon + number * 1ms); };
  for (int i = 0; i < 3; ++i) {
    const auto turn = pace.take(caller, who(i), now, 1s);
    EXPECT_TRUE(turn.granted);
    EXPECT_EQ(turn.at, now + i * 100ms);
  }
  EXPECT_EQ(pace.take(caller, who(3), now, 1s).put_off, 50min);
  EXPECT_EQ(pace.take(caller, who(4), now, 1s).put_off, 50min + 100ms) << "one after the other";
  EXPECT_TRUE(pace.take(Uuid::lowest_at(now), who(5), now, 1s).granted) << "another token";
  EXPECT_TRUE(pace.take(caller, who(3), now + 50min, 1s).granted);
}

// A platform that takes one a second, and twenty messages at once: the last of them is not passed
// by those that come every second from then on.
TEST(FetchPace, WhoWasPutOffIsNotPassedByThoseWhoComeLater) {
  dialect::FetchRules rules;
  rules.per_second = 1;
  const Uuid caller = Uuid::lowest_at(ManualClock::kNoon);
  FetchPace pace(rules);
  const Timestamp noon = ManualClock::kNoon;
  const auto who = [&](int number) { return Uuid::lowest_at(noon + number * 1ms); };
  std::multimap<Timestamp, int> due;
  for (int i = 0; i < 20; ++i) due.emplace(noon, i);
  for (int i = 20; i < 60; ++i) due.emplace(noon + (i - 19) * 1s, i);
  std::vector<int> left;
  std::vector<Timestamp> times;
  int asked = 0;
  while (!due.empty()) {
    const auto [now, number] = *due.begin();
    due.erase(due.begin());
    ++asked;
    const auto turn = pace.take(caller, who(number), now, 2s);
    if (turn.granted) {
      left.push_back(number);
      times.push_back(turn.at);
    } else {
      due.emplace(now + turn.put_off, number);
    }
  }
  ASSERT_EQ(left.size(), 60u);
  for (int i = 0; i < 20; ++i) {
    const auto at = std::ranges::find(left, i) - left.begin();
    EXPECT_LT(at, 23) << i;  // Two seconds are waited for in the channel.
  }
  std::ranges::sort(times);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 1s) << i;
  EXPECT_LE(asked, 2 * 60) << "nobody is put off twice";
}

TEST(FetchMemory, IsBounded) {
  asio::io_context context;
  FetchMemory memory;
  const Timestamp now = ManualClock::kNoon;
  const auto large = std::make_shared<const Result<net::ClientResponse>>(
      answer(200, std::string(1024 * 1024, ' ')));
  for (int i = 0; i < 9; ++i) {
    const std::string key = fmt::format("large{}", i);
    memory.end(key, memory.begin(key, now, now + 1min, context.get_executor()), large);
  }
  EXPECT_LE(memory.bytes(), FetchMemory::kBytesMax);
  ASSERT_TRUE(memory.find("large0", now)) << "that it was asked is remembered";
  EXPECT_FALSE(memory.find("large0", now)->answer);
  EXPECT_TRUE(memory.find("large8", now)->answer);
  for (int i = 0; i < 1'500; ++i) {
    memory.begin(fmt::format("{}", i), now, now + 1min, context.get_executor());
  }
  EXPECT_EQ(memory.size(), FetchMemory::kEntriesMax);
  EXPECT_EQ(memory.bytes(), 0u);
  EXPECT_FALSE(memory.find("1499", now + 1min));
  EXPECT_EQ(memory.size(), 0u) << "what is over is forgotten";
}

}  // namespace
}  // namespace waybill::delivery
