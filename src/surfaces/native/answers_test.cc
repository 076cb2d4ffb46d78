// How answers are written: values, objects, problems.

#include <limits>

#include <gtest/gtest.h>

#include "base/json.h"
#include "surfaces/native/json_text.h"
#include "surfaces/native/native_api.h"

namespace waybill::surfaces::native {
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

TEST(Problem, TellsCodeStatusAndPath) {
  const net::Response response = NativeApi::render_error(
      Error(Code::kInvalid, "member_missing", "\"url\" is missing.", "$.url"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(*net::find_header(response.headers, "Content-Type"), "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,"code":"member_missing",)"
            R"("detail":"\"url\" is missing.","path":"$.url"})");
}

TEST(Problem, WhatIsWrongInsideTheHubIsNotTold) {
  const net::Response response =
      NativeApi::render_error(Error(Code::kInternal, "database_error", "no such table: orders"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("orders"), std::string::npos);
  EXPECT_NE(response.body.find(R"("code":"internal")"), std::string::npos);
}

TEST(Problem, ABusyHubSaysWhenToComeAgain) {
  const net::Response response =
      NativeApi::render_error(Error(Code::kUnavailable, "database_busy", "Too much is waiting."));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(*net::find_header(response.headers, "Retry-After"), "1");
}

TEST(Problem, AMessageThatWasCutInACharacterIsStillJson) {
  const net::Response response =
      NativeApi::render_error(Error(Code::kInvalid, "url_invalid", "\"\xC3\" is no URL."));
  EXPECT_TRUE(parse_json(response.body));
}

}  // namespace
}  // namespace waybill::surfaces::native
