#include "app/redaction.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/rng.h"

namespace waybill::app {
namespace {

std::string redacted(std::string_view body) { return redact(body, 16 * 1024).value_or("nothing"); }

TEST(Redaction, LeavesOutWhatItsNameGivesAway) {
  for (const char* name : {"email",
                           "E-Mail",
                           "billing_email",
                           "customerEmail",
                           "phone",
                           "telephone",
                           "name",
                           "first_name",
                           "firstName",
                           "FIRST NAME",
                           "last-name",
                           "company",
                           "address",
                           "address_1",
                           "addressLine2",
                           "postcode",
                           "city",
                           "note",
                           "customer_note",
                           "customer_ip_address",
                           "customer_user_agent",
                           "reference",
                           "payment_reference",
                           "token",
                           "access_token",
                           "secret",
                           "signing_secret",
                           "key",
                           "apiKey",
                           "order_key",
                           "password",
                           "Authorization",
                           "transaction_id",
                           "card",
                           "tel",
                           "dob",
                           "birthday",
                           "date_of_birth",
                           "tax_id",
                           "taxId",
                           "vat-id",
                           "VATID",
                           "credentials",
                           "passphrase",
                           "payment_url",
                           "cardNumber",
                           "iban",
                           "meta_data",
                           "headers",
                           "ip"}) {
    EXPECT_TRUE(is_redacted_name(name)) << name;
    EXPECT_EQ(redacted(fmt::format(R"({{"{}":"Jane","id":7}})", name)),
              fmt::format(R"({{"{}":"***","id":7}})", name));
    EXPECT_EQ(redacted(fmt::format(R"({{"{}":4711}})", name)),
              fmt::format(R"({{"{}":"***"}})", name));
  }
  for (const char* name : {"id",
                           "external_id",
                           "status",
                           "total",
                           "currency",
                           "sku",
                           "quantity",
                           "number",
                           "type",
                           "created_at",
                           "code",
                           "unit_price",
                           "payment_method",
                           "state",
                           "rows",
                           "detail",
                           "data",
                           "hotel",
                           "tax_total",
                           "shipping_total",
                           "customer_id",
                           "value",
                           "url"}) {
    EXPECT_FALSE(is_redacted_name(name)) << name;
  }
}

TEST(Redaction, LeavesOutAllThatIsInsideSuchAMember) {
  EXPECT_EQ(redacted(R"({"billing": {"country": "DE", "x": [1, {"y": "z"}, true, null]}, "n": 1})"),
            R"({"billing":{"country":"***","x":["***",{"y":"***"},true,null]},"n":1})");
  EXPECT_EQ(redacted(R"([{"name": ["a", "b"]}, "c"])"), R"([{"name":["***","***"]},"c"])");
}

TEST(Redaction, LeavesOutWhatLooksLikeASecretWhereverItStands) {
  for (const char* text : {"jane@example.com",
                           "ask jane@example.com",
                           "jane\\u0040example.com",
                           "pck_int_abcdef",
                           "the key wbk_abc",
                           "whsec_abc",
                           "Bearer abc",
                           "{\\\"email\\\": 1}",
                           "[1]",
                           " {",
                           "\\n{",
                           "ck_0123456789",
                           "key=cs_0123456789",
                           "it is\\nck_01",
                           "pck_abc",
                           "plk_abc",
                           "piq_abc",
                           "pk_live_abc",
                           "bearer abc",
                           "with BEARER abc",
                           "bearer\\tabc"}) {
    EXPECT_EQ(redacted(fmt::format(R"({{"x":"{}"}})", text)), R"({"x":"***"})") << text;
    EXPECT_TRUE(redacted(fmt::format(R"({{"{}":1}})", text)).starts_with(R"({"***":)")) << text;
  }
  for (const char* text :
       {R"(a \"b\" \\ c)", "stock_level", "docs_a", "bears abc", "a forbearer"}) {
    const std::string body = fmt::format(R"({{"x":"{}"}})", text);
    EXPECT_EQ(redacted(body), body);
  }
}

TEST(Redaction, LeavesOutTheQueriesOfAddresses) {
  for (const auto& [text, kept] : std::vector<std::pair<const char*, const char*>>{
           {"https://a.example/b?c=d&e=f", "https://a.example/b?***"},
           {"HTTP://a.example?c", "HTTP://a.example?***"},
           {"see https://a.example/b#token=c d", "see https://a.example/b#***"},
           {"is it ftp://a?b or https://a.example/b?c",
            "is it ftp://a?b or https://a.example/b?***"},
           {R"(https:\/\/a.example\/b?c=d)", R"(https:\/\/a.example\/b?***)"},
           {R"(\u0068ttps://a.example/b\u003fc=d)", R"(\u0068ttps://a.example/b\u003f***)"},
           {"https://a.example/b", "https://a.example/b"},
           {R"(https:\/\/a.example\/b)", R"(https:\/\/a.example\/b)"},
           {"who? me", "who? me"},
           {"#7", "#7"},
           {"why? https://a.example/b", "why? https://a.example/b"}}) {
    EXPECT_EQ(redacted(fmt::format(R"({{"x":["{}"]}})", text)),
              fmt::format(R"({{"x":["{}"]}})", kept));
  }
}

TEST(Redaction, LeavesOfAddressesCalledSoSchemeAndHost) {
  for (const auto& [text, kept] : std::vector<std::pair<const char*, const char*>>{
           {R"("https://a.example:81/hooks/secret?b")", R"("https://a.example:81/***")"},
           {R"("http://a.example")", R"("http://a.example")"},
           {R"("http://a.example?b")", R"("http://a.example?***")"},
           {R"("https:\/\/a.example\/hooks")", R"("https:\/\/a.example\/***")"},
           {R"("https://jane:pw@a.example/")", R"("***")"},
           {R"("/hooks/secret")", R"("***")"},
           {R"("go to https://a.example/")", R"("***")"},
           {R"("ftp://a.example/")", R"("***")"},
           {R"(7)", R"("***")"},
           {R"(null)", R"(null)"},
           {R"(["https://a.example/b",{"x":"https://a.example/c"}])",
            R"(["https://a.example/***",{"x":"https://a.example/***"}])"}}) {
    for (const char* name : {"url", "webhook_url", "callbackUrl", "image_urls", "URI", "href"}) {
      EXPECT_EQ(redacted(fmt::format(R"({{"{}":{}}})", name, text)),
                fmt::format(R"({{"{}":{}}})", name, kept));
    }
  }
}

TEST(Redaction, LeavesOutObjectsOfPeopleButNotPlainValuesCalledAlike) {
  for (const char* name :
       {"customer_details", "clientInfo", "billing-data", "shipping_to", "Customers", "clients"}) {
    EXPECT_EQ(redacted(fmt::format(R"({{"{}":{{"a":"b","c":[1,{{"d":"e"}}]}},"f":1}})", name)),
              fmt::format(R"({{"{}":{{"a":"***","c":["***",{{"d":"***"}}]}},"f":1}})", name));
    EXPECT_EQ(redacted(fmt::format(R"({{"{}":[{{"a":"b"}}]}})", name)),
              fmt::format(R"({{"{}":[{{"a":"***"}}]}})", name));
    const std::string plain = fmt::format(R"({{"{}":"b","x":{{"a":"c"}}}})", name);
    EXPECT_EQ(redacted(plain), plain);
  }
}

TEST(Redaction, LeavesOutAValueBesideANameThatSaysSo) {
  for (const auto& [body, kept] : std::vector<std::pair<const char*, const char*>>{
           {R"({"name":"billing_phone","value":"1"})", R"({"name":"***","value":"***"})"},
           {R"({"Key":"_e\u006dail","id":7,"Value":1})", R"({"Key":"***","id":7,"Value":"***"})"},
           {R"({"key":"customer","value":{"a":["b"]},"id":7})",
            R"({"key":"***","value":{"a":["***"]},"id":7})"},
           {R"({"value":"1","id":7,"name":"phone"})", R"({"value":"***","id":7,"name":"***"})"},
           {R"({"value":{"a":["b"]},"key":"shipping_to","id":7})",
            R"({"value":"***","key":"***","id":7})"},
           {R"({"value":"1","value":[2],"name":"phone"})", R"({"value":"***","name":"***"})"},
           {R"({"name":"other","value":"1","key":"phone"})",
            R"({"name":"***","value":"***","key":"***"})"},
           {R"([{"value":{"value":"1","name":"phone"},"name":"size"},{"value":2}])",
            R"([{"value":{"value":"***","name":"***"},"name":"***"},{"value":2}])"},
           {R"({"name":"callback_url","value":"https://a.example/b"})",
            R"({"name":"***","value":"https://a.example/***"})"},
           {R"({"name":"size","value":"XL"})", R"({"name":"***","value":"XL"})"},
           {R"({"value":"XL","name":"size"})", R"({"value":"XL","name":"***"})"},
           {R"([{"name":"phone"},{"value":"XL"}])", R"([{"name":"***"},{"value":"XL"}])"},
           // The name may be in what is not there.
           {R"({"value":"1","na)", R"({"value":"***",)"},
           {R"({"value":{"value":"1"},"x":{"value":["2",)", R"({"value":"***","x":{"value":"***")"},
           {R"({"value":{"value":"1"},"x":2)", R"({"value":"***","x":2)"}}) {
    EXPECT_EQ(redacted(body), kept) << body;
  }
}

TEST(Redaction, LeavesOutOfAPathWhatAShopOrAPersonIsCalled) {
  for (const auto& [path, kept] : std::vector<std::pair<const char*, const char*>>{
           {"/integrations/v1/orders/by-external/Jane", "/integrations/v1/orders/by-external/***"},
           {"/a/by-external/b/cancel", "/a/by-external/***/cancel"},
           {"/a/by-external/", "/a/by-external/"},
           {"/a/jane@example.com/b", "/a/***/b"},
           {"/a/jane%40example.com", "/a/***"},
           {"/in/a-token", "/in/***"},
           {"/in/a/b", "/in/***"},
           {"/a/in/b", "/a/in/b"},
           {"/hub/v1/workspaces/acme", "/hub/v1/workspaces/acme"},
           {"/", "/"},
           {"", ""},
           {"*", "*"}}) {
    EXPECT_EQ(redact_path(path), kept);
  }
}

// Answers of the management API show it to those who may change a source; a log does not.
TEST(Redaction, LeavesOutTheTokenOfASourcesAddress) {
  for (const auto& [text, kept] : std::vector<std::pair<const char*, const char*>>{
           {"/in/a-token", "/in/***"},
           {"http://hub.example:8080/in/a-token", "http://hub.example:8080/in/***"},
           {"https://hub.example/in/a-token?x=1", "https://hub.example/in/***"},
           {R"(https:\/\/hub.example\/in\/a-token)", R"(https:\/\/hub.example\/in\/***)"},
           {"It is at https://hub.example/in/a-token.", "It is at https://hub.example/in/***"},
           {"/in/", "/in/"},
           {"a/in/b", "a/in/b"},
           {"https://hub.example/a/in/b", "https://hub.example/a/in/b"}}) {
    EXPECT_EQ(redacted(fmt::format(R"({{"path":"{}"}})", text)),
              fmt::format(R"({{"path":"{}"}})", kept));
    EXPECT_EQ(redacted(fmt::format(R"([{{"said":"{}"}}])", text)),
              fmt::format(R"([{{"said":"{}"}}])", kept));
  }
  EXPECT_EQ(redacted(R"({"url":"http://hub.example/in/a-token"})").find("a-token"),
            std::string::npos);
}

TEST(Redaction, ReadsNamesAsAParserDoes) {
  EXPECT_EQ(redacted(R"({"em\u0061il":"x","\u0065mail":"y"})"),
            R"({"em\u0061il":"***","\u0065mail":"***"})");
}

TEST(Redaction, KeepsNothingOfWhatIsNoJson) {
  for (const char* body : {"", "   ", "webhook_id=7", "\"text\"", "7", "null", "<xml/>", "\xFF"}) {
    EXPECT_EQ(redacted(body), "nothing") << body;
  }
}

TEST(Redaction, EndsWhereTheJsonDoes) {
  for (const auto& [body, kept] :
       std::vector<std::pair<const char*, const char*>>{{R"({email: "jane"})", "{"},
                                                        {R"({'email': 'jane'})", "{"},
                                                        {R"({"a":1} jane)", R"({"a":1})"},
                                                        {R"({"a":1,"b")", R"({"a":1,"b")"},
                                                        {R"({"a":jane})", R"({"a":)"},
                                                        {R"({"a" "jane"})", R"({"a")"},
                                                        {R"({"a":1]"jane")", R"({"a":1)"},
                                                        {R"([1,])", "[1,"},
                                                        {R"(["a)", R"(["***")"},
                                                        {R"({"a":"jane@ex)", R"({"a":"***")"},
                                                        {R"({"emai)", "{"}}) {
    EXPECT_EQ(redacted(body), kept) << body;
  }
  EXPECT_LT(redacted(std::string(100'000, '[')).size(), 200u);
}

TEST(Redaction, KeepsTheRestAsItStandsAroundWhatItLeavesOut) {
  for (const auto& [body, kept] : std::vector<std::pair<const char*, const char*>>{
           {R"({"a":1,"b":["x y",true,-1.5e3],"c":{}})",
            R"({"a":1,"b":["x y",true,-1.5e3],"c":{}})"},
           {" \n{ \"a\" :\t1 ,\r\n\"b\": [ ] } ", R"({"a":1,"b":[]})"},
           {R"({"email":"x","a":1})", R"({"email":"***","a":1})"},
           {R"({"a":1,"email":"x"})", R"({"a":1,"email":"***"})"},
           {R"({ "a": 1, "email" : "x" , "b": "y" })", R"({"a":1,"email":"***","b":"y"})"},
           {R"({"email":7,"phone":8,"a":9})", R"({"email":"***","phone":"***","a":9})"},
           {R"({"a":"https://a.example/b?c","b":2})", R"({"a":"https://a.example/b?***","b":2})"},
           {R"({"a":1,"value":[1, 2],"b":"c","key":"phone" ,"d":3})",
            R"({"a":1,"value":"***","b":"c","key":"***","d":3})"}}) {
    EXPECT_EQ(redacted(body), kept) << body;
  }
}

// What was made of a name is remembered in a place that others have, too.
TEST(Redaction, NeverTakesOneNameForAnother) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3'000; ++i) {
      EXPECT_FALSE(is_redacted_name(fmt::format("column{}", i)));
      EXPECT_TRUE(is_redacted_name(fmt::format("phone{}", i)));
      EXPECT_FALSE(is_redacted_name(fmt::format("column{}", i / 2)));
      EXPECT_TRUE(is_redacted_name(fmt::format("phone{}", i / 2)));
    }
  }
}

TEST(Redaction, NeverMakesMoreThanItMay) {
  std::string body = R"({"name":[)";
  for (int i = 0; i < 10'000; ++i) body += "1,";
  EXPECT_EQ(redact(body, 1'000)->size(), 1'000u);
}

// Documents of any shape, with what has to go under names that say so and plain things elsewhere.
class Documents {
 public:
  explicit Documents(std::uint64_t seed) : rng_(seed) {}

  std::string value(int depth, bool is_listed) {
    const int kind = below(depth > 4 ? 3 : 6);
    if (kind == 0) return is_listed ? "987654" : "12345";
    if (kind == 1) return below(2) ? "null" : "true";
    if (kind == 2 || kind == 3) return quoted(is_listed ? "SENSITIVE" : "plain");
    return kind == 4 ? object(depth + 1, is_listed) : array(depth + 1, is_listed);
  }
  std::string object(int depth, bool is_listed) {
    std::string text = "{";
    for (int i = below(4); i >= 0; --i) {
      const bool says_so = below(3) == 0;
      text += quoted(says_so ? listed_name() : "field" + std::to_string(i)) + blank() + ":" +
              blank() + value(depth, is_listed || says_so) + (i > 0 ? "," : "") + blank();
    }
    if (below(4) == 0) text += "," + pair(depth);
    return text + "}";
  }

 private:
  // A "value" and the "name" that says what it is, before it or behind it.
  std::string pair(int depth) {
    const std::string of_value = quoted("value") + ":" + value(depth, true);
    const std::string of_name = quoted(below(2) ? "name" : "key") + ":" + quoted(listed_name());
    return below(2) ? of_value + "," + of_name : of_name + "," + of_value;
  }
  int below(int count) { return static_cast<int>(rng_.next() % static_cast<std::uint64_t>(count)); }
  std::string blank() { return below(4) ? "" : " \n\t"; }
  std::string array(int depth, bool is_listed) {
    std::string text = "[";
    for (int i = below(4); i > 0; --i) text += value(depth, is_listed) + (i > 1 ? "," : "");
    return text + "]";
  }
  std::string listed_name() {
    static const std::vector<std::string> names = {"email",   "first_name", "Phone",    "SECRET",
                                                   "billing", "api-key",    "address_2"};
    return names[static_cast<std::size_t>(below(static_cast<int>(names.size())))];
  }
  // Some of its characters as escapes.
  std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (below(8) == 0) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
    }
    // An escape that a careless reader takes for the end.
    if (below(6) == 0) out += "\\\"";
    return out + "\"";
  }

  Rng rng_;
};

// What `text` stands for, escapes undone.
std::string undone(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\\u00") && i + 6 <= text.size()) {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 4)), nullptr, 16));
      i += 5;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

TEST(Redaction, LetsNothingThroughWhateverTheShapeAndWhereverItEnds) {
  std::size_t kept = 0;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(seed);
    const std::string document = Documents(seed).object(0, false);
    const std::string whole = redacted(document);
    ASSERT_TRUE(parse_json(whole).has_value() || !parse_json(document).has_value()) << document;
    kept += undone(whole).find("plain") != std::string::npos ? 1 : 0;
    const std::size_t step = 1 + document.size() / 40;
    for (std::size_t size = 0; size <= document.size(); size += step) {
      const std::string plain = undone(redacted(std::string_view(document).substr(0, size)));
      for (const char* part : {"SENS", "987"}) {
        ASSERT_EQ(plain.find(part), std::string::npos) << document.substr(0, size) << "\n" << plain;
      }
    }
  }
  EXPECT_GT(kept, 500u) << "else it would let nothing through at all";
}

}  // namespace
}  // namespace waybill::app
