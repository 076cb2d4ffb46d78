// How problems are written.

#include <gtest/gtest.h>

#include "base/json.h"
#include "surfaces/native/native_api.h"

namespace waybill::surfaces::native {
namespace {

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

// The server wrote 408 and 431 over the answer's status, and the body went on saying 504 and 413.
TEST(Problem, SaysTheStatusOfItsStatusLine) {
  for (const Error& error : {Error(Code::kTimeout, "request_timeout", "Too slow."),
                             Error(Code::kTooLarge, "header_too_large", "Too large."),
                             Error(Code::kUnavailable, "rate_limited", "Too many.")}) {
    const net::Response response = NativeApi::render_error(error);
    EXPECT_EQ(response.status, net::status_of(error));
    const auto body = parse_json(response.body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->as_object().at("status").as_int64(), response.status) << error.reason;
    EXPECT_EQ(body->as_object().at("title").as_string(), net::reason_phrase(response.status));
  }
}

}  // namespace
}  // namespace waybill::surfaces::native
