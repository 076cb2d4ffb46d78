// The table of error codes, and the page that is made from it.

#include "surfaces/peptideclients/errors.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "net/header.h"

namespace waybill::surfaces::peptideclients {
namespace {

// docs/platforms/peptideclients-errors.md, as it has to be.
std::string page() {
  std::string text =
      "<!-- Made from src/surfaces/peptideclients/errors.cc by the test that compares the two:\n"
      "     WAYBILL_MAKE_PAGES=1 waybill_surfaces_test --gtest_filter=PeptideClientsErrors.* -->\n"
      "\n"
      "# PeptideClients: errors\n"
      "\n"
      "What both halves of the API ([peptideclients.md](peptideclients.md)) answer when something "
      "is\n"
      "wrong: `{\"error\": a code, \"detail\": a sentence}`. Programs go by the code; sentences "
      "may\n"
      "change. The request log has the same codes.\n"
      "\n"
      "| code | status | meaning |\n"
      "|---|---|---|\n";
  for (const ErrorCode& row : error_codes()) {
    text += fmt::format("| `{}` | {} | {} |\n", row.code, row.status, row.meaning);
  }
  return text;
}

TEST(PeptideClientsErrors, ThePageIsTheTable) {
  const std::string path = WAYBILL_SOURCE_DIR "/docs/platforms/peptideclients-errors.md";
  if (std::getenv("WAYBILL_MAKE_PAGES")) std::ofstream(path, std::ios::binary) << page();
  std::ifstream in(path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), page())
      << "Make it anew as its first lines say.";
}

TEST(PeptideClientsErrors, CodesAreUniqueAndSortedByStatus) {
  std::set<std::string_view> codes;
  int status = 0;
  for (const ErrorCode& row : error_codes()) {
    EXPECT_TRUE(codes.insert(row.code).second) << row.code;
    EXPECT_GE(row.status, status) << row.code;
    status = row.status;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.code;
  }
}

TEST(PeptideClientsErrors, EachErrorOfTheHubHasARow) {
  struct Case {
    Code code;
    std::string_view reason, told;
    int status;
  };
  for (const Case& c : {
           Case{Code::kInvalid, "member_missing", "invalid_request", 400},
           Case{Code::kInvalid, "malformed_json", "invalid_json", 400},
           Case{Code::kInvalid, "invalid_utf8", "invalid_json", 400},
           Case{Code::kInvalid, "duplicate_member", "invalid_json", 400},
           Case{Code::kInvalid, "number_out_of_range", "invalid_json", 400},
           Case{Code::kInvalid, "too_deep", "invalid_json", 400},
           Case{Code::kUnauthenticated, "key_missing", "missing_authorization", 401},
           Case{Code::kUnauthenticated, "key_unknown", "invalid_api_key", 401},
           Case{Code::kUnauthenticated, "key_revoked", "invalid_api_key", 401},
           Case{Code::kUnauthenticated, "key_expired", "invalid_api_key", 401},
           Case{Code::kUnauthenticated, "signature_expired", "signature_expired", 401},
           Case{Code::kForbidden, "scope_missing", "insufficient_scope", 403},
           Case{Code::kForbidden, "ip_not_allowed", "ip_not_allowed", 403},
           Case{Code::kNotFound, "store_not_found", "not_found", 404},
           Case{Code::kNotFound, "supplier_not_found", "vendor_not_found", 404},
           Case{Code::kConflict, "overpayment", "overpayment", 422},
           Case{Code::kConflict, "unique_violation", "unavailable", 503},
           Case{Code::kInvalid, "total_mismatch", "total_mismatch", 422},
           Case{Code::kTooLarge, "body_too_large", "body_too_large", 413},
           Case{Code::kTooLarge, "header_too_large", "headers_too_large", 431},
           Case{Code::kUnsupported, "media_type_unsupported", "unsupported_media_type", 415},
           Case{Code::kTimeout, "request_timeout", "request_timeout", 408},
           Case{Code::kUnavailable, "rate_limited", "rate_limited", 429},
           Case{Code::kUnavailable, "database_busy", "unavailable", 503},
           Case{Code::kInternal, "database_error", "internal_error", 500},
       }) {
    const net::Response answer = render_error(Error(c.code, c.reason, "Why.", "$.x"));
    EXPECT_EQ(answer.status, c.status) << c.reason;
    EXPECT_EQ(answer.error_code, c.told) << c.reason;
    const json::value body = parse_json(answer.body).value();
    ASSERT_EQ(body.as_object().size(), 2u) << answer.body;
    EXPECT_EQ(body.at("error").as_string(), c.told) << c.reason;
    const bool waits = c.status == 429 || c.status == 503;
    EXPECT_EQ(net::find_header(answer.headers, "Retry-After") != nullptr, waits) << c.reason;
  }
}

TEST(PeptideClientsErrors, TheSentenceBeginsWithThePathAndTellsNothingOfTheInside) {
  const auto detail = [](const Error& error) {
    return std::string(parse_json(render_error(error).body).value().at("detail").as_string());
  };
  EXPECT_EQ(detail({Code::kInvalid, "member_type", "A text.", "$.a"}), "$.a: A text.");
  EXPECT_EQ(detail({Code::kUnauthenticated, "key_revoked", "Revoked by Ada."}),
            "key not found, revoked, or expired");
  EXPECT_EQ(detail({Code::kInternal, "database_error", "no such column: x"}),
            "Something is wrong inside the hub; its log says what.");
}

TEST(PeptideClientsErrors, RetryAfterIsAsLongAsTold) {
  const Error error(Code::kUnavailable, "rate_limited", "Too many.");
  const net::Response answer = render_error(error, std::chrono::seconds(37));
  EXPECT_EQ(*net::find_header(answer.headers, "Retry-After"), "37");
}

// A miss had a code of the hub's own, "route_not_found", which no page of the platform's knows.
TEST(PeptideClientsErrors, AMissHasACodeOfTheTable) {
  EXPECT_EQ(render_miss({}).error_code, "not_found");
  EXPECT_EQ(render_miss({}).status, 404);
  const net::Response wrong = render_miss({Code::kNotFound, {"GET", "POST"}});
  EXPECT_EQ(wrong.error_code, "method_not_allowed");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(*net::find_header(wrong.headers, "Allow"), "GET, POST");
  const net::Response malformed = render_miss({Code::kInvalid, {}});
  EXPECT_EQ(malformed.error_code, "invalid_request");
  EXPECT_EQ(malformed.status, 400);
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
