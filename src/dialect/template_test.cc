#include "dialect/template.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace waybill::dialect {
namespace {

constexpr std::array kVocabulary = {
    Variable{"id", Variable::Kind::kId},           Variable{"name", Variable::Kind::kText},
    Variable{"count", Variable::Kind::kNumber},    Variable{"at", Variable::Kind::kTime},
    Variable{"event.data", Variable::Kind::kJson}, Variable{"whole", Variable::Kind::kWholeJson},
    Variable{"gone", Variable::Kind::kText}};

// 2026-11-21T04:30:00.123Z
constexpr Timestamp kTime{std::chrono::milliseconds(1795235400123)};

class TemplateTest : public testing::Test {
 protected:
  json::value data_ = parse_json(R"({
      "number": "PO \"7\"", "total": 742.5, "paid": false, "note": null, "whole": 12,
      "uuid": "01941f29-7c00-7aaa-8000-000000000001", "at": "2026-11-21T05:30:00.123+01:00",
      "price": "24.90", "lines": [{"unit": "box"}, {"unit": "kg"}], "2": "two", "1": "one"})")
                          .value();
  std::array<Value, kVocabulary.size()> scope_ = {Value("01941f29-7c00-7aaa-8000-000000000001"),
                                                  Value("line\n\"quoted\" ü"),
                                                  Value(std::int64_t{-7}),
                                                  Value(kTime),
                                                  Value(&data_),
                                                  Value(JsonText{R"({"a":1})"}),
                                                  Value()};

  Result<std::string> json(std::string_view source) {
    const Result<Template> made = Template::parse_json(source, kVocabulary);
    if (!made) return fail(made.error());
    std::string out;
    WAYBILL_TRY(made->append_json(scope_, out));
    return out;
  }
  Result<std::string> text(std::string_view source) {
    const Result<Template> made = Template::parse_text(source, kVocabulary);
    if (!made) return fail(made.error());
    std::string out;
    WAYBILL_TRY(made->append_text(scope_, out));
    return out;
  }
};

struct Case {
  std::string_view source, written;
};

TEST_F(TemplateTest, WritesJson) {
  for (const Case& c : {
           // Without placeholders: read, and written as JSON.stringify would.
           Case{R"( {"b" : 1.0, "a": [ true , null, "x\/y\u00e9" ]} )",
                R"({"b":1,"a":[true,null,"x/yé"]})"},
           Case{R"({"nothing": {}, "none": []})", R"({"nothing":{},"none":[]})"},
           // A value alone keeps its type.
           Case{R"("{id}")", R"("01941f29-7c00-7aaa-8000-000000000001")"},
           Case{R"(["{count}", "{at}", "{name}"])",
                R"([-7,"2026-11-21T04:30:00.123Z","line\n\"quoted\" ü"])"},
           Case{R"(["{event.data.total}", "{event.data.paid}", "{event.data.note}"])",
                R"([742.5,false,null])"},
           Case{R"({"d": "{whole}"})", R"({"d":{"a":1}})"},
           Case{R"("{event.data.lines}")", R"([{"unit":"box"},{"unit":"kg"}])"},
           Case{R"("{event.data.lines.1.unit}")", R"("kg")"},
           // Amid text it becomes text.
           Case{R"("<{count}> {name}\t{event.data.total}")", R"("<-7> line\n\"quoted\" ü\t742.5")"},
           Case{R"("{{{count}}}")", R"("{-7}")"},
           // Missing and optional.
           Case{R"({"a": "{gone?}", "b": 1, "c": "{event.data.x.y?}"})", R"({"b":1})"},
           Case{R"({"a": 1, "b": "{gone?}", "c": "{count}"})", R"({"a":1,"c":-7})"},
           Case{R"(["{gone?}", "{count}", "{gone?}"])", R"([-7])"},
           Case{R"({"a": "{gone?}"})", R"({})"},
           Case{R"({"a": "<{gone?}>"})", R"({"a":"<>"})"},
           Case{R"({"a": "{event.data.note?}", "b": "<{event.data.note?}>"})",
                R"({"a":null,"b":"<>"})"},
           // Filters.
           Case{R"("{at|unix}")", "1795235400"},
           Case{R"("{at|unix_ms}")", "1795235400123"},
           Case{R"("{at|iso}")", R"("2026-11-21T04:30:00.123Z")"},
           Case{R"("{at|iso_seconds}")", R"("2026-11-21T04:30:00Z")"},
           Case{R"("{at|unix|string}")", R"("1795235400")"},
           Case{R"("{event.data.at|iso}")", R"("2026-11-21T04:30:00.123Z")"},
           Case{R"("{event.data.at|iso_seconds}")", R"("2026-11-21T04:30:00Z")"},
           Case{R"("{event.data.at|unix}")", "1795235400"},
           Case{R"("{id|prefixed:evt}")", R"("evt_01JGFJJZ00FAN8000000000001")"},
           Case{R"("{event.data.uuid|prefixed:ord}")", R"("ord_01JGFJJZ00FAN8000000000001")"},
           Case{R"("{count|string}")", R"("-7")"},
           Case{R"("{event.data.total|string}")", R"("742.5")"},
           Case{R"("{event.data.paid|string}")", R"("false")"},
           Case{R"("{event.data.price|number}")", "24.9"},
           Case{R"("{event.data.whole|number}")", "12"},
           Case{R"({"a": "{event.data.x?|unix}"})", "{}"},
       }) {
    const Result<std::string> written = json(c.source);
    ASSERT_TRUE(written.has_value()) << c.source << ": " << written.error().message;
    EXPECT_EQ(*written, c.written) << c.source;
  }
}

// JavaScript moves such members to the front; so do we, wherever they come from.
TEST_F(TemplateTest, WritesIntegerLikeMembersOfDataAsJavaScriptDoes) {
  data_ = parse_json(R"({"b": {"x": 0, "10": 1, "9": 2}})").value();
  EXPECT_EQ(json(R"("{event.data}")").value(), R"({"b":{"9":2,"10":1,"x":0}})");
}

TEST_F(TemplateTest, WritesText) {
  for (const Case& c : {
           Case{"", ""},
           Case{"plain", "plain"},
           Case{"{count}.{at|unix}.{name}", "-7.1795235400.line\n\"quoted\" ü"},
           Case{"{event.data.number}/{event.data.total}", "PO \"7\"/742.5"},
           Case{"{gone?}", ""},
           Case{"{{{count}}}", "{-7}"},
           Case{"{at}", "2026-11-21T04:30:00.123Z"},
       }) {
    const Result<std::string> written = text(c.source);
    ASSERT_TRUE(written.has_value()) << c.source << ": " << written.error().message;
    EXPECT_EQ(*written, c.written) << c.source;
  }
}

TEST_F(TemplateTest, RefusesASourceThatIsNotOne) {
  struct Bad {
    std::string_view source, reason;
  };
  for (const Bad& c : {
           Bad{"{", ""},
           Bad{R"({"a": 1, "a": 2})", ""},
           Bad{R"({"a": {"b": ["x", "{nmae}"]}})",
               "$.a.b[1]: there is no \"nmae\" here; there are: id"},
           Bad{R"("{name")", "there is a { without its }"},
           Bad{R"("{na{me}")", "there is a { without its }"},
           Bad{R"("name}")", "there is a } without its {"},
           Bad{R"("{}")", "there is no \"\""},
           Bad{R"("{name.first}")", "there is no \"name.first\""},
           Bad{R"("{names}")", "there is no \"names\""},
           Bad{R"("{event.data.}")", "has an empty step"},
           Bad{R"("{event.data..x}")", "has an empty step"},
           Bad{R"("{event.datax}")", "there is no \"event.datax\""},
           Bad{R"("{whole.a}")", "there is no \"whole.a\""},
           Bad{R"("<{whole}>")", "{whole} must be a string of its own"},
           Bad{R"("{name|upper}")", "there is no filter \"upper\""},
           Bad{R"("{name|}")", "there is no filter \"\""},
           Bad{R"("{id|prefixed}")", "there is no filter \"prefixed\""},
           Bad{R"("{id|prefixed:}")", "there is no filter \"prefixed:\""},
           Bad{R"("{id|prefixed:a_b}")", "there is no filter"},
           Bad{R"("{name|unix}")", "the filter \"unix\" cannot work"},
           Bad{R"("{count|iso}")", "the filter \"iso\" cannot work"},
           Bad{R"("{count|iso_seconds}")", "the filter \"iso_seconds\" cannot work"},
           Bad{R"("{name|prefixed:evt}")", "the filter \"prefixed:evt\" cannot work"},
           Bad{R"("{whole|string}")", "the filter \"string\" cannot work"},
           Bad{R"("{at|unix|unix}")", "the filter \"unix\" cannot work"},
           Bad{R"({"{name}": 1})", "a member's name has no placeholders"},
           Bad{R"({"a": {"7": 1}})", "$.a: the member \"7\" looks like an array index"},
           Bad{R"({"0": 1})", "looks like an array index"},
           Bad{R"({"4294967294": 1})", "looks like an array index"},
           Bad{R"("{name?}")", "cannot be left out"},
       }) {
    const Result<Template> made = Template::parse_json(c.source, kVocabulary);
    ASSERT_FALSE(made.has_value()) << c.source;
    EXPECT_EQ(made.error().reason, "template_invalid");
    EXPECT_NE(made.error().message.find(c.reason), std::string::npos)
        << c.source << ": " << made.error().message;
  }
  EXPECT_FALSE(Template::parse_text("{whole}", kVocabulary).has_value());
  EXPECT_FALSE(Template::parse_text("{", kVocabulary).has_value());
}

TEST_F(TemplateTest, NamesThatOnlyLookLikeIndexesAreMembers) {
  EXPECT_EQ(json(R"({"b":1,"01":2,"-1":3,"1.5":4,"4294967295":5})").value(),
            R"({"b":1,"01":2,"-1":3,"1.5":4,"4294967295":5})");
}

TEST_F(TemplateTest, SaysWhichValueIsMissingOrUnfit) {
  struct Bad {
    std::string_view source, path;
  };
  for (const Bad& c : {
           Bad{R"({"a": "{gone}"})", ""},
           Bad{R"("{event.data.absent}")", "$.absent"},
           Bad{R"("{event.data.lines.2.unit}")", "$.lines[2].unit"},
           Bad{R"("{event.data.lines.x}")", "$.lines.x"},
           Bad{R"("{event.data.number.deeper}")", "$.number.deeper"},
           Bad{R"("<{event.data.lines}>")", "$.lines"},
           Bad{R"("<{event.data.note}>")", "$.note"},
           Bad{R"("{event.data.number|unix}")", "$.number"},
           Bad{R"("{event.data.number|iso_seconds}")", "$.number"},
           Bad{R"("{event.data.number|prefixed:x}")", "$.number"},
           Bad{R"("{event.data.number|number}")", "$.number"},
           Bad{R"("{event.data.lines|string}")", "$.lines"},
           Bad{R"("{event.data.paid|number}")", "$.paid"},
       }) {
    const Result<std::string> written = json(c.source);
    ASSERT_FALSE(written.has_value()) << c.source;
    EXPECT_EQ(written.error().code, Code::kInvalid);
    EXPECT_EQ(written.error().reason, "event_data_unfit") << c.source;
    EXPECT_EQ(written.error().path, c.path) << c.source;
  }
}

TEST_F(TemplateTest, ListsTheVariablesItNames) {
  const Template made =
      Template::parse_json(R"({"a": ["{name}", "x{count}{at|unix}"], "b": "{event.data.x?}"})",
                           kVocabulary)
          .value();
  EXPECT_EQ(made.variables(), (std::vector<std::string_view>{"name", "count", "at", "event.data"}));
  EXPECT_TRUE(Template().variables().empty());
  EXPECT_TRUE(Template().empty());
}

TEST_F(TemplateTest, TakesATextApartAgain) {
  struct Match {
    std::string_view source, text;
    std::optional<std::vector<std::string_view>> found;
  };
  using Found = std::vector<std::string_view>;
  for (const Match& c : {
           Match{"v1={name}", "v1=abc", Found{"abc"}},
           Match{"v1={name}", "v1=", Found{""}},
           Match{"v1={name}", "v0=abc", std::nullopt},
           Match{"v1={name}", "V1=abc", std::nullopt},
           Match{"{name}", "anything=at all", Found{"anything=at all"}},
           Match{"t={count},v={name};", "t=12,v=ab,c;", (Found{"12", "ab,c"})},
           Match{"t={count},v={name};", "t=12,v=ab", std::nullopt},
           Match{"t={count},v={name};", "t=12;v=ab;", std::nullopt},
           Match{"<{name}>", "<a>b>", Found{"a>b"}},
           Match{"<{name}>", "<", std::nullopt},
           Match{"exact", "exact", Found{}},
           Match{"exact", "exactly", std::nullopt},
           Match{"", "", Found{}},
       }) {
    const Template made = Template::parse_text(c.source, kVocabulary).value();
    ASSERT_TRUE(made.is_matchable()) << c.source;
    EXPECT_EQ(made.match(c.text), c.found) << c.source << " against " << c.text;
  }
  EXPECT_FALSE(Template::parse_text("{name}{count}", kVocabulary)->is_matchable());
}

}  // namespace
}  // namespace waybill::dialect
