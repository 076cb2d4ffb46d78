#include "delivery/channels/http_channel.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "delivery/channels/channel_fixture.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;
using model::Outcome;

Result<net::ClientResponse> answered(int status, std::vector<net::Header> headers = {}) {
  net::ClientResponse response;
  response.status = status;
  response.headers = std::move(headers);
  return response;
}

class HttpChannelTest : public ChannelTest {
 protected:
  HttpChannelTest() {
    endpoint.channel = model::Channel::kHttp;
    endpoint.url = "http://10.0.0.1:3000/hooks?x=1";
  }

  std::string header(std::string_view name) const {
    std::string found = "none";
    for (const net::Header& one : sent.back().headers) {
      if (!net::same_header_name(one.name, name)) continue;
      found = found == "none" ? one.value : found + " and " + one.value;
    }
    return found;
  }

  std::vector<net::ClientRequest> sent;
  Result<net::ClientResponse> answer = answered(204);
  HttpChannel channel{clock,
                      [this](net::ClientRequest request) { return receive(std::move(request)); }};

 private:
  Task<Result<net::ClientResponse>> receive(net::ClientRequest request) {
    sent.push_back(std::move(request));
    co_return answer;
  }
};

TEST_F(HttpChannelTest, ForwardsTheExactBytesWithTheirHeaders) {
  content.headers = {{"X-WC-Webhook-Signature", "c2ln"},
                     {"User-Agent", "WooCommerce/9.0 Hookshot"},
                     {"Host", "hub.example"},
                     {"Content-Length", "26"},
                     {"Content-Type", "text/x-other"},
                     {"Connection", "close"},
                     {"Transfer-Encoding", "chunked"},
                     {"Accept-Encoding", "gzip"},
                     {"Expect", "100-continue"}};
  endpoint.overrides.timeout = 5s;
  delivery.attempts_made = 2;

  const model::Attempt made = attempt(channel);

  EXPECT_EQ(made.outcome, Outcome::kSucceeded);
  EXPECT_EQ(made.number, 3);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(sent[0].url.target, "/hooks?x=1");
  EXPECT_EQ(sent[0].deadlines.total, 5s);
  EXPECT_EQ(sent[0].body, content.body);
  EXPECT_EQ(header("X-WC-Webhook-Signature"), "c2ln");
  EXPECT_EQ(header("User-Agent"), "WooCommerce/9.0 Hookshot");
  EXPECT_EQ(header("Content-Type"), "application/json; charset=utf-8");
  for (const std::string_view of_connection :
       {"Host", "Content-Length", "Connection", "Transfer-Encoding", "Accept-Encoding", "Expect"}) {
    EXPECT_EQ(header(of_connection), "none") << of_connection;
  }
  EXPECT_EQ(header("Waybill-Message-Id"), message_id());
  EXPECT_EQ(header("Waybill-Delivery-Id"), delivery.id.text());
  EXPECT_EQ(header("Waybill-Source"), "shop");
  EXPECT_EQ(header("Waybill-Event-Type"), "order.updated");
  EXPECT_EQ(header("Waybill-Attempt"), "3");
  EXPECT_EQ(header("Waybill-Replay"), "none");
}

TEST_F(HttpChannelTest, BytesThatAreNoTextArriveAsTheyWere) {
  content.body = std::string("\xff\x00\n\x80", 4);
  content.content_type = "";
  attempt(channel);
  EXPECT_EQ(sent[0].body, content.body);
  EXPECT_EQ(header("Content-Type"), "none");
}

TEST_F(HttpChannelTest, TellsOfAReplay) {
  delivery.kind = model::DeliveryKind::kReplay;
  content.headers = {{"Waybill-Replay", "false"}};
  attempt(channel);
  EXPECT_EQ(header("Waybill-Replay"), "true");
}

// Else a first delivery could be passed off as a replay, and a message as of a type it has not.
TEST_F(HttpChannelTest, ASenderSaysNothingInTheHubsName) {
  content.headers = {{"Waybill-Replay", "true"},
                     {"waybill-event-type", "order.paid"},
                     {"WAYBILL-Anything", "1"},
                     {"X-Waybill", "kept"}};
  content.type = "";
  attempt(channel);
  EXPECT_EQ(header("Waybill-Replay"), "none");
  EXPECT_EQ(header("Waybill-Event-Type"), "none");
  EXPECT_EQ(header("Waybill-Anything"), "none");
  EXPECT_EQ(header("X-Waybill"), "kept");
}

TEST_F(HttpChannelTest, ItsOwnHeadersReplaceTheMessages) {
  content.headers = {{"authorization", "Bearer of-the-sender"}, {"Waybill-Attempt", "99"}};
  endpoint.headers =
      seal_headers(secret_box, {{"Authorization", Secret("Bearer ours")}}, endpoint.id);
  attempt(channel);
  EXPECT_EQ(header("Authorization"), "Bearer ours");
  EXPECT_EQ(header("Waybill-Attempt"), "1");
}

// A line break in a name would begin a header of its own.
TEST_F(HttpChannelTest, NamesThatCannotStandInAHeaderAreEncoded) {
  content.source = "größe 100%";
  content.type = "a\r\nX-Evil: 1";
  attempt(channel);
  EXPECT_EQ(header("Waybill-Source"), "gr%C3%B6%C3%9Fe%20100%25");
  EXPECT_EQ(header("Waybill-Event-Type"), "a%0D%0AX-Evil:%201");
  content.type = "";
  attempt(channel);
  EXPECT_EQ(header("Waybill-Event-Type"), "none");
}

// Whoever verifies the dialect gets what it would have signed itself, over bytes that another
// platform wrote.
TEST_F(HttpChannelTest, SignsTheSameBytesAgainInEveryDialectThatSigns) {
  struct Case {
    std::string_view dialect;
    std::string_view type_header;
    std::string_view signature;
  };
  constexpr Case kCases[] = {
      {"peptideclients", "X-PC-Event-Type", "X-PC-Signature"},
      {"proculink", "X-ProcuLink-Event", "X-ProcuLink-Signature"},
      {"procureiq", "x-procureiq-event", "x-procureiq-signature"},
      {"proign", "", "X-Proign-Signature"},
      {"slack", "", "X-Slack-Signature"},
      {"standard-webhooks", "", "webhook-signature"},
      {"stripe", "", "Stripe-Signature"},
      {"woocommerce", "", "X-WC-Webhook-Signature"},
      {"waybill", "", "webhook-signature"},
  };
  delivery.attempts_made = 1;
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.dialect);
    const dialect::Dialect& dialect = *dialects().find(one.dialect);
    const Secret secret = dialect.new_secret();
    endpoint.dialect = one.dialect;
    endpoint.secrets.current = sealed(secret.reveal());
    content.headers = {{std::string(one.signature), "the sender's own"},
                       {"X-Slack-Request-Timestamp", "1"}};

    EXPECT_EQ(attempt(channel).outcome, Outcome::kSucceeded);

    const net::ClientRequest& request = sent.back();
    EXPECT_EQ(request.body, content.body);
    EXPECT_EQ(header("Content-Type"), content.content_type);
    if (!one.type_header.empty()) {
      EXPECT_EQ(header(one.type_header), "order.updated");
    }
    EXPECT_EQ(header(one.signature).find("sender"), std::string::npos);
    const std::vector<Secret> keys{Secret(dialect.verification_key(secret))};
    const auto verified =
        dialect::verify(dialect, request.headers, request.body, keys, clock.wall_now());
    EXPECT_TRUE(verified) << verified.error().message;
    EXPECT_FALSE(
        dialect::verify(dialect, request.headers, request.body + " ", keys, clock.wall_now()));
  }
}

// What was fetched is an event of its own, but of the same message.
TEST_F(HttpChannelTest, WhatWasFetchedHasTheIdOfItsMessage) {
  content.id = ids.next_id<model::MessageId>();
  attempt(channel);
  EXPECT_EQ(header("Waybill-Message-Id"), content.id.text());
  EXPECT_NE(content.id.uuid(), delivery.event_id.uuid());
}

TEST_F(HttpChannelTest, TheDialectsHeadersSayWhatADeliverySays) {
  endpoint.dialect = "proign";
  content.headers = {{"x-proign-retry-count", "7"}};
  attempt(channel);
  EXPECT_EQ(header("X-Proign-Delivery-ID"), delivery.id.uuid().text() + "-1");
  EXPECT_EQ(header("X-Proign-Retry-Count"), "7");  // The message's own: the first try has none.
  delivery.attempts_made = 2;
  attempt(channel);
  EXPECT_EQ(header("X-Proign-Delivery-ID"), delivery.id.uuid().text() + "-3");
  EXPECT_EQ(header("X-Proign-Retry-Count"), "1");

  endpoint.dialect = "standard-webhooks";
  attempt(channel);
  EXPECT_EQ(header("webhook-id"), model::EventId(delivery.event_id).text());
  EXPECT_EQ(header("webhook-timestamp"), std::to_string(unix_seconds(clock.wall_now())));
}

TEST_F(HttpChannelTest, GivesTheWholeMessageWhereItIsAskedTo) {
  set_settings(R"({"payload":"message"})");
  content.document = R"({"idn":7})";
  attempt(channel);
  const auto read = parse_json(sent[0].body);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("document").at("idn").get_int64(), 7);
  EXPECT_EQ(read->at("body").get_string(), content.body);
  EXPECT_EQ(header("Content-Type"), "application/json");
}

// Its receiver was told to unpack, or to check, what is another body than the sender's.
TEST_F(HttpChannelTest, TheMessageComesWithoutWhatWasSaidOfTheBody) {
  const std::vector<std::string_view> of_body = {
      "Content-Encoding", "Content-MD5", "content-digest", "Content-Language",
      "Content-Anything", "Digest",      "Repr-Digest"};
  for (const std::string_view name : of_body) content.headers.push_back({std::string(name), "x"});
  content.headers.push_back({"Contents", "kept"});
  content.headers.push_back({"X-Digest", "kept"});

  attempt(channel);
  for (const std::string_view name : of_body) EXPECT_EQ(header(name), "x") << name;

  set_settings(R"({"payload":"message"})");
  endpoint.headers = seal_headers(secret_box, {{"Digest", Secret("ours")}}, endpoint.id);
  attempt(channel);
  for (const std::string_view name : of_body) {
    EXPECT_EQ(header(name), name == "Digest" ? "ours" : "none") << name;
  }
  EXPECT_EQ(header("Contents"), "kept");
  EXPECT_EQ(header("X-Digest"), "kept");
  EXPECT_EQ(header("Content-Type"), "application/json");
}

TEST_F(HttpChannelTest, PassesTheTraceOn) {
  content.headers = {{"traceparent", "the sender's"}, {"tracestate", "a=b"}};
  trace.parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  attempt(channel);
  EXPECT_TRUE(header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_EQ(header("traceparent").find("sender"), std::string::npos);
  EXPECT_EQ(header("tracestate"), "none");
}

TEST_F(HttpChannelTest, SettingsItDoesNotKnowAreUnsendable) {
  set_settings(R"({"paylod":"body"})");
  const model::Attempt made = attempt(channel);
  EXPECT_EQ(made.outcome, Outcome::kUnsendable);
  EXPECT_NE(made.error.find("paylod"), std::string::npos);
  EXPECT_TRUE(sent.empty());
}

TEST_F(HttpChannelTest, ASecretThatCannotSignIsUnsendable) {
  endpoint.dialect = "standard-webhooks";
  endpoint.secrets.current = sealed("not-a-key");
  EXPECT_EQ(attempt(channel).outcome, Outcome::kUnsendable);
  EXPECT_TRUE(sent.empty());
}

TEST(JudgeForward, HearsNeverAndLater) {
  struct Case {
    int status;
    std::string_view retry_after;
    Outcome outcome;
  };
  const Case cases[] = {{200, "", Outcome::kSucceeded},   {204, "9", Outcome::kSucceeded},
                        {299, "", Outcome::kSucceeded},   {301, "", Outcome::kRefused},
                        {400, "", Outcome::kRefused},     {410, "", Outcome::kNever},
                        {422, "5", Outcome::kNever},      {429, "", Outcome::kRefused},
                        {429, "7", Outcome::kLater},      {503, "7", Outcome::kLater},
                        {503, "soon", Outcome::kRefused}, {500, "7", Outcome::kRefused}};
  for (const Case& one : cases) {
    std::vector<net::Header> headers;
    if (!one.retry_after.empty()) headers.push_back({"Retry-After", std::string(one.retry_after)});
    const model::Attempt made = judge_forward(answered(one.status, headers), ManualClock::kNoon);
    EXPECT_EQ(made.outcome, one.outcome) << one.status << " " << one.retry_after;
    if (one.outcome == Outcome::kLater) EXPECT_EQ(made.retry_after, 7s);
  }
  EXPECT_EQ(judge_forward(fail(Code::kTimeout, "x"), ManualClock::kNoon).outcome,
            Outcome::kTimeout);
}

}  // namespace
}  // namespace waybill::delivery
