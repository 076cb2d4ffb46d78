#include "base/json_text.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/json.h"

namespace waybill {
namespace {

using namespace std::chrono_literals;

TEST(ObjectText, WritesWhatParseJsonReadsBackUnchanged) {
  std::string out;
  ObjectText object(out);
  object.add("text", "quote \" and é")
      .add("number", -7)
      .add("largest", std::numeric_limits<std::int64_t>::max())
      .add("fraction", 0.1)
      .add("flag", true)
      .add("time", Timestamp(1ms))
      .add("wait", std::chrono::milliseconds(5min))
      .add("nothing", std::optional<int>())
      .add("list", std::vector<std::string>{"a", "b"})
      .add("none", std::vector<std::string>{})
      .add_json("data", R"({"x":[1,2]})");
  object.end();
  EXPECT_EQ(out,
            R"({"text":"quote \" and é","number":-7,"largest":9223372036854775807,"fraction":0.1,)"
            R"("flag":true,"time":"1970-01-01T00:00:00.001Z","wait":"5m","nothing":null,)"
            R"("list":["a","b"],"none":[],"data":{"x":[1,2]}})");
  EXPECT_TRUE(parse_json(out));
}

TEST(ObjectText, AnObjectWithoutMembersIsOne) {
  std::string out;
  ObjectText(out).end();
  EXPECT_EQ(out, "{}");
}

TEST(ObjectText, WhatIsNotThereCanBeLeftOut) {
  std::string out;
  ObjectText object(out);
  object.add_if("a", std::optional<int>()).add_if("b", std::optional(1)).end();
  EXPECT_EQ(out, R"({"b":1})");
}

TEST(ReplaceInvalidUtf8, LosesOneByteForEachFault) {
  const std::string mark = "\xEF\xBF\xBD";
  struct Case {
    std::string given, clean;
  };
  for (const Case& c : {Case{"", ""}, Case{"plain é €", "plain é €"}, Case{"\xff", mark},
                        Case{"a\xC3", "a" + mark}, Case{"\xC3\xC3\xA9", mark + "é"},
                        Case{"\xE2\x82", mark + mark}, Case{"€\x80€", "€" + mark + "€"}}) {
    EXPECT_EQ(replace_invalid_utf8(c.given), c.clean);
    EXPECT_TRUE(is_utf8(replace_invalid_utf8(c.given)));
  }
}

}  // namespace
}  // namespace waybill
