#include "dialect/loader.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace waybill::dialect {
namespace {

namespace fs = std::filesystem;

// Every line of a good dialect has a number here, and each case below breaks one.
constexpr std::string_view kGood = R"(title = "Good"
description = "For tests."
envelope = '{"type": "{type}", "data": "{data}"}'
test_event = "order.created"

[endpoint]
secret = "generated"
https_required = true
deactivate_after = 5
endpoints_max = 10

[delivery]
success = ["2xx", "302", "400-404"]
timeout = "10s"
retry = ["30s", "5m"]
jitter_percent = 20

[headers]
X-Id = "{event.id}"
X-Time = "{attempt.sent_at|unix}"
X-Retry = {value = "{attempt.number}", retries_only = true}

[signature]
header = "X-Signature"
signed = "{id}.{timestamp}.{body}"
separator = ","
tolerance = "5m"
id_header = "X-Id"
timestamp_header = "X-Time"

[[signature.schemes]]
text = "v1={hex}"
secret_prefix = "sec_"

[events."order.created"]
description = "An order."
data = '{"id": "{event.data.order_id}"}'
schema = '{"type": "object"}'
example = '{"order_id": "1"}'
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string without_line(std::string_view from) {
  std::string text(kGood);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.erase(at, text.find('\n', at) + 1 - at);
}

TEST(Loader, ReadsEveryPart) {
  const Result<Dialect> loaded = load_dialect("some/where/good-one.toml", kGood);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  const Dialect& dialect = *loaded;
  EXPECT_EQ(dialect.name, "good-one");
  EXPECT_EQ(dialect.title, "Good");
  EXPECT_EQ(dialect.test_event, "order.created");
  EXPECT_FALSE(dialect.open_catalogue);
  EXPECT_EQ(dialect.endpoint.secret, EndpointRules::SecretRule::kGenerated);
  EXPECT_TRUE(dialect.endpoint.https_required);
  EXPECT_TRUE(dialect.endpoint.editable);
  EXPECT_EQ(dialect.endpoint.deactivate_after, 5);
  EXPECT_EQ(dialect.endpoint.endpoints_max, 10);
  EXPECT_TRUE(dialect.delivery.is_success(404));
  EXPECT_FALSE(dialect.delivery.is_success(303));
  EXPECT_EQ(dialect.delivery.timeout, std::chrono::seconds(10));
  EXPECT_EQ(dialect.delivery.retry.delays().at(1), std::chrono::minutes(5));
  EXPECT_EQ(dialect.delivery.retry.jitter_percent(), 20);
  EXPECT_EQ(dialect.delivery.attempts_max, 3);
  EXPECT_FALSE(dialect.delivery.exhausted_deactivates);
  EXPECT_FALSE(dialect.coalescing.has_value());
  ASSERT_EQ(dialect.headers.size(), 3u);
  EXPECT_EQ(dialect.headers[2].name, "X-Retry");
  EXPECT_TRUE(dialect.headers[2].retries_only);
  ASSERT_TRUE(dialect.signature.has_value());
  EXPECT_EQ(dialect.signature->tolerance, std::chrono::minutes(5));
  EXPECT_EQ(dialect.signature->schemes.at(0).secret_prefix, "sec_");
  EXPECT_EQ(dialect.events.at(0).description, "An order.");
}

TEST(Loader, ReadsTheRulesThatFewDialectsHave) {
  std::string text(kGood);
  const auto put = [&](std::string_view before, std::string_view line) {
    text.insert(text.find(before), line);
  };
  put("[delivery]", "endpoints_max_counts = \"active\"\nurl_unique = true\n");
  put("jitter_percent", "attempts_max = 2\nexhausted = \"deactivated\"\n");
  put("description = \"An", "module = \"Sales\"\ndocument = \"order\"\n");
  put("[headers]",
      "[coalescing]\nwindow = \"30s\"\nedge = \"trailing\"\nkey = \"{event.data.order_id}\"\n");
  const Result<Dialect> dialect = load_dialect("good-one.toml", text);
  ASSERT_TRUE(dialect.has_value()) << dialect.error().message;
  EXPECT_TRUE(dialect->endpoint.endpoints_max_of_active);
  EXPECT_TRUE(dialect->endpoint.url_unique);
  EXPECT_EQ(dialect->delivery.attempts_max, 2);
  EXPECT_EQ(dialect->delivery.retry.attempts_max(), 3);
  EXPECT_TRUE(dialect->delivery.exhausted_deactivates);
  EXPECT_EQ(dialect->events.at(0).module, "Sales");
  EXPECT_EQ(dialect->events.at(0).document, "order");
  ASSERT_TRUE(dialect->coalescing.has_value());
  EXPECT_EQ(dialect->coalescing->window, std::chrono::seconds(30));
  EXPECT_EQ(dialect->coalescing->edge, CoalescingRules::Edge::kTrailing);
}

TEST(Loader, ACoalescingKeyTellsEventsApartByWhatItNames) {
  std::string text(kGood);
  text.insert(text.find("[headers]"),
              "[coalescing]\nwindow = \"30s\"\nkey = \"{event.data.order_id}\"\n");
  const Dialect dialect = load_dialect("good-one.toml", text).value();
  const json::value one = parse_json(R"({"order_id": 1, "at": 5})").value();
  const json::value same = parse_json(R"({"order_id": 1, "at": 6})").value();
  const json::value none = parse_json(R"({"at": 6})").value();
  Message message;
  message.event_type = "order.created";
  message.data = &one;
  EXPECT_EQ(coalescing_key(*dialect.coalescing, message), "1");
  message.data = &same;
  EXPECT_EQ(coalescing_key(*dialect.coalescing, message), "1");
  message.data = &none;
  EXPECT_EQ(coalescing_key(*dialect.coalescing, message).error().reason, "event_data_unfit");
}

TEST(Loader, FillsInTheDocumentedDefaults) {
  const Dialect dialect = load_dialect("d.toml", R"(
title = "D"
description = "d"
open_catalogue = true
envelope = '"{data}"'
[delivery]
retry = []
)")
                              .value();
  EXPECT_EQ(dialect.content_type, "application/json");
  EXPECT_EQ(dialect.endpoint.secret, EndpointRules::SecretRule::kNone);
  EXPECT_EQ(dialect.delivery.timeout, std::chrono::seconds(30));
  EXPECT_TRUE(dialect.delivery.is_success(299));
  EXPECT_FALSE(dialect.delivery.is_success(300));
  EXPECT_EQ(dialect.delivery.retry.attempts_max(), 1);
  EXPECT_FALSE(dialect.signature.has_value());
  EXPECT_TRUE(dialect.test_event.empty());
}

TEST(Loader, AClosedCatalogueTestsWithItsFirstEventUnlessToldOtherwise) {
  const Dialect dialect = load_dialect("d.toml", R"(
title = "D"
description = "d"
envelope = '"{data}"'
[delivery]
retry = []
[events.zebra]
description = "First in the file."
schema = '{}'
example = '{}'
[events.ant]
description = "Second."
schema = '{}'
example = '{}'
)")
                              .value();
  EXPECT_EQ(dialect.test_event, "zebra");
}

// A new platform's author starts from it.
TEST(Loader, TheWholeExampleOfTheDocumentationLoads) {
  std::ifstream in(WAYBILL_SOURCE_DIR "/dialects/README.md", std::ios::binary);
  const std::string page(std::istreambuf_iterator<char>(in), {});
  constexpr std::string_view kFence = "```toml\n";
  const std::size_t from = page.find(kFence) + kFence.size();
  const std::string example = page.substr(from, page.find("```", from) - from);

  const Result<Dialect> loaded = load_dialect("acme.toml", example);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->events.at(0).name, "orders/create");
}

TEST(Loader, AnEventMayHaveItsOwnEnvelopeAndSayOtherThingsInHeaders) {
  std::string text = replaced("X-Retry =", "X-Kind = \"{type}\"\nX-Retry =");
  text +=
      "[events.\"order.gone\"]\ndescription = \"No order.\"\n"
      "envelope = '{\"id\": null, \"what\": \"{data}\"}'\n"
      "headers = {X-Kind = \"none\"}\n"
      "schema = '{}'\nexample = '{}'\n";
  const Result<Dialect> loaded = load_dialect("good.toml", text);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  const json::value data = parse_json(R"({"order_id":"7"})").value();
  Message message;
  message.event_id = "01941f29-7c00-7ccc-8000-000000000003";
  message.data = &data;
  const auto kind_of = [&](std::string_view type) {
    message.event_type = type;
    const auto headers = request_headers(*loaded, message, {.delivery_id = message.event_id});
    return *net::find_header(headers.value(), "X-Kind");
  };

  EXPECT_EQ(kind_of("order.gone"), "none");
  EXPECT_EQ(render_body(*loaded, message).value(), R"({"id":null,"what":{"order_id":"7"}})");
  EXPECT_EQ(kind_of("order.created"), "order.created");
  EXPECT_EQ(render_body(*loaded, message).value(), R"({"type":"order.created","data":{"id":"7"}})");
}

struct Broken {
  std::string text;
  int line;
  std::string_view reason;
};

void expect_refused(const std::vector<Broken>& cases) {
  for (const Broken& c : cases) {
    const Result<Dialect> loaded = load_dialect("bad.toml", c.text);
    ASSERT_FALSE(loaded.has_value()) << "should be refused: " << c.reason;
    EXPECT_EQ(loaded.error().code, Code::kInvalid);
    EXPECT_EQ(loaded.error().reason, "dialect_invalid");
    const std::string where = "bad.toml:" + std::to_string(c.line) + ": ";
    EXPECT_TRUE(loaded.error().message.starts_with(where)) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(c.reason), std::string::npos) << loaded.error().message;
    EXPECT_EQ(loaded.error().message.find('\n'), std::string::npos)
        << "one fault is told once: " << loaded.error().message;
  }
}

TEST(Loader, RefusesWhatIsMissingOrUnknownWithItsLine) {
  expect_refused({
      {"title = \n", 1, ""},
      {replaced("title =", "titel = 1\ntitle ="), 1, "a dialect has no key \"titel\""},
      {without_line("title ="), 1, "title: is missing"},
      {without_line("description = \"For"), 1, "description: is missing"},
      {replaced("\"Good\"", "\"\""), 1, "title: is empty"},
      {replaced("\"Good\"", "7"), 1, "title: must be a string"},
      {without_line("envelope"), 1, "envelope: is missing"},
      {replaced("[endpoint]", "[endpont]\n[endpoint]"), 6, "has no key \"endpont\""},
      {replaced("secret = \"gen", "secrte = 1\nsecret = \"gen"), 7,
       "[endpoint] has no key \"secrte\""},
      {replaced("[delivery]", "[delivery]\nretires = []"), 13, "[delivery] has no key \"retires\""},
      {replaced("header = \"X-S", "heder = \"x\"\nheader = \"X-S"), 24,
       "[signature] has no key \"heder\""},
      {replaced("text = \"v1", "texts = 1\ntext = \"v1"), 32,
       "[[signature.schemes]] has no key \"texts\""},
      {replaced("description = \"An", "extra = 1\ndescription = \"An"), 36,
       "[events.\"order.created\"] has no key \"extra\""},
      {replaced("retries_only = true", "retry = true"), 21, "has no key \"retry\""},
      {without_line("description = \"An"), 35, "description: is missing"},
      {without_line("schema ="), 35, "schema: is missing"},
      {without_line("example ="), 35, "example: is missing"},
      {without_line("retry = [\"30s\""), 12, "retry: is missing"},
      {without_line("header = \"X-S"), 23, "header: is missing"},
      {without_line("signed ="), 23, "signed: is missing"},
      {without_line("text ="), 31, "text: is missing"},
  });
}

TEST(Loader, RefusesBadValuesWithTheirLine) {
  expect_refused({
      {replaced("\"{type}\", \"data\"", "\"{tpye}\", \"data\""), 3,
       "envelope: $.type: there is no \"tpye\" here"},
      {replaced("\"{type}\", \"data\"", "\"{attempt.number}\", \"data\""), 3,
       "there is no \"attempt.number\" here"},
      {replaced("{event.data.order_id}", "{data}"), 37, "there is no \"data\" here"},
      {replaced("'{\"type\": \"{type}\", ", "'{\"type\" \"{type}\", "), 3, "envelope: "},
      {replaced("\"generated\"", "\"random\""), 7,
       "\"random\" is none of: none, optional, generated"},
      {replaced("https_required = true", "https_required = 1"), 8, "must be true or false"},
      {replaced("deactivate_after = 5", "deactivate_after = -1"), 9,
       "a whole number from 0 to 1000"},
      {replaced("endpoints_max = 10", "endpoints_max = 1.5"), 10, "must be a whole number"},
      {replaced("\"2xx\"", "\"6xx\""), 13, "\"6xx\" is no status"},
      {replaced("\"302\"", "302"), 13, "must be an array of strings"},
      {replaced("\"400-404\"", "\"404-400\""), 13, "\"404-400\" is no status"},
      {replaced("[\"2xx\", \"302\", \"400-404\"]", "[]"), 13, "no answer would be a success"},
      {replaced("\"10s\"", "\"10 s\""), 14, "\"10 s\" is no duration"},
      {replaced("\"10s\"", "\"0s\""), 14, "must be above 0 and at most 10m"},
      {replaced("\"10s\"", "\"11m\""), 14, "must be above 0 and at most 10m"},
      {replaced("\"30s\"", "\"soon\""), 15, "\"soon\" is no duration"},
      {replaced("\"30s\"", "\"8d\""), 15, "retry: "},
      {replaced("jitter_percent = 20", "jitter_percent = 51"), 16, "from 0 to 50"},
      {replaced("jitter_percent = 20", "attempts_max = 4"), 16, "from 1 to 3"},
      {replaced("jitter_percent = 20", "exhausted = \"paused\""), 16,
       "\"paused\" is none of: dropped, deactivated"},
      {replaced("jitter_percent = 20", "jitter_percent = 2\n[coalescing]\nkey = \"a\""), 17,
       "window: is missing"},
      {replaced("jitter_percent = 20", "[coalescing]\nwindow = \"2h\"\nkey = \"a\""), 17,
       "must be above 0 and at most 1h"},
      {replaced("jitter_percent = 20", "[coalescing]\nwindow = \"1s\"\nkey = \"{data}\""), 18,
       "there is no \"data\" here"},
      {replaced("X-Retry =", "\"X Retry\" ="), 21, "is no header name"},
      {replaced("X-Retry =", "Host ="), 21, "belongs to the connection"},
      {replaced("X-Retry =", "content-type ="), 21, "is set by the key content_type"},
      {replaced("X-Retry =", "x-time ="), 21, "is there twice"},
      {replaced("{attempt.number}", "{data}"), 21, "there is no \"data\" here"},
      {replaced("value = \"{attempt.number}\", ", ""), 21, "value: is missing"},
      {replaced("\"X-Signature\"", "\"X Signature\""), 24, "\"X Signature\" is no header name"},
      {replaced("\"5m\"\nid", "\"5 minutes\"\nid"), 27, "\"5 minutes\" is no duration"},
      {replaced("tolerance", "time_format = \"rfc\"\ntolerance"), 27,
       "\"rfc\" is none of: unix, unix_ms, iso"},
      {replaced("v1={hex}", "v1={hexx}"), 32, "there is no \"hexx\" here"},
      {replaced("v1={hex}", "v1"), 32, "must name {hex} or {base64}, once"},
      {replaced("v1={hex}", "{hex}{base64}"), 32, "must name {hex} or {base64}, once"},
      {replaced("\"sec_\"", "\"sec \""), 33, "printable ASCII without spaces"},
      {replaced("secret_prefix", "algorithm = \"md5\"\nsecret_prefix"), 33,
       "none of: hmac-sha256, ed25519"},
      {replaced("'{\"type\": \"object\"}'", "'[]'"), 38, "schema: must be a JSON object"},
      {replaced("'{\"type\": \"object\"}'", "'{'"), 38, "schema: "},
      {replaced("'{\"order_id\": \"1\"}'", "'{}'"), 39,
       "example: {event.data.order_id}: the value is missing"},
      {replaced("{value = \"{attempt.number}\", retries_only = true}", "\"{attempt.retry_index}\""),
       39, "example: {attempt.retry_index}: the value is missing"},
      {replaced("description = \"An", "canonical = \"a b\"\ndescription = \"An"), 36,
       "is no event type"},
      {replaced("title", "content_type = \"json\"\ntitle"), 1, "\"json\" is no media type"},
      {replaced("schema =", "envelope = '{\"a\": \"{tpye}\"}'\nschema ="), 38,
       "envelope: $.a: there is no \"tpye\" here"},
      {replaced("schema =", "headers = {X-Other = \"1\"}\nschema ="), 38, "is none of [headers]"},
      {replaced("schema =", "headers = {X-Id = \"1\"}\nschema ="), 38, "is signed"},
      {replaced("schema =", "headers = {X-Time = \"1\"}\nschema ="), 38, "is signed"},
      {replaced("schema =", "headers = {X-Retry = \"{data}\"}\nschema ="), 38,
       "there is no \"data\" here"},
      {replaced("schema =", "headers = {X-Retry = 1}\nschema ="), 38, "must be a string"},
  });
}

TEST(Loader, RefusesContradictionsWithTheirLine) {
  const std::string second_scheme = "[[signature.schemes]]\ntext = \"v2={hex}\"\n\n[events.";
  expect_refused({
      {replaced("\"generated\"", "\"none\""), 7, "a dialect with a [signature] has secrets"},
      {replaced("test_event = \"order.created\"", "test_event = \"x\""), 4,
       "[events] has no \"x\""},
      {replaced("signed = \"{id}.{timestamp}.{body}\"", "signed = \"{id}.{timestamp}\""), 25,
       "must name {body}"},
      {replaced("{id}.{timestamp}.{body}", "{id}.{body}"), 25, "sent or limited, but not signed"},
      {replaced("{id}.{timestamp}.{body}", "{timestamp}.{body}"), 28, "the id is not signed"},
      {without_line("id_header"), 23, "id_header: is missing"},
      {without_line("timestamp_header"), 25, "the timestamp must be sent too"},
      {without_line("tolerance"), 23, "tolerance: is missing"},
      {replaced("separator", "value = \"t={timestamp},{signatures}\"\nseparator"), 30,
       "the timestamp stands in value already"},
      {replaced("separator", "value = \"x={signatures}\"\nseparator"), 26,
       "{signatures} is a part of its own"},
      {replaced("separator", "value = \"1,{signatures}\"\nseparator"), 26,
       "one placeholder and its text"},
      {replaced("separator = \",\"", "rotation_header = \"X-Next\"\nvalue = \"v\""), 27,
       "must name {signatures} once"},
      {replaced("separator = \",\"",
                "rotation_header = \"X-Next\"\nvalue = \"{timestamp}{signatures}\""),
       27, "two placeholders touch"},
      {without_line("separator"), 23, "either the header holds several signatures"},
      {replaced("separator", "rotation_header = \"X-Next\"\nseparator"), 27,
       "either the header holds several signatures"},
      {replaced("separator = \",\"", "rotation_header = \"x-signature\""), 26,
       "is the same as header"},
      {replaced("header = \"X-Signature\"", "header = \"x-time\""), 24,
       "[headers] sets X-Time too"},
      {replaced("timestamp_header = \"X-Time\"", "timestamp_header = \"X-Retry\""), 29,
       "[headers] does not send X-Retry always"},
      {replaced("id_header = \"X-Id\"", "id_header = \"X-None\""), 28,
       "[headers] does not send X-None always"},
      {replaced("secret_prefix = \"sec_\"", "key_bytes_min = 19\nkey_bytes_max = 18"), 33,
       "is above key_bytes_max"},
      {replaced("secret_prefix = \"sec_\"", "public_prefix = \"pub_\""), 33,
       "a shared secret has no public half"},
      {replaced("secret_prefix = \"sec_\"",
                "algorithm = \"ed25519\"\nkey = \"base64\"\nsecret_prefix = \"sec_\""),
       31, "public_prefix: is missing"},
      {replaced("secret_prefix = \"sec_\"", "algorithm = \"ed25519\"\npublic_prefix = \"pub_\""),
       31, "an Ed25519 key is written in base64"},
      {replaced("secret_prefix = \"sec_\"",
                "algorithm = \"ed25519\"\nkey = \"base64\"\npublic_prefix = "
                "\"pub_\"\nkey_bytes_min = 2"),
       36, "has a length of its own"},
      {replaced("secret_prefix = \"sec_\"\n\n[events.", second_scheme), 31,
       "what begins with \"\" is taken for \"\""},
      {replaced("[[signature.schemes]]\ntext = \"v1={hex}\"\nsecret_prefix = \"sec_\"\n", ""), 23,
       "there is no [[signature.schemes]]"},
      {std::string(kGood) +
           "[events.other]\ncanonical = \"order.created\"\ndescription = \"d\"\nschema = '{}'\n"
           "example = '{\"order_id\": \"1\"}'\n",
       41, "\"order.created\" is made from order.created too"},
  });
}

TEST(Loader, ADialectWithoutEventsOrSignatureSaysSo) {
  const std::string start = "title = 'D'\ndescription = 'd'\nenvelope = '\"{data}\"'\n";
  expect_refused({
      {start + "[delivery]\nretry = []\n", 1, "a dialect has [events], or an open_catalogue"},
      {start + "open_catalogue = true\n", 1, "the table [delivery] is missing"},
      {start + "open_catalogue = true\ndelivery = 1\n", 5, "must be a table"},
      {start + "open_catalogue = true\n[delivery]\nretry = []\n[endpoint]\nsecret = 'optional'\n",
       8, "a dialect without a [signature] has no secrets"},
      {start + "open_catalogue = true\n[delivery]\nretry = []\n[events.'*']\ndescription = 'd'\n"
               "schema = '{}'\nexample = '{}'\ncanonical = 'a'\n",
       7, "is no name of an event"},
  });
}

TEST(Loader, TellsAllFaultsByLine) {
  std::string text = replaced("jitter_percent = 20", "jitter_percent = 99");
  text = "titel = 1\n" + text;
  const Result<Dialect> loaded = load_dialect("bad.toml", text);
  ASSERT_FALSE(loaded.has_value());
  const std::string& message = loaded.error().message;
  EXPECT_TRUE(message.starts_with("bad.toml:1: ")) << message;
  EXPECT_NE(message.find("\nbad.toml:17: "), std::string::npos) << message;
}

TEST(Loader, TheFilesNameIsTheDialects) {
  for (const std::string_view file : {"Bad.toml", "bad name.toml", ".toml.toml", "a_b.toml"}) {
    EXPECT_FALSE(load_dialect(file, kGood).has_value()) << file;
  }
}

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("waybill_dialects_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(std::string_view name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  fs::path folder_;
};

TEST_F(RegistryTest, HasTheBuiltInDialects) {
  const DialectRegistry registry = DialectRegistry::load({}).value();
  EXPECT_EQ(registry.names(), (std::vector<std::string>{
                                  "github", "hmac", "peptideclients", "precoro", "proculink",
                                  "procureiq", "proign", "shopify", "slack", "standard-webhooks",
                                  "stripe", "svix", "waybill", "woocommerce"}));
  EXPECT_EQ(registry.find("proculink")->title, "ProcuLink");
  EXPECT_EQ(registry.find("nobody"), nullptr);
}

TEST_F(RegistryTest, AnOperatorsFileAddsOrReplacesADialect) {
  write("good.toml", kGood);
  write("proculink.toml", kGood);
  write("notes.txt", "not a dialect");
  const Result<DialectRegistry> registry = DialectRegistry::load(folder_);
  ASSERT_TRUE(registry.has_value()) << registry.error().message;
  EXPECT_EQ(
      registry->names(),
      (std::vector<std::string>{"github", "good", "hmac", "peptideclients", "precoro", "proculink",
                                "procureiq", "proign", "shopify", "slack", "standard-webhooks",
                                "stripe", "svix", "waybill", "woocommerce"}));
  EXPECT_EQ(registry->find("proculink")->title, "Good");
}

// A platform's own API makes endpoints of its dialect, and asks nobody whether it sends.
TEST_F(RegistryTest, WhatIsReceivedOnlyReplacesNoDialectThatSends) {
  constexpr std::string_view kReceived = "title = \"T\"\ndescription = \"D\"\n[receipt]\n";
  write("stripe.toml", kReceived);
  EXPECT_TRUE(DialectRegistry::load(folder_).has_value());
  write("proign.toml", kReceived);
  const Result<DialectRegistry> registry = DialectRegistry::load(folder_);
  ASSERT_FALSE(registry.has_value());
  EXPECT_EQ(registry.error().reason, "dialect_invalid");
  EXPECT_NE(registry.error().message.find("proign.toml:1: the dialect proign"), std::string::npos);
}

TEST_F(RegistryTest, ABadFileStopsTheStart) {
  write("bad.toml", "title = 1");
  const Result<DialectRegistry> registry = DialectRegistry::load(folder_);
  ASSERT_FALSE(registry.has_value());
  EXPECT_EQ(registry.error().code, Code::kInvalid);
  EXPECT_NE(registry.error().message.find("bad.toml:1: "), std::string::npos);
}

TEST_F(RegistryTest, AFolderThatIsNotThereStopsTheStart) {
  const Result<DialectRegistry> registry = DialectRegistry::load(folder_ / "none");
  ASSERT_FALSE(registry.has_value());
  EXPECT_EQ(registry.error().code, Code::kInvalid);
}

TEST_F(RegistryTest, AHugeFileStopsTheStart) {
  write("huge.toml", std::string((1 << 20) + 1, '#'));
  EXPECT_FALSE(DialectRegistry::load(folder_).has_value());
}

}  // namespace
}  // namespace waybill::dialect
