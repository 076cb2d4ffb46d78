// [receipt] as it is read: every key once, and every fault with its line and reason.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill::dialect {
namespace {

using Headers = std::vector<net::Header>;

constexpr std::string_view kHead = R"(title = "T"
description = "D"
[signature]
header = "X-Signature"
signed = "{body}"
[[signature.schemes]]
text = "{hex}"
)";

Result<Dialect> load(std::string_view receipt) {
  return load_dialect("in.toml", std::string(kHead) + std::string(receipt));
}

// The message of what is wrong, without the file's name.
std::string fault(std::string_view receipt) {
  const Result<Dialect> loaded = load(receipt);
  if (loaded) return "none";
  EXPECT_EQ(loaded.error().reason, "dialect_invalid");
  return loaded.error().message;
}

class OwnDialect : public testing::Test {
 protected:
  static Dialect loaded() {
    const std::string path = WAYBILL_SOURCE_DIR "/tests/e2e/dialects/acme-in.toml";
    std::ifstream in(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    return load_dialect(path, text).value();
  }
  const Dialect dialect_ = loaded();
  const ReceiptRules& rules_ = *dialect_.receipt;
};

TEST_F(OwnDialect, IsReadWhole) {
  EXPECT_TRUE(dialect_.receives_only);
  EXPECT_TRUE(dialect_.envelope.empty());
  EXPECT_EQ(rules_.window, std::chrono::minutes(10));
  EXPECT_EQ(rules_.types.at("1/new"), "order.placed");
  EXPECT_EQ(rules_.sandbox, (std::vector<std::string>{"demo", "test"}));
  EXPECT_EQ(rules_.answer.status, 202);
  ASSERT_EQ(rules_.pings.size(), 2u);
  EXPECT_FALSE(rules_.pings[0].is_signed);
  EXPECT_EQ(rules_.pings[0].without_header, "Acme-Signature");
  EXPECT_TRUE(rules_.pings[1].is_signed);
  EXPECT_EQ(rules_.pings[1].answer.status, 204);
  ASSERT_TRUE(rules_.fetch);
  EXPECT_EQ(rules_.fetch->per_second, 5);
  EXPECT_EQ(rules_.fetch->per_hour, 1000);
  EXPECT_EQ(rules_.fetch->per_day, 0);
  EXPECT_EQ(rules_.fetch->same_after, std::chrono::seconds(5));
  EXPECT_EQ(rules_.fetch->settings, (std::vector<std::string>{"shop", "token"}));
}

TEST_F(OwnDialect, SaysOfAMessageWhatItSays) {
  const auto read = [&](const Headers& headers, std::string_view body) {
    const ReceivedRequest request(headers, body);
    return read_message(rules_, request).value();
  };
  const Headers live = {{"Acme-Message", "m-1"}, {"Acme-Shop", "live"}};
  const ReceivedMessage placed = read(live, R"({"kind":1,"state":"new","order":{"id":"7"}})");
  EXPECT_EQ(placed.id, "m-1");
  EXPECT_EQ(placed.type, "order.placed");
  EXPECT_EQ(placed.key, "7:order.placed");
  EXPECT_EQ(placed.environment, Environment::kProduction);
  const Headers demo = {{"Acme-Message", "m-2"}, {"Acme-Shop", "demo"}};
  const ReceivedMessage changed = read(demo, R"({"kind":1,"state":null,"order":{"id":"7"}})");
  EXPECT_EQ(changed.type, "order.changed");
  EXPECT_EQ(changed.environment, Environment::kSandbox);
  EXPECT_EQ(read(demo, R"({"kind":2,"order":{"id":"7"}})").type, "2/");
}

TEST_F(OwnDialect, Answers) {
  // A quote of the request's would end the text that it is put into.
  const ReceivedRequest quoted({}, R"({"order":{"id":"a\"b"}})");
  EXPECT_EQ(render_answer(rules_.answer, quoted).value(), R"({"taken":"a\"b","hub":"waybill"})");

  const Headers asked = {{"Content-Type", "Text/Plain; charset=utf-8"}, {"User-Agent", "Acme/1"}};
  const ReceivedRequest ping(asked, "Are you there?");
  const PingRule* rule = find_ping(rules_, ping, false);
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(render_answer(rule->answer, ping).value(), "yes, Acme/1");
  const Headers form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(find_ping(rules_, ReceivedRequest(form, "Are you there?"), false), nullptr);
  EXPECT_EQ(find_ping(rules_, ReceivedRequest({}, "Are you there?"), false), nullptr);
  EXPECT_NE(find_ping(rules_, ReceivedRequest({}, R"({"kind":0})"), true), nullptr);
  EXPECT_EQ(find_ping(rules_, ReceivedRequest({}, R"({"kind":1})"), true), nullptr);
}

TEST_F(OwnDialect, Fetches) {
  const json::object settings = {{"shop", "north/1"}, {"token", "t"}};
  const ReceivedRequest request({}, R"({"order":{"id":"7"}})");
  const auto placed = fetch_request(*rules_.fetch, "order.placed", request, settings).value();
  EXPECT_EQ(placed->path, "/shops/north%2F1/orders/7");
  ASSERT_EQ(placed->headers.size(), 2u);
  EXPECT_EQ(placed->headers[0].value, "Bearer t");
  const auto other = fetch_request(*rules_.fetch, "a b", request, settings).value();
  EXPECT_EQ(other->path, "/kinds/a%20b");
  const json::object broken = {{"shop", "n"}, {"token", "a\r\nX: y"}};
  EXPECT_EQ(fetch_request(*rules_.fetch, "order.placed", request, broken).error().reason,
            "message_unfit");
}

TEST_F(OwnDialect, VerifiesWhatIsSignedAsItSays) {
  const Bytes key(16, 0x5A);
  const std::string secret = "acme_" + base64(key);
  const std::string body = R"({"kind":1})";
  const auto digest = crypto::hmac_sha256(key, {"m-1:1795235461999:" + body});
  const Timestamp now{std::chrono::milliseconds(1795235461999)};
  const std::vector<Secret> keys = {Secret(secret)};
  const Headers headers = {{"Acme-Message", "m-1"},
                           {"Acme-Signature", "t=1795235461999;s=" + base64(digest)}};
  EXPECT_TRUE(verify(dialect_, headers, body, keys, now));
  EXPECT_FALSE(verify(dialect_, headers, body + " ", keys, now));
  EXPECT_FALSE(verify(dialect_, headers, body, keys, now + std::chrono::minutes(3)));
}

TEST(ReceiptLoader, ADialectThatSendsMayReceive) {
  EXPECT_EQ(fault("[receipt]\n"), "none");
  EXPECT_TRUE(load("[receipt]\n")->receives_only);
}

// What is neither sent nor received, and what is begun of both.
TEST(ReceiptLoader, WithoutAnEnvelopeThereIsAReceipt) {
  for (const char* neither :
       {"", "[delivery]\nretry = []\n", "[receipt]\n[delivery]\nretry = []\n"}) {
    EXPECT_NE(fault(neither).find("envelope: is missing"), std::string::npos) << neither;
  }
  EXPECT_NE(fault("[receipt]\n[endpoint]\neditable = true\n").find("has no key \"endpoint\""),
            std::string::npos);
  EXPECT_NE(fault("[receipt]\n[headers]\nX-A = \"b\"\n").find("has no key \"headers\""),
            std::string::npos);
}

TEST(ReceiptLoader, ADialectWithoutSignatureHasNoSecret) {
  const auto dialect = load_dialect(
      "in.toml", "title = \"T\"\ndescription = \"D\"\n[receipt]\nid = \"{body.id}\"\n");
  ASSERT_TRUE(dialect);
  EXPECT_EQ(dialect->endpoint.secret, EndpointRules::SecretRule::kNone);
}

TEST(ReceiptLoader, RefusesWhatCannotBeMeant) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"[receipt]\nname = \"x\"\n", "9: [receipt] has no key \"name\""},
      {"[receipt]\nid = \"\"\n", "9: [receipt] id: is empty"},
      {"[receipt]\nid = 7\n", "9: [receipt] id: must be a string"},
      {"[receipt]\nid = \"{type}\"\n", "9: [receipt] id: there is no \"type\" here"},
      {"[receipt]\nid = \"{header.X-Id}\"\n", "9: [receipt] id: {header.X-Id} names no header"},
      {"[receipt]\nid = \"{header}\"\n", "9: [receipt] id: {header} names no header"},
      {"[receipt]\nkey = \"{settings.a}\"\n", "9: [receipt] key: there is no \"settings.a\""},
      {"[receipt]\nwindow = \"soon\"\n", "9: [receipt] window: \"soon\" is no duration"},
      {"[receipt]\nwindow = \"0s\"\n", "9: [receipt] window: must be above 0"},
      {"[receipt]\nwindow = \"400d\"\n", "9: [receipt] window: must be above 0 and at most 365d"},
      {"[receipt]\n[receipt.types]\na = \"b\"\n", "9: [receipt] types: needs type"},
      {"[receipt]\ntype = \"{body.t}\"\n[receipt.types]\na = \"b c\"\n",
       "11: [receipt.\"types\"] a: \"b c\" is no name of an event"},
      {"[receipt]\nenvironment = \"{body.e}\"\n", "9: [receipt] environment: needs [receipt.env"},
      {"[receipt]\n[receipt.environments]\nsandbox = [\"a\"]\n",
       "9: [receipt] environments: needs environment"},
      {"[receipt]\nenvironment = \"{body.e}\"\n[receipt.environments]\n",
       "10: [receipt] environments: names no environment"},
      {"[receipt]\nenvironment = \"{body.e}\"\n[receipt.environments]\nproduction = [\"a\"]\n"
       "sandbox = [\"a\"]\n",
       "12: [receipt.\"environments\"] sandbox: \"a\" is there twice"},
      {"[receipt.answer]\nstatus = 302\n",
       "9: [receipt.\"answer\"] status: must be a whole number"},
      {"[receipt.answer]\ncontent_type = \"text\"\n",
       "9: [receipt.\"answer\"] content_type: \"text\" is no media type"},
      {"[receipt.answer]\nbody = \"ok\"\n", "9: [receipt.\"answer\"] body: "},
      {"[receipt.answer]\nstatus = 204\nbody = \"1\"\n",
       "10: [receipt.\"answer\"] body: an answer of 204 has none"},
      {"[[receipt.pings]]\n", "8: [[receipt.pings]] when: every message would be this ping"},
      {"[[receipt.pings]]\nwhen = \"{body.a}\"\n", "when: when and equals go together"},
      {"[[receipt.pings]]\nequals = \"a\"\npattern = \"a\"\n", "when and equals go together"},
      {"[[receipt.pings]]\npattern = \"(\"\n", "9: [[receipt.pings]] pattern: missing )"},
      {"[[receipt.pings]]\npattern = \"\"\n", "9: [[receipt.pings]] pattern: is empty"},
      {"[[receipt.pings]]\ncontent_type = \"Text/Plain\"\n",
       "9: [[receipt.pings]] content_type: \"Text/Plain\" is no media type in lower case"},
      {"[receipt.fetch]\n", "8: [receipt.\"fetch\"] paths: there is no path"},
      {"[receipt.fetch]\n[receipt.fetch.paths]\na = \"b\"\n",
       "10: [receipt.\"fetch\".\"paths\"] a: a path begins with /"},
      {"[receipt.fetch]\nper_second = 0\n[receipt.fetch.paths]\na = \"/b\"\n",
       "9: [receipt.\"fetch\"] per_second: must be a whole number"},
      {"[receipt.fetch]\nsame_after = \"2h\"\n[receipt.fetch.paths]\na = \"/b\"\n",
       "9: [receipt.\"fetch\"] same_after: must be at most 1h"},
      {"[receipt.fetch.paths]\na = \"/{settings.a.b}\"\n", "{settings.a.b} names no setting"},
      {"[receipt.fetch.paths]\na = \"/b\"\n[receipt.fetch.headers]\nHost = \"b\"\n",
       "Host: belongs to the connection"},
      {"[receipt.fetch.paths]\na = \"/b\"\n[receipt.fetch.headers]\n\"X Y\" = \"b\"\n",
       "X Y: is no header name"},
  };
  for (const auto& [receipt, wanted] : cases) {
    const std::string told = fault(receipt);
    EXPECT_NE(told.find(wanted), std::string::npos) << receipt << "\nsays\n" << told;
  }
}

TEST(ReceiptLoader, OnlyADialectThatSignsHasSignedPings) {
  const auto dialect = load_dialect("in.toml",
                                    "title = \"T\"\ndescription = \"D\"\n[[receipt.pings]]\n"
                                    "signed = true\npattern = \"a\"\n");
  ASSERT_FALSE(dialect);
  EXPECT_NE(
      dialect.error().message.find("in.toml:4: [[receipt.pings]] signed: the dialect does not"),
      std::string::npos)
      << dialect.error().message;
}

}  // namespace
}  // namespace waybill::dialect
