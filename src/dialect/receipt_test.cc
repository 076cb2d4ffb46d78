// What the built-in dialects read of a platform's message, and whose it is. The signatures were
// made with Python's hmac; those named published are GitHub's and Slack's own.

#include "dialect/receipt.h"

#include <chrono>

#include <fmt/format.h>

#include "dialect/dialect_fixture.h"

namespace waybill::dialect {
namespace {

using Headers = std::vector<net::Header>;

constexpr Timestamp kNow{std::chrono::seconds(1795235461)};

class ReceiptTest : public DialectFixture {
 protected:
  static const ReceiptRules& rules(std::string_view name) { return *built_in(name).receipt; }

  static std::string reason(const Result<void>& result) {
    return result ? "" : result.error().reason;
  }
  // "id type key", or the message of what is wrong.
  static std::string read(std::string_view name, const Headers& headers, std::string_view body) {
    const ReceivedRequest request(headers, body);
    const Result<ReceivedMessage> message = read_message(rules(name), request);
    if (!message) return message.error().reason + ": " + message.error().message;
    return fmt::format("{} {} {}", message->id, message->type, message->key);
  }
  static Environment environment(std::string_view name, std::string_view body) {
    const ReceivedRequest request({}, body);
    return read_message(rules(name), request).value().environment;
  }
};

struct Signed {
  std::string_view dialect;
  std::string_view secret;
  std::string_view body;
  Headers headers;  // The first one is the signature.
  Timestamp now = kNow;
};

std::vector<Signed> vectors() {
  return {
      {"woocommerce",
       "salt &amp; pepper",
       R"({"id":727,"status":"processing","total":"29.35"})",
       {{"X-WC-Webhook-Signature", "h4rbDBExAZ6rByM05SfMwBK10BhHDsIZDIWDsXpfWCk="}}},
      {"stripe",
       "whsec_test_secret",
       R"({"id":"evt_1Nw","object":"event","type":"charge.succeeded","livemode":false})",
       {{"Stripe-Signature",
         "t=1795235461,v1=c7aa393e2a8763a0db7ed344004a3069469f12e652422c6d57bb4639c1167c1d,"
         "v0=00"}}},
      {"github",
       "It's a Secret to Everybody",  // Published.
       "Hello, World!",
       {{"X-Hub-Signature-256",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}},
      {"shopify",
       "hush",
       R"({"id":820982911946154508,"email":"jon@example.com"})",
       {{"X-Shopify-Hmac-Sha256", "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6/QLMo8="}}},
      {"slack",
       "8f742231b10e8888abcd99yyyzzz85a5",  // Published.
       "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
       "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
       "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F"
       "T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
       "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
       {{"X-Slack-Signature",
         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
        {"X-Slack-Request-Timestamp", "1531420618"}},
       Timestamp(std::chrono::seconds(1531420618))},
      {"hmac",
       "a-shared-secret",
       R"({"n":1})",
       {{"X-Signature",
         "sha256=ac9fa5d24545642edf998816f56042ba936363b7e15b85e52618636dcc3a9629"}}},
  };
}

TEST_F(ReceiptTest, TakesWhatEachPlatformSigns) {
  for (const Signed& given : vectors()) {
    const Dialect& dialect = built_in(given.dialect);
    const std::vector<Secret> keys = {Secret("another-secret-of-some-length"),
                                      Secret(std::string(given.secret))};
    EXPECT_EQ(reason(verify(dialect, given.headers, given.body, keys, given.now)), "")
        << given.dialect;
    EXPECT_EQ(
        reason(verify(dialect, given.headers, given.body, std::span(keys).first(1), given.now)),
        "signature_mismatch")
        << given.dialect;
    EXPECT_EQ(reason(verify(dialect, {}, given.body, keys, given.now)), "signature_missing")
        << given.dialect;
  }
}

// A-PC-4: all tests would be the same message, and the second one lost.
TEST_F(ReceiptTest, APeptideClientsTestIsAMessageOfItsOwn) {
  const ReceiptRules& rules = *built_in("peptideclients").receipt;
  const auto read_test = [&](std::optional<std::string> id, std::string_view delivery,
                             std::string_view body) {
    Headers headers = {{"X-PC-Event-Type", "webhook.test"},
                       {"X-PC-Delivery-Id", std::string(delivery)}};
    if (id) headers.push_back({"X-PC-Event-Id", *id});
    return read_message(rules, ReceivedRequest(headers, body));
  };
  for (const auto& id : {std::optional<std::string>("null"), std::optional<std::string>(""),
                         std::optional<std::string>()}) {
    const auto first = read_test(id, "d1", R"({"id":null,"created_at":"2026-01-01T00:00:00Z"})");
    const auto retried = read_test(id, "d1", R"({"id":null,"created_at":"2026-01-01T00:00:00Z"})");
    const auto second = read_test(id, "d2", R"({"id":null,"created_at":"2026-01-01T00:00:07Z"})");
    ASSERT_TRUE(first && retried && second) << id.value_or("absent");
    EXPECT_EQ(first->id, "");
    EXPECT_EQ(first->key, retried->key);
    EXPECT_NE(first->key, second->key);
  }
  EXPECT_EQ(read_test("e-1", "d1", "{}")->key, "e-1");
}

// The example that Svix publishes, under the names of its own headers.
TEST_F(ReceiptTest, TakesWhatSvixSigns) {
  const Dialect& dialect = built_in("svix");
  const std::string body = R"({"test": 2432232314})";
  const std::vector<Secret> keys = {Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};
  const Timestamp sent_at{std::chrono::seconds(1614265330)};
  Headers headers = {{"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                     {"svix-timestamp", "1614265330"},
                     {"svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
  EXPECT_EQ(reason(verify(dialect, headers, body, keys, sent_at)), "");
  EXPECT_NE(reason(verify(dialect, headers, body + " ", keys, sent_at)), "");
  EXPECT_NE(reason(verify(dialect, headers, body, keys, sent_at + std::chrono::minutes(6))), "");
  const auto read = read_message(*dialect.receipt, ReceivedRequest(headers, body));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
  headers[0].value = "msg_another";
  EXPECT_NE(reason(verify(dialect, headers, body, keys, sent_at)), "");
}

TEST_F(ReceiptTest, RefusesEveryFlippedBit) {
  for (const Signed& given : vectors()) {
    const std::vector<Secret> keys = {Secret(std::string(given.secret))};
    const auto is_refused = [&](const Headers& headers, std::string_view body) {
      return !verify(built_in(given.dialect), headers, body, keys, given.now);
    };
    for (std::size_t i = 0; i < given.body.size() * 8; ++i) {
      std::string body(given.body);
      body[i / 8] = static_cast<char>(body[i / 8] ^ (1 << (i % 8)));
      EXPECT_TRUE(is_refused(given.headers, body)) << given.dialect << " bit " << i;
    }
    // Of a digit; hex is read in either case, so of its value.
    Headers headers = given.headers;
    const std::size_t at = headers.front().value.find_first_of("0123456789abcdefgh", 20);
    char& digit = headers.front().value[at];
    digit = digit == '3' ? '4' : '3';
    EXPECT_TRUE(is_refused(headers, given.body)) << given.dialect;
  }
}

TEST_F(ReceiptTest, HoldsSignedTimesToFiveMinutes) {
  for (const Signed& given : vectors()) {
    const std::vector<Secret> keys = {Secret(std::string(given.secret))};
    const bool is_timed = built_in(given.dialect).signature->tolerance.has_value();
    EXPECT_EQ(is_timed, given.dialect == "stripe" || given.dialect == "slack");
    const auto at = [&](std::chrono::seconds later) {
      return reason(
          verify(built_in(given.dialect), given.headers, given.body, keys, given.now + later));
    };
    const std::string refused = is_timed ? "timestamp_out_of_tolerance" : "";
    EXPECT_EQ(at(std::chrono::seconds(300)), "") << given.dialect;
    EXPECT_EQ(at(std::chrono::seconds(-300)), "") << given.dialect;
    EXPECT_EQ(at(std::chrono::seconds(301)), refused) << given.dialect;
    EXPECT_EQ(at(std::chrono::seconds(-301)), refused) << given.dialect;
  }
}

TEST_F(ReceiptTest, NewSecretsVerify) {
  for (const Signed& given : vectors()) {
    const Dialect& dialect = built_in(given.dialect);
    EXPECT_TRUE(dialect.check_secret(dialect.new_secret())) << given.dialect;
    EXPECT_TRUE(dialect.receives_only) << given.dialect;
  }
}

TEST_F(ReceiptTest, ReadsWhereEachPlatformSaysWhatItIs) {
  const std::string digest = "2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd";
  const std::string body = R"({"n":1})";
  EXPECT_EQ(read("procureiq", {}, R"({"id":"evt_1","type":"order.created","data":{}})"),
            "evt_1 order.created evt_1");
  EXPECT_EQ(read("proign", {}, R"({"id":"evt_1","type":"order.shipped"})"),
            "evt_1 order.shipped evt_1");
  EXPECT_EQ(read("proculink", {{"X-ProcuLink-Event", "order.created"}}, R"({"id":"7"})"),
            "7 order.created 7");
  EXPECT_EQ(read("proculink", {{"X-ProcuLink-Event", "order.created"}}, body),
            " order.created order.created:" + digest);
  EXPECT_EQ(read("peptideclients", {{"X-PC-Event-Id", "e"}, {"X-PC-Event-Type", "t"}}, "no JSON"),
            "e t e");
  EXPECT_EQ(read("standard-webhooks", {{"Webhook-Id", "msg_1"}}, R"({"type":"a.b"})"),
            "msg_1 a.b msg_1");
  EXPECT_EQ(read("waybill", {{"webhook-id", "msg_1"}}, "no JSON"), "msg_1  msg_1");
  EXPECT_EQ(read("stripe", {}, R"({"id":"evt_1","type":"charge.succeeded"})"),
            "evt_1 charge.succeeded evt_1");
  EXPECT_EQ(read("github", {{"X-GitHub-Delivery", "72d3"}, {"X-GitHub-Event", "push"}}, "a=b"),
            "72d3 push 72d3");
  EXPECT_EQ(read("shopify", {{"X-Shopify-Webhook-Id", "b54"}, {"X-Shopify-Topic", "orders/create"}},
                 body),
            "b54 orders/create b54");
  EXPECT_EQ(read("slack", {},
                 R"({"event":{"type":"app_mention"},"type":"event_callback","event_id":"Ev08"})"),
            "Ev08 app_mention Ev08");
  EXPECT_EQ(read("hmac", {{"X-Webhook-Id", "1"}, {"X-Webhook-Event", "e"}}, body), "1 e 1");
  EXPECT_EQ(read("hmac", {}, body), "  :" + digest);
}

// W-2, W-4.
TEST_F(ReceiptTest, TwoMessagesOfWooCommerceMayShareADeliveryId) {
  const std::string one = read(
      "woocommerce", {{"X-WC-Webhook-Delivery-ID", "d"}, {"X-WC-Webhook-Topic", "order.updated"}},
      R"({"id":1})");
  EXPECT_EQ(
      one, read("woocommerce", {{"x-wc-delivery-id", "d"}, {"x-wc-webhook-topic", "order.updated"}},
                R"({"id":1})"))
      << "the older spelling";
  EXPECT_TRUE(one.starts_with("d order.updated d:order.updated:")) << one;
  EXPECT_NE(one, read("woocommerce",
                      {{"X-WC-Webhook-Delivery-ID", "d"}, {"X-WC-Webhook-Topic", "order.updated"}},
                      R"({"id":2})"));
  EXPECT_NE(one, read("woocommerce",
                      {{"X-WC-Webhook-Delivery-ID", "d"}, {"X-WC-Webhook-Topic", "order.created"}},
                      R"({"id":1})"));
}

// R-PR-14, R-PR-17: numbers on the wire, and no id.
TEST_F(ReceiptTest, NamesWhatPrecoroNumbers) {
  EXPECT_EQ(read("precoro", {}, R"({"id":123456,"type":2,"action":0,"idn":5})"),
            " purchase_order.create 123456:2:0");
  EXPECT_EQ(read("precoro", {}, R"({"id":1,"type":11,"action":1,"idn":null})"),
            " item_custom_field.update 1:11:1");
  EXPECT_EQ(read("precoro", {}, R"({"id":1,"type":77,"action":1})"), " 77.1 1:77:1")
      << "what is not listed is called as it is told";
  EXPECT_EQ(rules("precoro").window, std::chrono::seconds(30));
}

TEST_F(ReceiptTest, TellsTheEnvironment) {
  const auto procureiq = [](std::string_view name) {
    return environment(
        "procureiq",
        fmt::format(R"({{"id":"1","type":"t","metadata":{{"environment":"{}"}}}})", name));
  };
  EXPECT_EQ(procureiq("production"), Environment::kProduction);
  EXPECT_EQ(procureiq("sandbox"), Environment::kSandbox);
  EXPECT_EQ(procureiq("elsewhere"), Environment::kUnknown);
  EXPECT_EQ(environment("procureiq", R"({"id":"1","type":"t"})"), Environment::kUnknown);
  EXPECT_EQ(environment("stripe", R"({"id":"1","type":"t","livemode":true})"),
            Environment::kProduction);
  EXPECT_EQ(environment("stripe", R"({"id":"1","type":"t","livemode":false})"),
            Environment::kSandbox);
}

TEST_F(ReceiptTest, SaysWhatAMessageLacks) {
  EXPECT_EQ(read("procureiq", {}, R"({"type":"t"})"),
            "message_unfit: {body.id}: the value is missing.");
  EXPECT_EQ(read("procureiq", {}, R"({"id":{},"type":"t"})"),
            "message_unfit: {body.id}: the value is not a scalar, and stands in a text.");
  EXPECT_EQ(read("github", {{"X-GitHub-Event", "push"}}, "{}"),
            "message_unfit: {header.x-github-delivery}: the value is missing.");
  EXPECT_TRUE(read("stripe", {}, "no JSON").starts_with("message_unfit: The body is no JSON: "));
}

// They are listed, searched and written to logs.
TEST_F(ReceiptTest, RefusesIdsAndTypesThatAreNoPlainText) {
  for (const std::string& bad : {std::string("a\nb"), std::string("\x7F"), std::string("\xFF\xFE"),
                                 std::string(257, 'x'), std::string("a\0b", 3)}) {
    EXPECT_TRUE(read("hmac", {{"X-Webhook-Id", bad}}, "").starts_with("message_unfit: ")) << bad;
    EXPECT_TRUE(read("hmac", {{"X-Webhook-Event", bad}}, "").starts_with("message_unfit: ")) << bad;
  }
  EXPECT_TRUE(read("hmac", {{"X-Webhook-Id", std::string(256, 'x')}}, "").starts_with("xxx"));
  EXPECT_TRUE(read("hmac", {{"X-Webhook-Event", std::string(129, 'x')}}, "")
                  .starts_with("message_unfit: "));
  EXPECT_TRUE(read("hmac", {{"X-Webhook-Event", "Bestellung geändert"}}, "")
                  .starts_with(" Bestellung geändert"));
}

TEST_F(ReceiptTest, OfSeveralHeadersOfOneNameTheFirstCounts) {
  EXPECT_TRUE(
      read("hmac", {{"x-webhook-id", "one"}, {"X-Webhook-Id", "two"}}, "").starts_with("one "));
}

// W-5: unsigned, with 1 to 20 digits, and answered 200 alone.
TEST_F(ReceiptTest, KnowsTheCreationPingOfWooCommerce) {
  const auto find = [](std::string_view body, const Headers& headers, bool is_signed) {
    const ReceivedRequest request(headers, body);
    return find_ping(rules("woocommerce"), request, is_signed);
  };
  const PingRule* ping = find("webhook_id=42", {}, false);
  ASSERT_NE(ping, nullptr);
  EXPECT_EQ(ping->answer.status, 200);
  EXPECT_EQ(find("webhook_id=42", {}, true), nullptr);
  EXPECT_EQ(find("webhook_id=42", {{"x-wc-webhook-signature", "x"}}, false), nullptr);
  for (const char* other :
       {"webhook_id=", "webhook_id=x", "webhook_id=1&a=b", "a=1", "", "webhook_id=1\n",
        "xwebhook_id=1", "webhook_id=123456789012345678901"}) {
    EXPECT_EQ(find(other, {}, false), nullptr) << other;
  }
}

TEST_F(ReceiptTest, AnswersSlacksChallenge) {
  const std::string body = R"({"token":"z","challenge":"3eZbrw1a","type":"url_verification"})";
  const ReceivedRequest request({}, body);
  EXPECT_EQ(find_ping(rules("slack"), request, false), nullptr) << "it is signed";
  const PingRule* ping = find_ping(rules("slack"), request, true);
  ASSERT_NE(ping, nullptr);
  EXPECT_EQ(ping->answer.content_type, "text/plain");
  EXPECT_EQ(render_answer(ping->answer, request).value(), "3eZbrw1a");

  const ReceivedRequest without({}, R"({"type":"url_verification"})");
  ping = find_ping(rules("slack"), without, true);
  ASSERT_NE(ping, nullptr);
  EXPECT_EQ(render_answer(ping->answer, without).error().reason, "message_unfit");
  const ReceivedRequest other({}, R"({"type":"event_callback"})");
  EXPECT_EQ(find_ping(rules("slack"), other, true), nullptr);
}

TEST_F(ReceiptTest, GitHubsPingIsNoMessage) {
  const Headers ping = {{"X-GitHub-Event", "ping"}};
  const Headers push = {{"X-GitHub-Event", "push"}};
  EXPECT_NE(find_ping(rules("github"), ReceivedRequest(ping, "{}"), true), nullptr);
  EXPECT_EQ(find_ping(rules("github"), ReceivedRequest(push, "{}"), true), nullptr);
}

TEST_F(ReceiptTest, AnswersAsThePlatformExpects) {
  const ReceivedRequest request({}, "");
  const auto answer = [&](std::string_view name) {
    return fmt::format("{} {}", rules(name).answer.status,
                       render_answer(rules(name).answer, request).value());
  };
  EXPECT_EQ(answer("procureiq"), R"(200 {"status":"ok"})") << "R-PQ-39";
  EXPECT_EQ(answer("precoro"), "200 ") << "R-PR-18";
  EXPECT_EQ(answer("github"), R"(202 {"accepted":true})");
  EXPECT_EQ(answer("woocommerce"), R"(200 {"ok":true})");
}

// R-PR-16, R-PR-22, A-PR-6.
TEST_F(ReceiptTest, KnowsWhatPrecorosNoticesName) {
  const FetchRules& fetch = *rules("precoro").fetch;
  const json::object settings = {{"token", "t-1"}, {"email", "buyer@example.com"}};
  const auto path = [&](std::string_view type, std::string_view body) -> std::string {
    const ReceivedRequest request({}, body);
    const auto made = fetch_request(fetch, type, request, settings);
    if (!made) return made.error().reason;
    return *made ? (*made)->path : "nothing";
  };
  EXPECT_EQ(path("purchase_order.create", R"({"id":123456,"idn":5})"), "/purchaseorders/5");
  EXPECT_EQ(path("invoice.update", R"({"id":123456,"idn":5})"), "/invoices/123456");
  EXPECT_EQ(path("supplier.update", R"({"id":12})"), "/suppliers/12");
  EXPECT_EQ(path("item_custom_field.update", R"({"id":12})"), "/itemcustomfields") << "R-PR-21";
  EXPECT_EQ(path("budget.update", R"({"id":123456})"), "nothing");
  EXPECT_EQ(path("purchase_order.create", R"({"id":123456,"idn":null})"), "message_unfit");
  EXPECT_EQ(path("purchase_order.create", "x"), "message_unfit");
  EXPECT_EQ(fetch.settings, (std::vector<std::string>{"token", "email"}));
  EXPECT_EQ(fetch.per_second, 1);
  EXPECT_EQ(fetch.per_hour, 1500);
  EXPECT_EQ(fetch.per_day, 3000);

  const ReceivedRequest request({}, R"({"id":1,"idn":5})");
  const auto made = fetch_request(fetch, "invoice.create", request, settings).value();
  EXPECT_EQ(lines_of(made->headers), (Lines{"X-AUTH-TOKEN: t-1", "email: buyer@example.com"}));
  EXPECT_EQ(fetch_request(fetch, "invoice.create", request, {}).error().reason, "message_unfit");
}

// A notice of Precoro's is unsigned: whoever knows the address of the source may send one.
TEST_F(ReceiptTest, NoMessageLeavesItsSegmentOfThePath) {
  const FetchRules& fetch = *rules("precoro").fetch;
  const json::object settings = {{"token", "t"}, {"email", "e"}};
  const auto path = [&](std::string_view idn) -> std::string {
    const std::string body = fmt::format(R"({{"idn":"{}"}})", idn);
    const ReceivedRequest request({}, body);
    const auto made = fetch_request(fetch, "purchase_order.create", request, settings);
    return made ? (*made)->path : made.error().reason;
  };
  EXPECT_EQ(path("a/../b?c=d#e"), "/purchaseorders/a%2F..%2Fb%3Fc%3Dd%23e");
  EXPECT_EQ(path("%2e%2e"), "/purchaseorders/%252e%252e");
  EXPECT_EQ(path("a b\\r\\n"), "/purchaseorders/a%20b%0D%0A");
  for (const char* bad : {"", ".", ".."}) EXPECT_EQ(path(bad), "message_unfit") << bad;
}

TEST_F(ReceiptTest, ReadsTheBodyWhenItIsNamed) {
  const Template header = parse_message_template("{header.x-a?}/{digest}").value();
  const Template body = parse_message_template("{body.lines.0.sku}").value();
  const Headers headers = {{"X-A", "1"}};
  const ReceivedRequest request(headers, R"({"lines":[{"sku":"V-1"}]})");
  EXPECT_EQ(render_message_template(header, request).value(),
            "1/35a5a8198875405bf0e617cb30531c3925283c4a6546ef8440104c0c32e7af78");
  EXPECT_EQ(render_message_template(body, request).value(), "V-1");
  const ReceivedRequest no_json(headers, "[");
  EXPECT_EQ(render_message_template(body, no_json).error().reason, "message_unfit");
}

TEST_F(ReceiptTest, RefusesTemplatesOfWhatNoRequestHas) {
  for (const char* bad : {"{header.X-Upper}", "{header}", "{header.a.b}", "{event.id}", "{type}",
                          "{settings.token}", "{body.}", "{digest.a}", "{"}) {
    const auto made = parse_message_template(bad);
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().reason, "template_invalid") << bad;
  }
}

}  // namespace
}  // namespace waybill::dialect
