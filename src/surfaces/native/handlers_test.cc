// Handlers as the API makes, shows and changes them, and that they are no endpoints.

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/endpoints.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kHandlers = "/hub/v1/workspaces/acme/handlers";
constexpr std::string_view kHttp = R"("channel": "http", "url": "https://example.com/in")";

class HandlersTest : public NativeApiTest {
 public:
  HandlersTest() {
    ok(201, "POST", "/hub/v1/workspaces/acme/sources",
       R"({"dialect": "stripe", "name": "payments"})");
  }
  std::string of(std::string_view source) {
    return fmt::format("/hub/v1/workspaces/acme/sources/{}/handlers", source);
  }
  json::value create(std::string_view more = {}, std::string_view source = "payments",
                     Headers headers = {}) {
    return ok(201, "POST", of(source),
              fmt::format("{{{}{}{}}}", kHttp, more.empty() ? "" : ", ", more), std::move(headers));
  }
  void refuses(int status, std::string_view code, std::string_view path, std::string_view body,
               Headers headers = {}) {
    refused(status, code, path, "POST", of("payments"), body, std::move(headers));
  }
  std::string path(const json::value& handler, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kHandlers, text(handler, "id"), more);
  }
};

TEST_F(HandlersTest, RetriesAsReceiversDoUnlessItSaysOtherwise) {
  const json::value made = create();
  EXPECT_EQ(text(made, "channel"), "http");
  EXPECT_EQ(text(made, "url"), "https://example.com/in");
  EXPECT_EQ(text(made, "event_types"), R"(["*"])");
  EXPECT_EQ(text(made, "state"), "active");
  EXPECT_EQ(text(made, "dialect"), "null");
  EXPECT_EQ(text(made, "secret"), "null");
  // R-PQ-44
  EXPECT_EQ(text(made, "effective", "retry"), R"(["30s","2m","10m"])");
  EXPECT_EQ(text(made, "effective", "attempts_max"), "4");
  const json::value own = create(R"("retry": ["1s"], "timeout": "5s", "rate_per_second": 7,
      "in_flight_max": 2, "name": "mine", "event_types": ["charge.succeeded"],
      "filter": {"data.object.paid": true})");
  EXPECT_EQ(text(own, "effective", "retry"), R"(["1s"])");
  EXPECT_EQ(text(own, "effective", "timeout"), "5s");
  EXPECT_EQ(text(own, "rate_per_second"), "7");
  EXPECT_EQ(text(own, "filter"), R"({"data.object.paid":true})");
}

TEST_F(HandlersTest, SignsAgainInADialectWithItsOwnSecret) {
  const json::value made = create(R"("dialect": "standard-webhooks")");
  EXPECT_TRUE(text(made, "secret").starts_with("whsec_"));
  EXPECT_EQ(text(made, "has_secret"), "true");
  const net::Response shown = call("GET", path(made));
  EXPECT_EQ(shown.body.find(text(made, "secret")), std::string::npos);
  const json::value own = create(R"("dialect": "proculink", "secret": "a-secret-of-my-own")");
  EXPECT_EQ(text(own, "secret"), "a-secret-of-my-own");
  const json::value received = create(R"("dialect": "woocommerce")");
  EXPECT_EQ(text(received, "dialect"), "woocommerce") << "also one that no endpoint can have";
  EXPECT_EQ(text(received, "has_secret"), "true");
  refuses(400, "dialect_unsigned", "$.dialect",
          R"({"channel": "http", "url": "https://example.com/", "dialect": "precoro"})");
  refuses(400, "member_unknown", "$.secret",
          R"({"channel": "http", "url": "https://example.com/", "secret": "of nothing"})");
}

TEST_F(HandlersTest, RefusesWhatCannotBe) {
  refuses(400, "member_missing", "$.channel", "{}");
  refuses(400, "member_invalid", "$.channel", R"({"channel": "webhook"})");
  refuses(400, "member_missing", "$.url", R"({"channel": "http"})");
  refuses(400, "url_invalid", "$.url", R"({"channel": "http", "url": "nowhere"})");
  refuses(400, "address_blocked", "$.url", R"({"channel": "http", "url": "http://10.0.0.1/"})");
  refuses(400, "handler_settings_invalid", "$.settings.stream",
          R"({"channel": "http", "url": "https://example.com/", "settings": {"stream": "s"}})");
  refuses(400, "dialect_tells_no_events", "$.channel", R"({"channel": "publish"})");
  refuses(400, "dialect_fetches_nothing", "$.channel", R"({"channel": "fetch"})");
  refuses(400, "filter_invalid", "$.filter.a.$no",
          fmt::format(R"({{{}, "filter": {{"a": {{"$no": 1}}}}}})", kHttp));
  refuses(400, "order_by_invalid", "$.order_by",
          fmt::format(R"({{{}, "order_by": "{{body."}})", kHttp));
  refuses(400, "order_ambiguous", "$.order_by",
          fmt::format(R"({{{}, "order_by": "{{body.id}}", "in_order": true}})", kHttp));
  // What endpoints have and handlers do not: they are never switched off.
  refuses(400, "member_unknown", "$.deactivate_after",
          fmt::format(R"({{{}, "deactivate_after": 5}})", kHttp));
  refused(404, "source_not_found", "", "POST", of("nowhere"), fmt::format("{{{}}}", kHttp));
  EXPECT_EQ(text(ok(200, "GET", kHandlers), "rows"), "[]");
}

// What is fetched is in the order in which the fetches ended.
TEST_F(HandlersTest, AHandlerInOrderNeedsAFetcherInOrder) {
  const auto source = [&](std::string_view name) {
    ok(201, "POST", "/hub/v1/workspaces/acme/sources",
       fmt::format(R"({{"dialect": "precoro", "name": "{}"}})", name));
  };
  const auto fetcher = [](std::string_view order) {
    return fmt::format(
        R"({{"channel": "fetch", "settings": {{"base_url": "https://api.example", "token": "t",
             "email": "a@b.c"}}{}}})",
        order);
  };
  const auto handler = [](std::string_view order) { return fmt::format("{{{}{}}}", kHttp, order); };
  const auto accepts = [&](std::string_view name, const std::string& body) {
    ok(201, "POST", of(name), body);
  };
  const auto refuses_order = [&](std::string_view name, const std::string& body) {
    refused(409, "fetcher_not_in_order", "", "POST", of(name), body);
  };
  source("plain");
  accepts("plain", fetcher(""));
  accepts("plain", handler(""));
  refuses_order("plain", handler(R"(, "in_order": true)"));
  refuses_order("plain", handler(R"(, "order_by": "{body.id}")"));
  source("keyed");
  accepts("keyed", handler(R"(, "order_by": "{body.id}")"));
  refuses_order("keyed", fetcher(""));
  refuses_order("keyed", fetcher(R"(, "order_by": "{body.idn}")"));
  accepts("keyed", fetcher(R"(, "order_by": "{body.id}")"));
  refuses_order("keyed", handler(R"(, "in_order": true)"));
  source("strict");
  accepts("strict", fetcher(R"(, "in_order": true)"));
  accepts("strict", handler(R"(, "in_order": true)"));
  accepts("strict", handler(R"(, "order_by": "{body.id}")"));
}

// Else every message would fail, one after the other.
TEST_F(HandlersTest, AFetcherHasWhatItsDialectsRequestsName) {
  ok(201, "POST", "/hub/v1/workspaces/acme/sources", R"({"dialect": "precoro", "name": "buying"})");
  const auto fetcher = [](std::string_view more) {
    return fmt::format(
        R"({{"channel": "fetch", "settings": {{"base_url": "https://api.example"{}}}}})", more);
  };
  refused(400, "handler_settings_invalid", "$.settings.token", "POST", of("buying"),
          fetcher(R"(, "email": "a@b.c")"));
  refused(400, "handler_settings_invalid", "$.settings.email", "POST", of("buying"),
          fetcher(R"(, "token": "t")"));
  const json::value made =
      ok(201, "POST", of("buying"), fetcher(R"(, "email": "a@b.c", "token": "t")"));
  refused(400, "handler_settings_invalid", "$.settings.token", "PATCH", path(made),
          R"({"settings": {"base_url": "https://api.example", "email": "a@b.c"}})");
}

// R-PQ-41: what a platform may come to send is not all known.
TEST_F(HandlersTest, NamesEventsOfACatalogueOrAnyWhereThereIsNone) {
  EXPECT_EQ(text(create(R"("event_types": ["brand.new"])"), "event_types"), R"(["brand.new"])");
  ok(201, "POST", "/hub/v1/workspaces/acme/sources", R"({"dialect": "proculink"})");
  refused(400, "event_type_unknown", "$.event_types[0]", "POST", of("proculink"),
          fmt::format(R"({{{}, "event_types": ["brand.new"]}})", kHttp));
}

// It would run programs, or reach what the egress guard does not judge.
TEST_F(HandlersTest, TheOperatorsOwnAreTheAdminsAlone) {
  const Headers writer = key_with({"sources:write"});
  for (const std::string_view channel : {"command", "file", "redis", "amqp", "kafka", "sql"}) {
    refuses(403, "operator_only", "$.channel", fmt::format(R"({{"channel": "{}"}})", channel),
            writer);
  }
  create("", "payments", writer);
}

// What an operator's runs is begun again by the operator; to stop it takes less.
TEST_F(HandlersTest, TheOperatorsOwnAreStoppedByWhoMayWriteAndResumedByTheAdmin) {
  const json::value made =
      ok(201, "POST", of("payments"),
         R"({"channel": "redis", "settings": {"url": "redis://127.0.0.1:6379", "stream": "s"}})");
  const Headers writer = key_with({"sources:write"});
  EXPECT_EQ(text(ok(200, "POST", path(made, "/pause"), {}, writer), "state"), "paused");
  refused(403, "operator_only", "", "POST", path(made, "/resume"), {}, writer);
  EXPECT_EQ(text(ok(200, "GET", path(made)), "state"), "paused");
  EXPECT_EQ(text(ok(200, "POST", path(made, "/resume")), "state"), "active");
  const json::value own = create("", "payments", writer);
  ok(200, "POST", path(own, "/pause"), {}, writer);
  EXPECT_EQ(text(ok(200, "POST", path(own, "/resume"), {}, writer), "state"), "active");
  EXPECT_EQ(text(ok(200, "DELETE", path(made), {}, writer), "state"), "deleted");
}

TEST_F(HandlersTest, IsNoEndpoint) {
  const json::value made = create(R"("dialect": "procureiq")");
  const std::string as_endpoint = "/hub/v1/workspaces/acme/endpoints/" + text(made, "id");
  EXPECT_EQ(text(ok(200, "GET", "/hub/v1/workspaces/acme/endpoints"), "rows"), "[]");
  refused(404, "endpoint_not_found", "", "GET", as_endpoint);
  refused(404, "endpoint_not_found", "", "PATCH", as_endpoint, R"({"name": "x"})");
  refused(404, "endpoint_not_found", "", "DELETE", as_endpoint);
  refused(404, "endpoint_not_found", "", "POST", as_endpoint + "/pause");
  refused(404, "endpoint_not_found", "", "POST", as_endpoint + "/resume");
  refused(404, "endpoint_not_found", "", "POST", as_endpoint + "/test");
  refused(404, "endpoint_not_found", "", "POST", as_endpoint + "/rotate-secret");
  refused(404, "endpoint_not_found", "", "GET", as_endpoint + "/requests");
  refused(404, "endpoint_not_found", "$.only.endpoint", "POST", "/hub/v1/workspaces/acme/events",
          fmt::format(R"({{"type": "stock.low", "data": {{}}, "only": {{"endpoint": "{}"}}}})",
                      text(made, "id")));
  const std::string event = text(publish(), "id");
  refused(404, "endpoint_not_found", "", "POST",
          fmt::format("/hub/v1/workspaces/acme/events/{}/replay", event),
          fmt::format(R"({{"endpoint": "{}"}})", text(made, "id")));
  EXPECT_EQ(text(ok(200, "GET", path(made)), "state"), "active");
  EXPECT_TRUE(sent.empty());
}

TEST_F(HandlersTest, AnEndpointIsNoHandler) {
  const std::string endpoint = new_endpoint();
  const std::string as_handler = fmt::format("{}/{}", kHandlers, endpoint);
  refused(404, "handler_not_found", "", "GET", as_handler);
  refused(404, "handler_not_found", "", "PATCH", as_handler, R"({"name": "x"})");
  refused(404, "handler_not_found", "", "DELETE", as_handler);
  refused(404, "handler_not_found", "", "POST", as_handler + "/pause");
  refused(404, "handler_not_found", "", "POST", as_handler + "/resume");
  EXPECT_EQ(text(ok(200, "GET", kHandlers), "rows"), "[]");
}

// Its dialect lets a workspace have so many endpoints, and one for a URL.
TEST_F(HandlersTest, TakesNoEndpointsPlace) {
  for (int i = 0; i < 30; ++i) create(R"("dialect": "peptideclients")");
  EXPECT_EQ(text(ok(200, "GET", path(create(R"("dialect": "peptideclients")"))), "state"),
            "active");
  const json::value list = ok(200, "GET", std::string(kHandlers) + "?limit=200");
  EXPECT_EQ(at(list, "rows").as_array().size(), 31u);
  new_endpoint("peptideclients");
}

TEST_F(HandlersTest, ChangesWhatIsNamedAlone) {
  const json::value made = create(R"("order_by": "{body.id}", "name": "first")");
  const json::value changed =
      ok(200, "PATCH", path(made), R"({"url": "https://example.com/other", "retry": ["5s"]})");
  EXPECT_EQ(text(changed, "url"), "https://example.com/other");
  EXPECT_EQ(text(changed, "name"), "first");
  EXPECT_EQ(text(changed, "effective", "retry"), R"(["5s"])");
  EXPECT_EQ(text(ok(200, "PATCH", path(made), R"({"retry": null})"), "effective", "attempts_max"),
            "4");
  refused(409, "handler_order_fixed", "$.order_by", "PATCH", path(made),
          R"({"order_by": "{body.other}"})");
  refused(409, "handler_order_fixed", "$.in_order", "PATCH", path(made), R"({"in_order": true})");
  const std::size_t entries = audit_actions().size();
  ok(200, "PATCH", path(made), R"({"name": "first"})");
  EXPECT_EQ(audit_actions().size(), entries);
}

TEST_F(HandlersTest, IsPausedResumedAndDeleted) {
  const json::value made = create();
  EXPECT_EQ(text(ok(200, "POST", path(made, "/pause")), "state"), "paused");
  EXPECT_EQ(text(ok(200, "GET", std::string(kHandlers) + "?state=paused"), "rows", 0, "id"),
            text(made, "id"));
  EXPECT_EQ(text(ok(200, "POST", path(made, "/resume")), "state"), "active");
  EXPECT_EQ(text(ok(200, "DELETE", path(made)), "state"), "deleted");
  EXPECT_EQ(text(ok(200, "GET", path(made)), "state"), "deleted");
  refused(404, "handler_not_found", "", "PATCH", path(made), R"({"name": "x"})");
  const auto actions = audit_actions();
  for (const char* action :
       {"handler.create", "handler.pause", "handler.resume", "handler.delete"}) {
    EXPECT_EQ(std::ranges::count(actions, action), 1) << action;
  }
}

TEST_F(HandlersTest, AreListedBySource) {
  const json::value first = create();
  ok(201, "POST", "/hub/v1/workspaces/acme/sources", R"({"dialect": "github"})");
  const json::value second = create("", "github");
  EXPECT_EQ(at(ok(200, "GET", kHandlers), "rows").as_array().size(), 2u);
  const json::value list = ok(200, "GET", std::string(kHandlers) + "?source=github");
  ASSERT_EQ(at(list, "rows").as_array().size(), 1u);
  EXPECT_EQ(text(list, "rows", 0, "id"), text(second, "id"));
  refused(404, "source_not_found", "", "GET", std::string(kHandlers) + "?source=nowhere");
}

}  // namespace
}  // namespace waybill::surfaces::native
