// The request log, read.

#include <string>
#include <vector>

#include <fmt/format.h>

#include "store/request_log.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRequests = "/hub/v1/workspaces/acme/requests";

class RequestsTest : public NativeApiTest {
 public:
  RequestsTest() {
    run(database->read([&](store::Connection& c) {
      return c.query("SELECT workspace_id FROM workspaces", {},
                     [&](const store::Row& row) { workspace = row.id<model::WorkspaceId>(0); });
    })).value();
  }

  model::LoggedRequest make(std::string path = "/v1/orders", int status = 200,
                            std::string error_code = "") {
    model::LoggedRequest request;
    request.id = ids.next_id<model::LoggedRequestId>();
    request.workspace_id = workspace;
    request.at = clock.now();
    request.method = "GET";
    request.path = std::move(path);
    request.status = status;
    request.error_code = std::move(error_code);
    request.latency = 1'250us;
    request.request_id = "id-" + request.path;
    return request;
  }
  model::LoggedRequest add(const model::LoggedRequest& request) {
    const auto done = run(database->run([&](store::Connection& c) {
      return store::request_log::insert(c, workspace.uuid(), {&request, 1});
    }));
    WAYBILL_CHECK(done.has_value(), done.error().message);
    return request;
  }
  // The paths that a query finds, newest first.
  std::vector<std::string> found(std::string_view query) {
    std::vector<std::string> paths;
    const json::value list = ok(200, "GET", fmt::format("{}?{}", kRequests, query));
    for (const json::value& row : at(list, "rows").as_array()) paths.push_back(text(row, "path"));
    return paths;
  }

  model::WorkspaceId workspace;
};

using Paths = std::vector<std::string>;

TEST_F(RequestsTest, ARequestIsShownWithItsBodies) {
  model::LoggedRequest request = make("/v1/orders", 404, "order_not_found");
  request.key_id = ids.next_id<model::ApiKeyId>();
  request.request_bytes = 100'000;
  request.request_body = "{\"a\":\"\xC3";  // Cut within a character.
  add(request);
  const json::value read = ok(200, "GET", fmt::format("{}/{}", kRequests, request.id.text()));
  EXPECT_EQ(text(read, "key_id"), request.key_id->text());
  EXPECT_EQ(text(read, "error_code"), "order_not_found");
  EXPECT_EQ(text(read, "latency_ms"), "1.25");
  EXPECT_EQ(text(read, "request_bytes"), "100000");
  EXPECT_EQ(text(read, "request_body"), "{\"a\":\"\xEF\xBF\xBD");
  EXPECT_TRUE(at(read, "response_body").is_null());
  refused(404, "request_not_found", "", "GET", fmt::format("{}/none", kRequests));
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "other"})");
  refused(404, "request_not_found", "", "GET",
          fmt::format("/hub/v1/workspaces/other/requests/{}", request.id.text()));
}

// An order of WooCommerce that cannot be read is answered with 200, and its reason found nothing.
TEST_F(RequestsTest, WhatWasNotedIsFoundByItsReason) {
  add(make("/other"));
  add(make("/noted", 200, "order_amount_invalid"));
  add(make("/failed", 500, "internal_error"));
  EXPECT_EQ(found("error_code=order_amount_invalid"), Paths{"/noted"});
  EXPECT_EQ(found("error_code=order_amount_invalid&status=200"), Paths{"/noted"});
  EXPECT_EQ(found("error_code=order_amount_invalid&min_status=400"), Paths{});
  EXPECT_EQ(found("min_status=400"), Paths{"/failed"});
  EXPECT_EQ(found("status=200"), (Paths{"/noted", "/other"}));
}

TEST_F(RequestsTest, EachFilterFindsWhatItSays) {
  model::LoggedRequest with_key = make("/key");
  with_key.key_id = ids.next_id<model::ApiKeyId>();
  add(with_key);
  model::LoggedRequest posted = make("/posted", 201);
  posted.method = "POST";
  add(posted);
  add(make("/v1/orders/1", 404, "order_not_found"));
  add(make("/v1/orders", 500, "internal_error"));
  add(make("/V1/orders", 429, "rate_limited"));
  clock.run_for(1h);
  add(make("/late"));

  EXPECT_EQ(found(""),
            (Paths{"/late", "/V1/orders", "/v1/orders", "/v1/orders/1", "/posted", "/key"}));
  EXPECT_EQ(found("key=" + with_key.key_id->text()), Paths{"/key"});
  EXPECT_EQ(found("status=201"), Paths{"/posted"});
  EXPECT_EQ(found("status=404"), Paths{"/v1/orders/1"});
  EXPECT_EQ(found("min_status=400"), (Paths{"/V1/orders", "/v1/orders", "/v1/orders/1"}));
  EXPECT_EQ(found("min_status=201&method=POST"), Paths{"/posted"});
  EXPECT_EQ(found("method=POST"), Paths{"/posted"});
  EXPECT_EQ(found("path=/v1/orders"), (Paths{"/v1/orders", "/v1/orders/1"}));
  EXPECT_EQ(found("path=/v1/orders&min_status=500"), Paths{"/v1/orders"});
  EXPECT_EQ(found("path=%25"), Paths{}) << "no pattern";
  EXPECT_EQ(found("error_code=rate_limited"), Paths{"/V1/orders"});
  EXPECT_EQ(found("request_id=id-/posted"), Paths{"/posted"});
  EXPECT_EQ(found("since=30m"), Paths{"/late"});
  EXPECT_EQ(found("until=30m&min_status=500"), Paths{"/v1/orders"});
  for (const std::string_view query : {"status=ok", "status=99", "min_status=600", "key=none"}) {
    refused(400, "query_invalid", "", "GET", fmt::format("{}?{}", kRequests, query));
  }
}

TEST_F(RequestsTest, ThePagesOfAFilterHaveEachRowOnce) {
  for (int i = 0; i < 7; ++i) {
    add(make(fmt::format("/{}", i), 400, "invalid_json"));
    add(make("/fine"));
  }
  Paths paths;
  std::string cursor;
  do {
    const json::value page = ok(200, "GET",
                                fmt::format("{}?limit=3&error_code=invalid_json{}", kRequests,
                                            cursor.empty() ? "" : "&cursor=" + cursor));
    for (const json::value& row : at(page, "rows").as_array()) paths.push_back(text(row, "path"));
    cursor = at(page, "next_cursor").is_null() ? "" : text(page, "next_cursor");
  } while (!cursor.empty());
  EXPECT_EQ(paths, (Paths{"/6", "/5", "/4", "/3", "/2", "/1", "/0"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
