#include "delivery/webhook_channel.h"

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;
using model::Outcome;

constexpr std::string_view kSecretText = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
constexpr std::string_view kFormerText = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

Result<net::ClientResponse> answered(int status) {
  net::ClientResponse response;
  response.status = status;
  return response;
}

class WebhookChannelTest : public testing::Test {
 protected:
  WebhookChannelTest() {
    model::Event event;
    event.id = ids.next_id<model::EventId>();
    event.type = model::kOrderCreated;
    event.occurred_at = clock.now() - 1min;
    event.data = R"({"number":"PO-1","line_count":2})";
    set_event(event);
    delivery.id = ids.next_id<model::DeliveryId>();
    delivery.event_id = event.id;
    endpoint.id = ids.next_id<model::EndpointId>();
    endpoint.url = "https://a.example/hook?x=1";
    endpoint.dialect = "standard-webhooks";
  }

  void set_event(model::Event changed) {
    outgoing = std::make_unique<OutgoingEvent>(std::make_shared<const model::Event>(changed));
  }
  Bytes sealed(std::string_view text) { return secret_box.seal(text, endpoint.id.bytes()); }
  Target target() {
    auto made = make_target(endpoint, built_in_dialects(), secret_box);
    WAYBILL_CHECK(made.has_value(), made.error().message);
    made->workspace_slug = "acme";
    made->environment = "production";
    return *std::move(made);
  }
  model::Attempt attempt(const Target& to) {
    std::optional<model::Attempt> made;
    boost::asio::co_spawn(context,
                          channel.attempt(delivery, std::make_shared<const Target>(to), *outgoing),
                          [&](std::exception_ptr failure, Tried tried) {
                            if (failure) std::rethrow_exception(failure);
                            made = std::move(tried.attempt);
                          });
    context.restart();
    context.run();
    WAYBILL_CHECK(made.has_value(), "an attempt ends");
    return *std::move(made);
  }
  std::string header(std::string_view name) const {
    const std::string* found = net::find_header(sent.back().headers, name);
    return found ? *found : "none";
  }

  boost::asio::io_context context;
  ManualClock clock{context};
  IdGenerator ids{clock, /*seed=*/1};
  crypto::SecretBox secret_box =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  model::Delivery delivery;
  model::Endpoint endpoint;
  std::unique_ptr<OutgoingEvent> outgoing;
  std::vector<net::ClientRequest> sent;
  Result<net::ClientResponse> answer = answered(204);
  WebhookChannel channel{
      clock, [this](net::ClientRequest request) { return receive(std::move(request)); }};

 private:
  Task<Result<net::ClientResponse>> receive(net::ClientRequest request) {
    sent.push_back(std::move(request));
    co_return answer;
  }
};

TEST_F(WebhookChannelTest, SendsTheRenderedBodyWithItsHeadersAndSignature) {
  endpoint.secrets.current = sealed(kSecretText);
  endpoint.overrides.timeout = 5s;
  delivery.attempts_made = 2;

  const model::Attempt made = attempt(target());

  EXPECT_EQ(made.number, 3);
  EXPECT_EQ(made.outcome, Outcome::kSucceeded);
  EXPECT_EQ(made.status_code, 204);
  EXPECT_EQ(made.started_at, clock.now());
  ASSERT_EQ(sent.size(), 1u);
  const net::ClientRequest& request = sent[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url.host, "a.example");
  EXPECT_EQ(request.url.target, "/hook?x=1");
  EXPECT_EQ(request.deadlines.total, 5s);
  EXPECT_EQ(request.deadlines.first_byte, 5s);
  EXPECT_EQ(request.deadlines.connect, 5s);
  EXPECT_EQ(request.body, R"({"type":"order.created","timestamp":"2026-01-01T11:59:00.000Z",)"
                          R"("data":{"number":"PO-1","line_count":2}})");
  EXPECT_EQ(header("Content-Type"), "application/json");
  EXPECT_EQ(header("webhook-id"), delivery.event_id.text());
  EXPECT_EQ(header("webhook-timestamp"), std::to_string(unix_seconds(clock.wall_now())));
  const Secret key{std::string(kSecretText)};
  const auto verified = dialect::verify(*built_in_dialects().find("standard-webhooks"),
                                        request.headers, request.body, {{key}}, clock.wall_now());
  EXPECT_TRUE(verified.has_value()) << verified.error().message;
}

TEST_F(WebhookChannelTest, SendsWithoutASignatureWhereThereIsNoSecret) {
  EXPECT_EQ(attempt(target()).outcome, Outcome::kSucceeded);
  EXPECT_EQ(header("webhook-signature"), "none");
}

TEST_F(WebhookChannelTest, BothSecretsSignUntilTheFormerOneExpires) {
  endpoint.secrets.current = sealed(kSecretText);
  endpoint.secrets.previous = sealed(kFormerText);
  endpoint.secrets.previous_expires_at = clock.now() + 1h;
  const Target to = target();
  const dialect::Dialect& standard = *built_in_dialects().find("standard-webhooks");
  const auto is_signed_with = [&](std::string_view text) {
    const Secret key{std::string(text)};
    return dialect::verify(standard, sent.back().headers, sent.back().body, {{key}},
                           clock.wall_now())
        .has_value();
  };

  EXPECT_EQ(to.secrets_at(clock.now()).size(), 2u);
  attempt(to);
  EXPECT_TRUE(is_signed_with(kSecretText));
  EXPECT_TRUE(is_signed_with(kFormerText));

  clock.run_for(1h);
  EXPECT_EQ(to.secrets_at(clock.now()).size(), 1u);
  attempt(to);
  EXPECT_TRUE(is_signed_with(kSecretText));
  EXPECT_FALSE(is_signed_with(kFormerText));
}

TEST_F(WebhookChannelTest, EveryAttemptAndEveryEndpointOfADialectGetsTheSameBody) {
  attempt(target());
  clock.run_for(1h);
  delivery.attempts_made = 1;
  delivery.id = ids.next_id<model::DeliveryId>();
  attempt(target());
  EXPECT_EQ(sent[0].body, sent[1].body);
}

TEST_F(WebhookChannelTest, WhatCannotBeRenderedIsUnsendableAndNeverLeaves) {
  endpoint.dialect = "proculink";
  model::Event unknown = outgoing->event();
  unknown.type = "stock.changed";
  set_event(unknown);

  const model::Attempt made = attempt(target());

  EXPECT_EQ(made.outcome, Outcome::kUnsendable);
  EXPECT_EQ(made.number, 1);
  EXPECT_EQ(made.status_code, std::nullopt);
  EXPECT_NE(made.error, "");
  EXPECT_TRUE(sent.empty());
}

TEST_F(WebhookChannelTest, ASecretThatCannotSignIsUnsendableAndNotSeenInTheError) {
  endpoint.secrets.current = sealed("not-a-key");
  const model::Attempt made = attempt(target());
  EXPECT_EQ(made.outcome, Outcome::kUnsendable);
  EXPECT_EQ(made.error.find("not-a-key"), std::string::npos);
  EXPECT_TRUE(sent.empty());
}

TEST_F(WebhookChannelTest, ATargetNeedsADialectAUrlAndSecretsOfItsOwn) {
  const auto reason = [&] {
    const auto made = make_target(endpoint, built_in_dialects(), secret_box);
    return made ? std::string("made") : made.error().reason;
  };
  EXPECT_EQ(reason(), "made");
  endpoint.secrets.current = secret_box.seal("x", ids.next().bytes());  // Another's.
  EXPECT_EQ(make_target(endpoint, built_in_dialects(), secret_box).error().code, Code::kInternal);
  endpoint.secrets.current.clear();
  endpoint.dialect = "no-such";
  EXPECT_EQ(reason(), "dialect_unknown");
  endpoint.dialect = "proculink";
  endpoint.url = "ftp://a.example";
  EXPECT_EQ(reason(), "url_invalid");
}

TEST(Judge, KnowsWhatAnAnswerMeans) {
  dialect::DeliveryRules rules;
  rules.success = {{200, 299}, {304, 304}};
  struct Case {
    Result<net::ClientResponse> answer;
    Outcome outcome;
  };
  const auto failed = [](Code code) {
    return Result<net::ClientResponse>(fail(code, "a_reason", "A sentence."));
  };
  const Case cases[] = {{answered(200), Outcome::kSucceeded},
                        {answered(299), Outcome::kSucceeded},
                        {answered(304), Outcome::kSucceeded},
                        {answered(302), Outcome::kRefused},
                        {answered(400), Outcome::kRefused},
                        {answered(429), Outcome::kRefused},
                        {answered(503), Outcome::kRefused},
                        {answered(410), Outcome::kGone},
                        {failed(Code::kTimeout), Outcome::kTimeout},
                        {failed(Code::kForbidden), Outcome::kBlocked},
                        {failed(Code::kUnavailable), Outcome::kConnectionError},
                        {failed(Code::kInvalid), Outcome::kUnsendable},
                        {failed(Code::kInternal), Outcome::kUnsendable}};
  for (const Case& c : cases) {
    const model::Attempt attempt = judge(c.answer, rules, ManualClock::kNoon);
    const std::string what =
        c.answer ? std::to_string(c.answer->status) : std::string(code_name(c.answer.error().code));
    EXPECT_EQ(attempt.outcome, c.outcome) << what;
    EXPECT_EQ(attempt.status_code.has_value(), c.answer.has_value()) << what;
    EXPECT_EQ(attempt.error, c.answer ? "" : "A sentence.") << what;
  }
}

TEST(Judge, KeepsTheBeginningOfTheAnswer) {
  auto answer = answered(500);
  answer->body = std::string(10'000, 'x');
  const model::Attempt attempt = judge(answer, {}, ManualClock::kNoon);
  EXPECT_EQ(attempt.response_body, std::string(model::Attempt::kBodyBytesMax, 'x'));
}

TEST(Judge, HearsTheWishOfAFailedAttemptAlone) {
  dialect::DeliveryRules rules;
  rules.success = {{200, 299}};
  const auto wish = [&](int status) {
    auto answer = answered(status);
    answer->headers = {{"retry-after", "7"}};
    return judge(answer, rules, ManualClock::kNoon).retry_after;
  };
  EXPECT_EQ(wish(503), 7s);
  EXPECT_EQ(wish(200), std::nullopt);
}

TEST(RetryAfter, IsSecondsOrADate) {
  const Timestamp now = parse_iso_time("1994-11-06T08:49:00Z").value();
  struct Case {
    std::string_view text;
    std::optional<std::chrono::milliseconds> wait;
  };
  for (const Case& c :
       {Case{"0", 0s}, Case{"120", 120s}, Case{"99999999", 168h},
        Case{"Sun, 06 Nov 1994 08:49:37 GMT", 37s}, Case{"Sun, 06 Nov 1994 08:48:00 GMT", 0s},
        Case{"Tue, 08 Nov 1994 08:49:00 GMT", 48h}, Case{"Fri, 31 Dec 9999 23:59:59 GMT", 168h},
        Case{"", std::nullopt}, Case{"-1", std::nullopt}, Case{"1.5", std::nullopt},
        Case{"soon", std::nullopt}, Case{"12 s", std::nullopt},
        Case{"99999999999999999999", std::nullopt},
        Case{"Sun, 06 Foo 1994 08:49:37 GMT", std::nullopt},
        Case{"Sun, 99 Nov 1994 08:49:37 GMT", std::nullopt},
        Case{"Sun, 06 Nov 1994 08:49:37 UTC", std::nullopt},
        Case{"Sunday, 06-Nov-94 08:49:37 GMT", std::nullopt}}) {
    EXPECT_EQ(parse_retry_after(c.text, now), c.wait) << c.text;
  }
}

}  // namespace
}  // namespace waybill::delivery
