#include "net/http.h"

#include <gtest/gtest.h>

namespace waybill::net {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

TEST(Header, NamesAreComparedWithoutRegardToCase) {
  EXPECT_TRUE(same_header_name("Content-Type", "content-TYPE"));
  EXPECT_FALSE(same_header_name("Content-Type", "Content-Typ"));
  EXPECT_FALSE(same_header_name("Content-Typ", "Content-Type"));
  EXPECT_FALSE(same_header_name("a@", "A`")) << "only letters have a case";
  EXPECT_TRUE(same_header_name("", ""));
}

TEST(Request, GivesTheFirstHeaderOfAName) {
  Request request;
  request.headers = {{"A", "1"}, {"b", "2"}, {"a", "3"}, {"Empty", ""}};
  EXPECT_EQ(request.header("a"), "1");
  EXPECT_EQ(request.header("B"), "2");
  EXPECT_EQ(request.header("empty"), "");
  EXPECT_EQ(request.header("c"), std::nullopt);
}

TEST(Response, CarriesItsContentType) {
  const Response response = Response::json(201, "{}");
  EXPECT_EQ(response.status, 201);
  ASSERT_NE(find_header(response.headers, "content-type"), nullptr);
  EXPECT_EQ(*find_header(response.headers, "content-type"), "application/json");
  EXPECT_EQ(response.body, "{}");
  EXPECT_FALSE(response.close);
}

TEST(StatusOf, HasOneForEachCodeWithItsPhrase) {
  struct Case {
    Code code;
    int status;
    const char* phrase;
  };
  for (const Case& c :
       {Case{Code::kInvalid, 400, "Bad Request"}, Case{Code::kUnauthenticated, 401, "Unauthorized"},
        Case{Code::kForbidden, 403, "Forbidden"}, Case{Code::kNotFound, 404, "Not Found"},
        Case{Code::kConflict, 409, "Conflict"}, Case{Code::kTooLarge, 413, "Content Too Large"},
        Case{Code::kUnsupported, 415, "Unsupported Media Type"},
        Case{Code::kUnavailable, 503, "Service Unavailable"},
        Case{Code::kTimeout, 504, "Gateway Timeout"},
        Case{Code::kInternal, 500, "Internal Server Error"}}) {
    EXPECT_EQ(status_of(Error(c.code, "Why.")), c.status) << code_name(c.code);
    EXPECT_EQ(reason_phrase(c.status), c.phrase);
  }
  EXPECT_EQ(reason_phrase(299), "");
}

TEST(StatusOf, IsMoreExactWhereHttpHasAStatusForTheReason) {
  struct Case {
    Error error;
    int status;
    const char* phrase;
  };
  for (const Case& c :
       {Case{Error(Code::kTimeout, "request_timeout", "Why."), 408, "Request Timeout"},
        Case{Error(Code::kTimeout, "response_timeout", "Why."), 504, "Gateway Timeout"},
        Case{Error(Code::kTooLarge, "header_too_large", "Why."), 431,
             "Request Header Fields Too Large"},
        Case{Error(Code::kTooLarge, "body_too_large", "Why."), 413, "Content Too Large"},
        Case{Error(Code::kUnavailable, "rate_limited", "Why."), 429, "Too Many Requests"},
        Case{Error(Code::kUnavailable, "database_busy", "Why."), 503, "Service Unavailable"}}) {
    EXPECT_EQ(status_of(c.error), c.status) << c.error.reason;
    EXPECT_EQ(reason_phrase(c.status), c.phrase);
  }
}

TEST(ParseQuery, GivesParametersInOrderDecoded) {
  struct Case {
    const char* query;
    Parameters parameters;
  };
  for (const Case& c : {
           Case{"", {}},
           Case{"a=1&b=2&a=3", {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
           Case{"a", {{"a", ""}}},
           Case{"a=", {{"a", ""}}},
           Case{"=b", {{"", "b"}}},
           Case{"a=b=c", {{"a", "b=c"}}},
           Case{"&&a=1&", {{"a", "1"}}},
           Case{"a+b=c+d", {{"a b", "c d"}}},
           Case{"a=%2B%26%3D%20", {{"a", "+&= "}}},
           Case{"%C3%A4=%e2%82%ac", {{"ä", "€"}}},
       }) {
    const auto parsed = parse_query(c.query);
    ASSERT_TRUE(parsed) << c.query;
    EXPECT_EQ(*parsed, c.parameters) << c.query;
  }
}

TEST(ParseQuery, RefusesWhatIsNotPercentEncodedUtf8) {
  for (const char* query :
       {"a=%", "a=%4", "a=%zz", "%=a", "a=1&b=%1", "a=%ff", "%c3=a", "a=%ed%a0%80"}) {
    const auto parsed = parse_query(query);
    ASSERT_FALSE(parsed) << query;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_EQ(parsed.error().reason, "query_malformed");
  }
}

TEST(MediaType, IsLowerCaseWithoutParameters) {
  for (const char* text : {"application/json", "Application/JSON; charset=utf-8",
                           "application/json;charset=utf-8", " application/json ; a=b"}) {
    EXPECT_EQ(media_type(text), "application/json") << text;
  }
  EXPECT_EQ(media_type(""), "");
}

}  // namespace
}  // namespace waybill::net
