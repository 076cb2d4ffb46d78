#include "routing/filter.h"

#include <gtest/gtest.h>

namespace waybill::routing {
namespace {

constexpr std::string_view kData = R"({
  "shipping_method": "express", "total": 250.5, "count": 3, "big": 18446744073709551615,
  "note": null, "paid": true, "shipped_at": "2026-11-21T04:30:00Z", "a.b": "whole",
  "a": {"b": "nested", "c": [1, 2]}, "lines": [{"unit": "pcs"}, {"unit": "box"}]
})";

bool matches(std::string_view filter) {
  const Result<Filter> parsed = Filter::parse_text(filter);
  EXPECT_TRUE(parsed.has_value()) << filter << ": " << (parsed ? "" : parsed.error().message);
  return parsed && parsed->matches(parse_json(kData).value());
}

TEST(Filter, AnEmptyOneLetsEverythingPass) {
  EXPECT_TRUE(matches("{}"));
  EXPECT_TRUE(matches(""));
}

// A-PG-6: each member must equal the same top-level member of the data; a missing one does not.
TEST(Filter, EveryMemberMustEqual) {
  EXPECT_TRUE(matches(R"({"shipping_method": "express"})"));
  EXPECT_TRUE(matches(R"({"shipping_method": "express", "count": 3})"));
  EXPECT_FALSE(matches(R"({"shipping_method": "express", "count": 4})"));
  EXPECT_FALSE(matches(R"({"shipping_method": "Express"})"));
  EXPECT_FALSE(matches(R"({"missing": "express"})"));
  EXPECT_FALSE(matches(R"({"missing": null})"));
}

TEST(Filter, ValuesOfEveryTypeAreCompared) {
  for (const char* yes :
       {R"({"count": 3.0})", R"({"total": 250.5})", R"({"big": 18446744073709551615})",
        R"({"note": null})", R"({"paid": true})", R"({"a": {"c": [1, 2.0], "b": "nested"}})",
        R"({"a.c": [1, 2]})", R"({"a.b": "whole"})", R"({"a.c.1": 2})",
        R"({"lines.1.unit": "box"})"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no :
       {R"({"count": "3"})", R"({"note": false})", R"({"note": ""})", R"({"paid": 1})",
        R"({"a": {"b": "nested"}})", R"({"a.c": [2, 1]})", R"({"a.b": "nested"})",
        R"({"a.c.2": 3})", R"({"a.c.x": 1})", R"({"lines.unit": "pcs"})", R"({"count.0": 3})",
        R"({"big": 18446744073709551614})", R"({"a.": 1})", R"({"a": {}})"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(Filter, EveryOperatorDoesWhatItSays) {
  for (const char* yes :
       {R"({"count": {"$eq": 3}})", R"({"count": {"$ne": 4}})", R"({"count": {"$in": [1, 3]}})",
        R"({"count": {"$gt": 2.5}})", R"({"count": {"$gte": 3}})", R"({"count": {"$lt": 4}})",
        R"({"count": {"$lte": 3}})", R"({"count": {"$exists": true}})",
        R"({"shipping_method": {"$startsWith": "exp"}})", R"({"count": {"$gt": 2, "$lt": 4}})",
        R"({"big": {"$gt": -1}})", R"({"shipped_at": {"$gte": "2026-11-21", "$lt": "2026-11-22"}})",
        R"({"note": {"$exists": true}})", R"({"lines.0.unit": {"$in": ["pcs"]}})"}) {
    EXPECT_TRUE(matches(yes)) << yes;
  }
  for (const char* no :
       {R"({"count": {"$eq": 4}})", R"({"count": {"$ne": 3}})", R"({"count": {"$in": [1, 2]}})",
        R"({"count": {"$in": []}})", R"({"count": {"$gt": 3}})", R"({"count": {"$gte": 3.5}})",
        R"({"count": {"$lt": 3}})", R"({"count": {"$lte": 2}})", R"({"count": {"$exists": false}})",
        R"({"count": {"$gt": "2"}})", R"({"shipping_method": {"$gt": 1}})",
        R"({"count": {"$startsWith": "3"}})", R"({"shipping_method": {"$startsWith": "xp"}})",
        R"({"count": {"$gt": 2, "$lt": 3}})", R"({"paid": {"$gt": 0}})"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
}

TEST(Filter, WhatIsMissingFailsAllButTheNegations) {
  for (const char* no :
       {R"({"x": {"$eq": null}})", R"({"x": {"$in": [null]}})", R"({"x": {"$gt": 0}})",
        R"({"x": {"$lt": 0}})", R"({"x": {"$exists": true}})", R"({"x": {"$startsWith": ""}})"}) {
    EXPECT_FALSE(matches(no)) << no;
  }
  EXPECT_TRUE(matches(R"({"x": {"$ne": 1}})"));
  EXPECT_TRUE(matches(R"({"x": {"$exists": false}})"));
  EXPECT_TRUE(matches(R"({"x": {"$not": {"$gt": 0}}})"));
}

TEST(Filter, OrAndNotCombine) {
  EXPECT_TRUE(matches(R"({"$or": [{"count": 9}, {"total": {"$gt": 250}}]})"));
  EXPECT_FALSE(matches(R"({"$or": [{"count": 9}, {"total": {"$gt": 251}}]})"));
  EXPECT_FALSE(matches(R"({"$or": [{"count": 3}], "paid": false})"));
  EXPECT_TRUE(matches(R"({"$not": {"count": 4}})"));
  EXPECT_FALSE(matches(R"({"$not": {"count": 3}})"));
  EXPECT_FALSE(matches(R"({"$not": {"$or": [{"count": 3}, {"count": 4}]}})"));
  EXPECT_TRUE(matches(R"({"count": {"$not": {"$gt": 1, "$lt": 3}}})"));
  EXPECT_TRUE(matches(R"({"count": {"$not": {"$not": {"$eq": 3}}}})"));
  EXPECT_TRUE(matches(R"({"$not": {"$not": {"count": 3}}})"));
}

TEST(Filter, FaultsAreToldWithTheirPath) {
  struct Case {
    const char* filter;
    const char* path;
  };
  for (const Case& c :
       {Case{"[]", "$"}, Case{"1", "$"}, Case{R"({"$and": []})", "$.$and"},
        Case{R"({"": 1})", "$."}, Case{R"({"a": {"$gtt": 1}})", "$.a.$gtt"},
        Case{R"({"a": {"$gt": 1, "b": 2}})", "$.a.b"}, Case{R"({"a": {"$in": 1}})", "$.a.$in"},
        Case{R"({"a": {"$exists": 1}})", "$.a.$exists"},
        Case{R"({"a": {"$startsWith": 1}})", "$.a.$startsWith"},
        Case{R"({"a": {"$lt": null}})", "$.a.$lt"}, Case{R"({"a": {"$not": 1}})", "$.a.$not"},
        Case{R"({"a": {"$not": {}}})", "$.a.$not"}, Case{R"({"$or": {}})", "$.$or"},
        Case{R"({"$or": []})", "$.$or"}, Case{R"({"$or": [{}, {"$or": [1]}]})", "$.$or[1].$or[0]"},
        Case{R"({"$not": []})", "$.$not"}}) {
    const Result<Filter> parsed = Filter::parse_text(c.filter);
    ASSERT_FALSE(parsed.has_value()) << c.filter;
    EXPECT_EQ(parsed.error().reason, "filter_invalid") << c.filter;
    EXPECT_EQ(parsed.error().path, c.path) << c.filter;
  }
  EXPECT_EQ(Filter::parse(parse_json(R"({"a": {"$x": 1}})").value(), "$.filter").error().path,
            "$.filter.a.$x");
}

TEST(Filter, DepthAndNumberOfConditionsAreBounded) {
  const auto nested = [](std::size_t depth) {
    std::string text = R"({"a": 1})";
    for (std::size_t i = 1; i < depth; ++i) text = R"({"$not": )" + text + "}";
    return Filter::parse_text(text).has_value();
  };
  EXPECT_TRUE(nested(Filter::kDepthMax));
  EXPECT_FALSE(nested(Filter::kDepthMax + 1));
  const auto wide = [](std::size_t conditions) {
    std::string text = "{";
    for (std::size_t i = 0; i < conditions; ++i) {
      text += (i > 0 ? ",\"m" : "\"m") + std::to_string(i) + "\": 1";
    }
    return Filter::parse_text(text + "}").has_value();
  };
  EXPECT_TRUE(wide(Filter::kConditionsMax));
  EXPECT_FALSE(wide(Filter::kConditionsMax + 1));
}

}  // namespace
}  // namespace waybill::routing
