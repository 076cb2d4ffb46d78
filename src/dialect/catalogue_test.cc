#include "dialect/catalogue.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dialect/loader.h"

namespace waybill::dialect {
namespace {

constexpr std::string_view kAcme = R"(
title = "Acme"
description = "d"
open_catalogue = true
envelope = '"{data}"'
[delivery]
retry = []

[events."plain"]
description = "d"
schema = '{"type": "object", "properties": {"lines": {"items": {"type": "object", "required": ["unit"]}}}}'
example = '{}'

[events."made"]
canonical = "thing.made"
description = "d"
data = '{"thing": {"id": "{event.data.id}", "name": "{event.data.names.0?}", "note": "No. {event.data.no?}", "both": "{event.data.id}{type}", "unit": "box"}, "of": "{event.data.of?}", "list": ["{event.data.a?}", 1]}'
schema = '''
{"type": "object", "properties": {
  "thing": {"type": "object", "required": ["name"], "properties": {
    "name": {"maxLength": 3}, "note": {"maxLength": 6}, "both": {"maxLength": 9}}},
  "of": {"properties": {"x": {"items": {"type": "string"}}}},
  "list": {"items": {"type": "number"}}}}
'''
example = '{"id": "1", "names": ["a"]}'
)";

class CatalogueTest : public testing::Test {
 public:
  // "" if it passes, else "PATH message".
  std::string fault(std::string_view type, std::string_view data) {
    const json::value parsed = parse_json(data).value();
    Message message;
    message.event_id = "01941f29-7c00-7aaa-8000-000000000001";
    message.event_type = type;
    message.workspace_slug = "acme";
    message.environment = "production";
    message.data = &parsed;
    const auto verdict = check_data(dialect_, message);
    if (verdict) return "";
    EXPECT_EQ(verdict.error().code, Code::kInvalid);
    EXPECT_EQ(verdict.error().reason, "event_data_invalid");
    return fmt::format("{} {}", verdict.error().path, verdict.error().message);
  }

  const Dialect dialect_ = load_dialect("acme.toml", kAcme).value();
};

TEST_F(CatalogueTest, HoldsCanonicalDataAgainstTheSchemaWhereItIsSentAsItIs) {
  EXPECT_EQ(fault("plain", R"({"lines": [{"unit": 1}]})"), "");
  EXPECT_EQ(fault("plain", R"({"lines": [{"unit": 1}, {}]})"),
            "$.lines[1].unit Acme (dialect acme) is promised other data for its event plain: this "
            "is missing.");
}

TEST_F(CatalogueTest, HoldsWhatATemplateMakesAgainstTheSchemaAndTellsWhereItCameFrom) {
  EXPECT_EQ(fault("thing.made", R"({"id": "1", "names": ["abc"], "of": {"x": ["a"]}, "a": 7})"),
            "");
  const std::string begin =
      " Acme (dialect acme) is promised other data for its event made: what it is sent ";
  struct Case {
    std::string_view data, path, told;
  };
  const Case cases[] = {
      {R"({"id": "1", "names": ["abcd"]})", "$.names[0]",
       "has to have at most 3 characters at $.thing.name."},
      {R"({"id": "1"})", "$.names[0]", "is missing at $.thing.name."},
      {R"({"id": "1", "names": ["a"], "of": {"x": ["a", 5]}})", "$.of.x[1]",
       "has to be a text, and is a number at $.of.x[1]."},
      {R"({"id": "1", "names": ["a"], "no": "123"})", "$.no",
       "has to have at most 6 characters at $.thing.note."},
      // Of several members, and of one that stands elsewhere than in the template: the whole.
      {R"({"id": "123456", "names": ["a"]})", "$",
       "has to have at most 9 characters at $.thing.both."},
      {R"({"id": "1", "names": ["a"], "a": "x"})", "$",
       "has to be a number, and is a text at $.list[0]."},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(fault("thing.made", c.data), std::string(c.path) + begin + std::string(c.told));
  }
}

TEST_F(CatalogueTest, WhatATemplateCannotDoWithoutIsAFaultToo) {
  EXPECT_EQ(fault("thing.made", "{}"),
            "$.id Acme (dialect acme) is promised other data for its event made: {event.data.id}: "
            "the value is missing.");
}

TEST_F(CatalogueTest, WhatIsNotListedHasNoSchema) { EXPECT_EQ(fault("else", R"({"x": 1})"), ""); }

TEST_F(CatalogueTest, AnUnknownEventOfAClosedCatalogueIsNotItsMatter) {
  const DialectRegistry registry = DialectRegistry::load({}).value();
  const json::value data = json::object();
  Message message;
  message.event_type = "stock.low";
  message.data = &data;
  EXPECT_TRUE(check_data(*registry.find("proculink"), message).has_value());
}

TEST_F(CatalogueTest, EveryBuiltInExampleFitsItsOwnCatalogue) {
  const DialectRegistry registry = DialectRegistry::load({}).value();
  int events = 0;
  for (const std::string& name : registry.names()) {
    for (const EventType& event : registry.find(name)->events) {
      Message message;
      message.event_id = "01941f29-7c00-7aaa-8000-000000000001";
      message.event_type = event.canonical;
      message.workspace_slug = "acme";
      message.environment = "production";
      message.data = &event.example;
      const auto verdict = check_data(*registry.find(name), message);
      EXPECT_TRUE(verdict.has_value()) << name << " " << event.name;
      ++events;
    }
  }
  EXPECT_EQ(events, 102);
}

}  // namespace
}  // namespace waybill::dialect
