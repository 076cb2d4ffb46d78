// How an endpoint is sent to, as an operator sets it: headers, order, deactivation.

#include <algorithm>

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kEndpoints = "/hub/v1/workspaces/acme/endpoints";

TEST_F(NativeApiTest, AnEndpointsHeadersAreSentAndNeverShown) {
  const json::value made = ok(201, "POST", kEndpoints,
                              R"({"dialect": "standard-webhooks", "url": "https://a.example/",
      "headers": {"X-Tenant": "acme", "Authorization": "Bearer hush"}})");
  const std::string path = kEndpoints + "/" + text(made, "id");
  const json::object masked{{"X-Tenant", "***"}, {"Authorization", "***"}};
  EXPECT_EQ(at(made, "headers"), masked);
  EXPECT_EQ(at(ok(200, "GET", path), "headers"), masked);
  EXPECT_EQ(at(ok(200, "GET", kEndpoints), "rows", 0, "headers"), masked);
  publish();
  ASSERT_EQ(sent.size(), 1u);
  const auto place = [&](std::string_view name) {
    return std::ranges::find_if(sent[0].headers,
                                [&](const net::Header& header) {
                                  return net::same_header_name(header.name, name);
                                }) -
           sent[0].headers.begin();
  };
  EXPECT_EQ(*net::find_header(sent[0].headers, "X-Tenant"), "acme");
  EXPECT_EQ(*net::find_header(sent[0].headers, "Authorization"), "Bearer hush");
  EXPECT_LT(place("webhook-timestamp"), place("X-Tenant"));
  EXPECT_LT(place("Authorization"), place("webhook-signature"));

  // All are replaced; a change of a value alone is a change.
  ok(200, "PATCH", path, R"({"headers": {"Authorization": "Bearer whisper"}})");
  publish();
  EXPECT_EQ(net::find_header(sent[1].headers, "X-Tenant"), nullptr);
  EXPECT_EQ(*net::find_header(sent[1].headers, "Authorization"), "Bearer whisper");
  ok(200, "PATCH", path, R"({"headers": {"Authorization": "Bearer murmur"}})");
  publish();
  EXPECT_EQ(*net::find_header(sent[2].headers, "Authorization"), "Bearer murmur");
  EXPECT_EQ(at(ok(200, "PATCH", path, R"({"headers": null})"), "headers"), json::object());
  publish();
  EXPECT_EQ(net::find_header(sent[3].headers, "Authorization"), nullptr);

  const std::string audit = write_json(ok(200, "GET", "/hub/v1/workspaces/acme/audit"));
  EXPECT_NE(audit.find("Authorization"), std::string::npos);
  for (const char* secret : {"hush", "whisper", "murmur"}) {
    EXPECT_EQ(audit.find(secret), std::string::npos) << secret;
  }
  EXPECT_NE(audit.find(R"("headers_changed":true)"), std::string::npos);
}

TEST_F(NativeApiTest, AnEndpointsHeadersAreSealedInTheStore) {
  ok(201, "POST", kEndpoints, R"({"dialect": "standard-webhooks", "url": "https://a.example/",
      "headers": {"Authorization": "Bearer hush"}})");
  int found = 0;
  const auto read = run(database->read([&](store::Connection& connection) {
    return connection.query("SELECT headers FROM endpoints WHERE headers IS NOT NULL", {},
                            [&](const store::Row& row) {
                              ++found;
                              EXPECT_GT(row.bytes(0).size(), 20u);
                              EXPECT_EQ(as_text(row.bytes(0)).find("hush"), std::string_view::npos);
                            });
  }));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(found, 1);
}

TEST_F(NativeApiTest, AnEndpointsPoliciesAreChecked) {
  struct Case {
    std::string_view more;
    std::string_view code;
    std::string_view at;
  };
  const std::string path = kEndpoints + "/" + new_endpoint();
  for (const Case& c : {
           Case{R"("headers": {"Host": "x"})", "header_forbidden", "$.headers.Host"},
           Case{R"("headers": {"content-type": "x"})", "header_forbidden",
                R"($.headers["content-type"])"},
           Case{R"("headers": {"Webhook-Id": "x"})", "header_forbidden",
                R"($.headers["Webhook-Id"])"},
           Case{R"("headers": {"X": "***"})", "header_invalid", "$.headers.X"},
           Case{R"("headers": {"X": "ä"})", "header_invalid", "$.headers.X"},
           Case{R"("headers": {"X": ""})", "header_invalid", "$.headers.X"},
           Case{R"("headers": {"X": "1", "x": "2"})", "header_invalid", "$.headers.x"},
           Case{R"("headers": {"X": "a\r\nb"})", "member_invalid", "$.headers.X"},
           Case{R"("headers": {"X": 1})", "member_type", "$.headers.X"},
           Case{R"("headers": ["X"])", "member_type", "$.headers"},
           Case{R"("deactivate_after": -1)", "member_invalid", "$.deactivate_after"},
           Case{R"("deactivate_after": 1001)", "member_invalid", "$.deactivate_after"},
           Case{R"("exhausted": "retired")", "member_invalid", "$.exhausted"},
           Case{R"("in_order": 1)", "member_type", "$.in_order"},
       }) {
    refused(400, c.code, c.at, "PATCH", path, fmt::format("{{{}}}", c.more));
    refused(400, c.code, c.at, "POST", kEndpoints,
            fmt::format(R"({{"dialect": "standard-webhooks", "url": "https://a.example/", {}}})",
                        c.more));
  }
  std::string many;
  for (int i = 0; i <= 20; ++i) many += fmt::format(R"({}"X{}": "v")", i > 0 ? "," : "", i);
  refused(400, "member_invalid", "$.headers", "PATCH", path,
          fmt::format(R"({{"headers": {{{}}}}})", many));
  EXPECT_EQ(at(ok(200, "GET", path), "headers"), json::object());
}

TEST_F(NativeApiTest, AnEndpointsDeactivationIsItsOwnUntilItIsLeftToTheDialect) {
  const std::string path =
      kEndpoints + "/" +
      new_endpoint("proculink", R"("deactivate_after": 5, "exhausted": "deactivated")");
  json::value endpoint = ok(200, "GET", path);
  EXPECT_EQ(text(endpoint, "deactivate_after"), "5");
  EXPECT_EQ(text(endpoint, "effective", "deactivate_after"), "5");
  EXPECT_EQ(text(endpoint, "exhausted"), "deactivated");
  EXPECT_EQ(text(endpoint, "effective", "exhausted"), "deactivated");
  endpoint = ok(200, "PATCH", path, R"({"deactivate_after": 0})");
  EXPECT_EQ(text(endpoint, "effective", "deactivate_after"), "0");
  endpoint = ok(200, "PATCH", path, R"({"deactivate_after": null, "exhausted": null})");
  EXPECT_TRUE(at(endpoint, "deactivate_after").is_null());
  EXPECT_EQ(text(endpoint, "effective", "deactivate_after"), "3");
  EXPECT_EQ(text(endpoint, "effective", "exhausted"), "dropped");
}

TEST_F(NativeApiTest, AnEndpointIsDeactivatedByItsOwnRuleWithTheReason) {
  receiver = [](const net::ClientRequest&) {
    net::ClientResponse response;
    response.status = 500;
    return response;
  };
  const std::string by_count = new_endpoint("standard-webhooks", R"("deactivate_after": 2)");
  const std::string by_last =
      new_endpoint("standard-webhooks", R"("retry": ["1m", "1m"], "exhausted": "deactivated")");
  publish();
  publish();
  clock.run_for(10min);
  EXPECT_EQ(text(ok(200, "GET", kEndpoints + "/" + by_count), "state"), "deactivated");
  EXPECT_EQ(text(ok(200, "GET", kEndpoints + "/" + by_count), "state_reason"),
            "2 deliveries in a row failed.");
  EXPECT_EQ(text(ok(200, "GET", kEndpoints + "/" + by_last), "state"), "deactivated");
  EXPECT_EQ(text(ok(200, "GET", kEndpoints + "/" + by_last), "state_reason"),
            "A delivery failed 3 times.");
}

TEST_F(NativeApiTest, WhetherAnEndpointIsSentToInOrderIsFixedWhenItIsMade) {
  const std::string path =
      kEndpoints + "/" + new_endpoint("standard-webhooks", R"("in_order": true)");
  EXPECT_EQ(text(ok(200, "GET", path), "in_order"), "true");
  ok(200, "PATCH", path, R"({"in_order": true, "description": "same"})");
  refused(409, "endpoint_order_fixed", "$.in_order", "PATCH", path, R"({"in_order": false})");
  publish();
  publish();
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(NativeApiTest, AlertsAreMadeByTheHubOnly) {
  for (const char* type : {"endpoint.deactivated", "endpoint.failing", "delivery.dropped"}) {
    refused(400, "event_type_reserved", "$.type", "POST", "/hub/v1/workspaces/acme/events",
            fmt::format(R"({{"type": "{}", "data": {{}}}})", type));
  }
}

// What only its receiver should see went to another host with the address.
TEST_F(NativeApiTest, HeadersDoNotFollowAnEndpointToAnotherHost) {
  const json::value made = ok(201, "POST", kEndpoints, R"({"dialect": "standard-webhooks",
      "url": "https://a.example/x", "headers": {"Authorization": "Bearer hush"}})");
  const std::string path = kEndpoints + "/" + text(made, "id");
  refused(409, "endpoint_headers_bound", "$.url", "PATCH", path,
          R"({"url": "https://evil.example/x"})");
  refused(409, "endpoint_headers_bound", "$.url", "PATCH", path,
          R"({"url": "https://a.example:8443/x"})");
  ok(200, "PATCH", path, R"({"url": "https://a.example/y"})");
  ok(200, "PATCH", path,
     R"({"url": "https://b.example/", "headers": {"Authorization": "Bearer b"}})");
  ok(200, "PATCH", path, R"({"url": "https://c.example/", "headers": null})");
  ok(200, "PATCH", path, R"({"url": "https://d.example/"})");
}

}  // namespace
}  // namespace waybill::surfaces::native
