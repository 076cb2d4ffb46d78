#include "dialect/schema.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace waybill::dialect {
namespace {

Schema compiled(std::string_view text) {
  const Result<Schema> schema = Schema::compile(parse_json(text).value());
  EXPECT_TRUE(schema.has_value()) << text << "\n" << (schema ? "" : schema.error().message);
  return schema.value_or(Schema());
}

// "" if it fits, else "PATH problem".
std::string fault(const Schema& schema, std::string_view data) {
  const auto found = schema.check(parse_json(data).value());
  return found ? fmt::format("{} {}", json_path("$", found->at), found->problem) : "";
}

TEST(Schema, TellsWhatDoesNotFitAndWhere) {
  struct Case {
    std::string_view schema, data, told;
  };
  const Case cases[] = {
      {R"({"type": "string"})", R"(5)", "$ has to be a text, and is a number"},
      {R"({"type": "integer"})", "1.5", "$ has to be a whole number, and is a number"},
      {R"({"type": "integer"})", R"("1")", "$ has to be a whole number, and is a text"},
      {R"({"type": ["string", "null"]})", "{}", "$ has to be null or a text, and is an object"},
      {R"({"type": "boolean"})", "0", "$ has to be true or false, and is a number"},
      {R"({"type": "array"})", "{}", "$ has to be an array, and is an object"},
      {R"({"const": 5})", "6", "$ has to be 5"},
      {R"({"enum": ["a", "b"]})", R"("c")", R"($ has to be one of ["a","b"])"},
      {R"({"minimum": 1})", "0.999", "$ has to be at least 1"},
      {R"({"maximum": 1})", "1.001", "$ has to be at most 1"},
      {R"({"exclusiveMinimum": 0})", "0", "$ has to be above 0"},
      {R"({"exclusiveMaximum": 9007199254740993})", "9007199254740993",
       "$ has to be below 9007199254740992"},
      {R"({"minLength": 3})", R"("é€")", "$ has to have at least 3 characters"},
      {R"({"maxLength": 1})", R"("ab")", "$ has to have at most 1 characters"},
      {R"({"pattern": "^a+$"})", R"("aab")", "$ has to match ^a+$"},
      {R"({"format": "date"})", R"("2026-02-30")", "$ has to be an existing day, as 2026-11-21"},
      {R"({"minItems": 1})", "[]", "$ has to have at least 1 elements"},
      {R"({"maxItems": 1})", "[1, 2]", "$ has to have at most 1 elements"},
      {R"({"required": ["a b"]})", "{}", R"($["a b"] is missing)"},
      {R"({"additionalProperties": false})", R"({"x": 1})", "$.x must not be there"},
      {R"({"properties": {"a": true}, "additionalProperties": {"type": "null"}})",
       R"({"a": 1, "b": 2})", "$.b has to be null, and is a number"},
      {R"({"properties": {"lines": {"items": {"properties": {"quantity": {"type": "number"}}}}}})",
       R"({"lines": [{"quantity": 1}, {"quantity": "2"}]})",
       "$.lines[1].quantity has to be a number, and is a text"},
      {"false", "1", "$ must not be there"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(fault(compiled(c.schema), c.data), c.told) << c.schema << " " << c.data;
  }
}

TEST(Schema, TakesWhatFits) {
  struct Case {
    std::string_view schema, data;
  };
  const Case cases[] = {
      {"true", "1"},
      {"{}", "{}"},
      {R"({"type": "integer"})", "1.0"},
      {R"({"type": "integer"})", "18446744073709551615"},
      {R"({"type": "number"})", "1"},
      {R"({"type": ["string", "null"]})", "null"},
      {R"({"const": 1})", "1.0"},
      {R"({"const": {"a": [1], "b": null}})", R"({"b": null, "a": [1.0]})"},
      {R"({"enum": [1, "1"]})", R"("1")"},
      {R"({"minimum": 1, "maximum": 1})", "1"},
      {R"({"minimum": -9223372036854775808})", "-9223372036854775808"},
      {R"({"minLength": 2, "maxLength": 2})", R"("é€")"},
      {R"({"pattern": "b"})", R"("abc")"},
      {R"({"pattern": "^.$"})", R"("€")"},
      // What a keyword is not about, it lets pass.
      {R"({"minLength": 2, "minimum": 5, "minItems": 1, "required": ["a"], "format": "date"})",
       "null"},
      {R"({"properties": {"a": {"type": "string"}}})", R"({"b": 1})"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(compiled(c.schema), c.data), "") << c.schema;
}

TEST(Schema, ChecksFormats) {
  struct Case {
    std::string_view format, good, bad;
  };
  const Case cases[] = {
      {"date", "2024-02-29", "2023-02-29"},
      {"date", "2026-11-21", "21.11.2026"},
      {"date-time", "2026-11-21T04:30:00.000Z", "2026-11-21 04:30:00Z"},
      {"date-time", "2026-11-21t04:30:00+02:00", "2026-11-21T04:30:00"},
      {"email", "lab@example.com", "lab.example.com"},
      {"email", "a.b+c@x-y.example", "a..b@example.com"},
      {"email", "a@b", "a@b..c"},
      {"email", "o'hara@example.com", "o hara@example.com"},
      {"uri", "https://example.com/a?b#c", "example.com/a"},
      {"uri", "urn:isbn:1", "https://example.com/a b"},
      {"uuid", "01941f29-7c00-7aaa-8000-000000000001", "01941f297c007aaa8000000000000001"},
  };
  for (const Case& c : cases) {
    const Schema schema = compiled(fmt::format(R"({{"format": "{}"}})", c.format));
    EXPECT_FALSE(schema.check(json::string(c.good)).has_value()) << c.good;
    EXPECT_TRUE(schema.check(json::string(c.bad)).has_value()) << c.bad;
    EXPECT_TRUE(schema.check(json::string("")).has_value()) << c.format;
  }
}

TEST(Schema, RefusesWhatItWouldNotCheck) {
  struct Case {
    std::string_view schema, path, told;
  };
  const Case cases[] = {
      {R"({"oneOf": [{}]})", "$", "oneOf"},
      {R"({"properties": {"a": {"uniqueItems": true}}})", "$.properties.a", "uniqueItems"},
      {R"({"$ref": "#"})", "$", "$ref"},
      {R"({"format": "ipv4"})", "$.format", "date-time"},
      {R"({"format": 5})", "$.format", "format"},
      {R"({"type": "text"})", "$.type", "no type"},
      {R"({"type": []})", "$.type", "no type"},
      {R"({"type": "integer", "minLength": 3})", "$", "minLength"},
      {R"({"minLength": 3, "type": "integer"})", "$", "minLength"},
      {R"({"type": "string", "minimum": 3})", "$", "minimum"},
      {R"({"type": "object", "items": {}})", "$", "items"},
      {R"({"enum": []})", "$.enum", "list"},
      {R"({"required": "a"})", "$.required", "list"},
      {R"({"required": ["a", "a"]})", "$.required", "once"},
      {R"({"properties": []})", "$.properties", "object"},
      {R"({"items": 5})", "$.items", "object"},
      {R"({"minItems": -1})", "$.minItems", "whole"},
      {R"({"minimum": "1"})", "$.minimum", "number"},
      {R"({"pattern": "("})", "$.pattern", "pattern"},
      {R"({"pattern": "(?=a)b"})", "$.pattern", "pattern"},
      {R"({"$schema": "http://json-schema.org/draft-07/schema#"})", "$.$schema", "2020-12"},
      {"5", "$", "object"},
  };
  for (const Case& c : cases) {
    const auto schema = Schema::compile(parse_json(c.schema).value());
    ASSERT_FALSE(schema.has_value()) << c.schema;
    EXPECT_EQ(schema.error().reason, "schema_invalid");
    EXPECT_EQ(schema.error().path, c.path) << c.schema;
    EXPECT_NE(schema.error().message.find(c.told), std::string::npos) << schema.error().message;
  }
}

TEST(Schema, ANumberKeywordBesideIntegerHasAMeaning) {
  EXPECT_EQ(fault(compiled(R"({"type": "integer", "minimum": 3})"), "2"), "$ has to be at least 3");
}

// A library whose patterns recurse for each character ended the process here: a caller could have
// stopped the hub with one long text.
TEST(Schema, ALongTextIsCheckedInTimeAndWithoutStack) {
  const std::string million(1 << 20, '1');
  for (const char* format : {"date", "date-time", "email", "uri", "uuid"}) {
    const Schema schema = compiled(fmt::format(R"({{"format": "{}"}})", format));
    EXPECT_TRUE(schema.check(json::string(million)).has_value()) << format;
  }
  const Schema schema = compiled(R"({"pattern": "^(1+)+$"})");
  EXPECT_FALSE(schema.check(json::string(million)).has_value());
  EXPECT_TRUE(schema.check(json::string(million + "x")).has_value());
}

}  // namespace
}  // namespace waybill::dialect
