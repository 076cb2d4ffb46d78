// How many requests each API key may make, at every door.

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "intake/order_intake.h"
#include "surfaces/hub_fixture.h"
#include "surfaces/proculink/proculink_api.h"

namespace waybill::surfaces {
namespace {

using namespace std::chrono_literals;

class RateLimitTest : public HubFixture {
 public:
  static constexpr int kPerSecond = 3;

  RateLimitTest() : HubFixture(kPerSecond) {
    api.add_routes(router);
    call("POST", "/hub/v1/workspaces", R"({"slug":"acme"})");
  }

  std::string new_key(std::string_view platform) {
    const std::string_view scopes = platform == "waybill" ? R"(,"scopes":["*"])" : "";
    return std::string(json_of(call("POST", "/hub/v1/workspaces/acme/keys",
                                    fmt::format(R"({{"platform":"{}"{}}})", platform, scopes)))
                           .at("key")
                           .as_string());
  }
  net::Response ping(const std::string& key) {
    return call("GET", "/api/ingress/acme/ping", {}, {{"X-ProcuLink-Key", key}});
  }
  net::Response get_workspace(const std::string& token) {
    return call("GET", "/hub/v1/workspaces/acme", {}, {{"Authorization", "Bearer " + token}});
  }

  intake::OrderIntake orders{clock, ids, *database, acceptance};
  proculink::ProcuLinkApi api{
      {.log = log, .keys = keys, .orders = orders, .dispatcher = dispatcher}};
};

TEST_F(RateLimitTest, OfProcuLinkIsToldInItsOwnShape) {
  const std::string key = new_key("proculink");
  for (int i = 0; i < kPerSecond; ++i) EXPECT_EQ(ping(key).status, 200) << i;

  const net::Response answer = ping(key);
  EXPECT_EQ(answer.status, 429);
  ASSERT_NE(net::find_header(answer.headers, "Retry-After"), nullptr);
  EXPECT_EQ(*net::find_header(answer.headers, "Retry-After"), "1");
  const json::value body = json_of(answer);
  EXPECT_EQ(body.at("code").as_string(), "rate_limited");
  EXPECT_EQ(body.at("error").as_string(),
            "This API key may make 3 requests a second; try again in a second.");
}

TEST_F(RateLimitTest, OfTheNativeApiIsToldAsAProblem) {
  const std::string key = new_key("waybill");
  for (int i = 0; i < kPerSecond; ++i) EXPECT_EQ(get_workspace(key).status, 200) << i;

  const net::Response answer = get_workspace(key);
  EXPECT_EQ(answer.status, 429);
  ASSERT_NE(net::find_header(answer.headers, "Retry-After"), nullptr);
  EXPECT_EQ(*net::find_header(answer.headers, "Retry-After"), "1");
  EXPECT_EQ(*net::find_header(answer.headers, "Content-Type"), "application/problem+json");
  const json::value body = json_of(answer);
  EXPECT_EQ(body.at("code").as_string(), "rate_limited");
  EXPECT_EQ(body.at("status").as_int64(), 429);
  EXPECT_EQ(body.at("title").as_string(), "Too Many Requests");
}

TEST_F(RateLimitTest, IsOverWhenRetryAfterSays) {
  const std::string key = new_key("proculink");
  for (int i = 0; i < 10 * kPerSecond; ++i) ping(key);
  EXPECT_EQ(ping(key).status, 429);
  clock.run_for(1s);
  EXPECT_EQ(ping(key).status, 200);
}

TEST_F(RateLimitTest, OfOneKeyLeavesAnotherAlone) {
  const std::string flood = new_key("proculink");
  const std::string quiet = new_key("proculink");
  const std::string native = new_key("waybill");
  for (int i = 0; i < 100; ++i) ping(flood);
  EXPECT_EQ(ping(flood).status, 429);
  for (int i = 0; i < kPerSecond; ++i) {
    EXPECT_EQ(ping(quiet).status, 200) << i;
    EXPECT_EQ(get_workspace(native).status, 200) << i;
  }
}

// Nothing has happened when a request is refused: the same order goes in a second later.
TEST_F(RateLimitTest, RefusesAnOrderBeforeAnythingIsAccepted) {
  call("POST", "/hub/v1/workspaces/acme/suppliers", R"({"name":"Acme Paper"})");
  const std::string key = new_key("proculink");
  for (int i = 0; i < kPerSecond; ++i) ping(key);
  const auto post = [&] {
    return call("POST", "/api/ingress/acme/orders",
                R"({"orderNumber":"PO-1","orderDate":"2026-06-12","currency":"EUR",)"
                R"("supplierId":"Acme Paper","lines":[{"buyerItemCode":"A","description":"Paper",)"
                R"("quantity":10,"unit":"box","unitPrice":24.9}]})",
                {{"X-ProcuLink-Key", key}, {"Idempotency-Key", "one"}});
  };
  EXPECT_EQ(post().status, 429);
  const auto count = [&] {
    return json_of(call("GET", "/hub/v1/workspaces/acme/orders")).at("rows").as_array().size();
  };
  EXPECT_EQ(count(), 0u);
  clock.run_for(1s);
  EXPECT_EQ(post().status, 201);
  EXPECT_EQ(count(), 1u);
}

// Whoever has to revoke the key of a flood must get in.
TEST_F(RateLimitTest, DoesNotHoldForTheAdminToken) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(get_workspace(std::string(kAdminTokenText)).status, 200) << i;
  }
}

}  // namespace
}  // namespace waybill::surfaces
