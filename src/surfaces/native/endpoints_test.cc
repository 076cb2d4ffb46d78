#include <fmt/format.h>

#include "dialect/dialect.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kEndpoints = "/hub/v1/workspaces/acme/endpoints";
constexpr std::string_view kSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

// Whether one of `secrets` signed what was sent.
bool is_signed_by(const dialect::DialectRegistry& dialects, const net::ClientRequest& request,
                  const std::vector<std::string>& secrets, Timestamp now) {
  const std::vector<Secret> keys(secrets.begin(), secrets.end());
  return dialect::verify(*dialects.find("standard-webhooks"), request.headers, request.body, keys,
                         now)
      .has_value();
}

TEST_F(NativeApiTest, AnEndpointIsCreatedWithASecretThatIsShownOnce) {
  const json::value made =
      ok(201, "POST", kEndpoints,
         R"({"dialect": "standard-webhooks", "url": "https://example.com/hook"})");
  EXPECT_EQ(at(made, "event_types"), json::array{"*"});
  EXPECT_EQ(text(made, "state"), "active");
  EXPECT_EQ(text(made, "has_secret"), "true");
  EXPECT_EQ(text(made, "secret"), text(made, "verification_key"));
  EXPECT_EQ(text(made, "effective", "timeout"), "20s");
  EXPECT_EQ(text(made, "effective", "attempts_max"), "10");
  EXPECT_TRUE(at(made, "retry").is_null());

  json::value read = ok(200, "GET", kEndpoints + "/" + text(made, "id"));
  EXPECT_FALSE(read.as_object().contains("secret"));
  EXPECT_EQ(at(ok(200, "GET", kEndpoints), "rows", 0), read);
  EXPECT_EQ(ok(200, "GET", kEndpoints).as_object().at("rows").as_array().size(), 1u);
  EXPECT_EQ(at(ok(200, "GET", kEndpoints + "?dialect=proculink"), "rows"), json::array());
  refused(404, "endpoint_not_found", "", "GET", kEndpoints + "/none");
}

TEST_F(NativeApiTest, AnEndpointWithoutASecretSaysSo) {
  const json::value made =
      ok(201, "POST", kEndpoints, R"({"dialect": "proculink", "url": "https://example.com/h"})");
  EXPECT_TRUE(at(made, "secret").is_null());
  EXPECT_TRUE(at(made, "verification_key").is_null());
  EXPECT_EQ(text(made, "has_secret"), "false");
}

TEST_F(NativeApiTest, AnEndpointsSettingsAreChecked) {
  struct Case {
    std::string_view dialect;
    std::string_view more;  // Members beside the dialect.
    std::string_view code;
    std::string_view at;
  };
  const std::string_view standard = "standard-webhooks";
  const Case cases[] = {
      {"klingon", R"("url": "https://a.example/")", "dialect_unknown", "$.dialect"},
      {"stripe", R"("url": "https://a.example/")", "dialect_receives_only", "$.dialect"},
      {standard, R"("description": "")", "member_missing", "$.url"},
      {standard, R"("url": "a.example")", "url_invalid", "$.url"},
      {standard, R"("url": "ftp://a.example/")", "url_invalid", "$.url"},
      {standard, R"("url": "https://me:pw@a.example/")", "url_invalid", "$.url"},
      {standard, R"("url": "https://127.0.0.1/")", "address_blocked", "$.url"},
      {standard, R"("url": "https://[::1]/")", "address_blocked", "$.url"},
      {standard, R"("url": "https://[::ffff:10.0.0.1]/")", "address_blocked", "$.url"},
      {standard, R"("url": "https://169.254.169.254/latest")", "address_blocked", "$.url"},
      {standard, R"("url": "http://LOCALHOST:9000/")", "address_blocked", "$.url"},
      {standard, R"("url": "https://a.example/", "event_types": [])", "member_invalid",
       "$.event_types"},
      {standard, R"("url": "https://a.example/", "event_types": "*")", "member_type",
       "$.event_types"},
      {"proculink", R"("url": "https://a.example/", "event_types": ["order.created", "stock.low"])",
       "event_type_unknown", "$.event_types[1]"},
      {standard, R"("url": "https://a.example/", "secret": "short")", "secret_invalid", "$.secret"},
      {standard, R"("url": "https://a.example/", "retry": ["1m", "8d"])", "member_invalid",
       "$.retry[1]"},
      {standard, R"("url": "https://a.example/", "retry": ["0s"])", "member_invalid", "$.retry[0]"},
      {standard, R"("url": "https://a.example/", "timeout": "61s")", "member_invalid", "$.timeout"},
      {standard, R"("url": "https://a.example/", "timeout": "999ms")", "member_invalid",
       "$.timeout"},
      {standard, R"("url": "https://a.example/", "rate_per_second": 0)", "member_invalid",
       "$.rate_per_second"},
      {standard, R"("url": "https://a.example/", "rate_per_second": 10001)", "member_invalid",
       "$.rate_per_second"},
      {standard, R"("url": "https://a.example/", "in_flight_max": 1001)", "member_invalid",
       "$.in_flight_max"},
      {standard, R"("url": "https://a.example/", "in_flight_max": "9")", "member_type",
       "$.in_flight_max"},
      {standard, R"("url": "https://a.example/", "state": "deleted")", "member_invalid", "$.state"},
      {standard, R"("url": "https://a.example/", "states": "paused")", "member_unknown",
       "$.states"},
  };
  for (const Case& c : cases) {
    refused(400, c.code, c.at, "POST", kEndpoints,
            fmt::format(R"({{"dialect": "{}", {}}})", c.dialect, c.more));
  }
  const net::Response unknown =
      call("POST", kEndpoints,
           R"({"dialect": "proculink", "url": "https://a.example/", "event_types": ["x"]})");
  EXPECT_NE(text(json_of(unknown), "detail").find("order.created"), std::string::npos)
      << "the catalogue is named";
}

// A dialect of the test's own, for the rules that none of the built-in ones has.
TEST_F(NativeApiTest, ADialectsRulesForSecretsAddressesAndNumbersHold) {
  dialect::Dialect strict = *dialects.find("proculink");
  strict.title = "Strict";
  strict.endpoint.https_required = true;
  strict.endpoint.secret = dialect::EndpointRules::SecretRule::kNone;
  const auto services = [&](bool insecure) {
    return Services{.clock = clock,
                    .log = log,
                    .ids = ids,
                    .database = *database,
                    .dialects = dialects,
                    .secret_box = secret_box,
                    .acceptance = acceptance,
                    .recovery = recovery,
                    .dispatcher = dispatcher,
                    .endpoints = endpoints,
                    .keys = keys,
                    .sources = sources,
                    .guard = guard,
                    .backup = backup,
                    .admin_token_hash = {},
                    .allow_insecure_endpoints = insecure,
                    .version = {}};
  };
  const auto fault = [&](std::string_view body, bool insecure) -> std::string {
    const json::value object = parse_json(body).value();
    ObjectReader reader(object.as_object());
    read_url(reader, services(insecure), strict);
    read_secret(reader, strict);
    const auto done = reader.done();
    return done ? "" : done.error().reason + " " + done.error().path;
  };
  EXPECT_EQ(fault(R"({"url": "http://a.example/"})", false), "url_not_https $.url");
  EXPECT_EQ(fault(R"({"url": "http://a.example/"})", true), "");
  EXPECT_EQ(fault(R"({"url": "https://a.example/"})", false), "");
  EXPECT_EQ(fault(R"({"secret": "abc"})", false), "secret_not_used $.secret");
}

// R-PC-35: at most ten enabled ones.
TEST_F(NativeApiTest, ADialectMayLimitItsActiveEndpointsAlone) {
  const std::string body = R"({"dialect": "peptideclients", "url": "https://example.com/h"})";
  std::vector<std::string> made;
  for (int i = 0; i < 10; ++i) made.push_back(text(ok(201, "POST", kEndpoints, body), "id"));
  refused(409, "endpoints_max_reached", "", "POST", kEndpoints, body);
  ok(200, "POST", kEndpoints + "/" + made[0] + "/pause");
  ok(200, "POST", kEndpoints + "/" + made[0] + "/resume");
  ok(200, "POST", kEndpoints + "/" + made[0] + "/pause");
  ok(201, "POST", kEndpoints, body);
  refused(409, "endpoints_max_reached", "", "POST", kEndpoints + "/" + made[0] + "/resume");
}

// R-PR-2, A-PR-11: five distinct URLs.
TEST_F(NativeApiTest, ADialectMayHaveOneEndpointForAUrl) {
  const auto body = [](std::string_view path) {
    return fmt::format(R"({{"dialect": "precoro", "url": "https://example.com/{}"}})", path);
  };
  const std::string first = text(ok(201, "POST", kEndpoints, body("a")), "id");
  refused(409, "endpoint_url_taken", "$.url", "POST", kEndpoints, body("a"));
  const std::string second = text(ok(201, "POST", kEndpoints, body("b")), "id");
  refused(409, "endpoint_url_taken", "$.url", "PATCH", kEndpoints + "/" + second,
          R"({"url": "https://example.com/a"})");
  ok(200, "PATCH", kEndpoints + "/" + first, R"({"url": "https://example.com/a"})");
  ok(200, "DELETE", kEndpoints + "/" + first);
  ok(200, "PATCH", kEndpoints + "/" + second, R"({"url": "https://example.com/a"})");
}

TEST_F(NativeApiTest, AnEndpointIsChangedMemberByMember) {
  const std::string path =
      kEndpoints + "/" + new_endpoint("standard-webhooks", R"("timeout": "5s", "retry": ["1m"])");
  clock.run_for(1s);
  const json::value changed = ok(200, "PATCH", path,
                                 R"({"url": "https://example.com/other", "timeout": null,
                                     "event_types": ["stock.low"], "rate_per_second": 7,
                                     "in_flight_max": 3, "description": "The shop"})");
  EXPECT_EQ(text(changed, "url"), "https://example.com/other");
  EXPECT_TRUE(at(changed, "timeout").is_null());
  EXPECT_EQ(text(changed, "effective", "timeout"), "20s");
  EXPECT_EQ(at(changed, "retry"), json::array{"1m"}) << "what is absent stays";
  EXPECT_EQ(text(changed, "effective", "attempts_max"), "2");
  EXPECT_EQ(text(changed, "rate_per_second"), "7");
  EXPECT_EQ(text(changed, "updated_at"), "2026-01-01T12:00:01.000Z");
  EXPECT_EQ(ok(200, "GET", path), changed);

  // The next delivery goes to the new address.
  publish("stock.low");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].url.target, "/other");
  publish("stock.out");
  EXPECT_EQ(sent.size(), 1u) << "it does not subscribe to that any more";

  refused(400, "member_unknown", "$.dialect", "PATCH", path, R"({"dialect": "proculink"})");
  refused(400, "address_blocked", "$.url", "PATCH", path, R"({"url": "https://10.0.0.1/"})");
  refused(404, "endpoint_not_found", "", "PATCH", kEndpoints + "/none", "{}");
}

TEST_F(NativeApiTest, ADialectCanForbidThatAddressAndEventsChange) {
  const std::string path = kEndpoints + "/" + new_endpoint("proculink");
  refused(409, "endpoint_not_editable", "$.url", "PATCH", path, R"({"url": "https://b.example/"})");
  refused(409, "endpoint_not_editable", "$.event_types", "PATCH", path,
          R"({"event_types": ["*"]})");
  EXPECT_EQ(text(ok(200, "PATCH", path, R"({"timeout": "9s"})"), "timeout"), "9s");
}

TEST_F(NativeApiTest, APausedEndpointCollectsAndIsSentItWhenResumed) {
  const std::string path = kEndpoints + "/" + new_endpoint();
  EXPECT_EQ(text(ok(200, "POST", path + "/pause"), "state"), "paused");
  const json::value event = publish();
  EXPECT_EQ(text(event, "deliveries", 0, "state"), "pending");
  clock.run_for(1h);
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(text(ok(200, "POST", path + "/pause"), "state"), "paused") << "pausing twice is fine";

  const json::value resumed = ok(200, "POST", path + "/resume");
  EXPECT_EQ(text(resumed, "state"), "active");
  EXPECT_EQ(text(resumed, "state_reason"), "");
  clock.run_for(1s);
  EXPECT_EQ(sent.size(), 1u);
  ok(200, "POST", path + "/resume");
  EXPECT_EQ(audit_actions(), (std::vector<std::string>{"endpoint.resume", "endpoint.pause",
                                                       "endpoint.create", "workspace.create"}))
      << "what changed nothing is not in the log";
}

TEST_F(NativeApiTest, ADeactivatedEndpointIsResumedWithAFreshCount) {
  const std::string path = kEndpoints + "/" + new_endpoint("proculink");
  receiver = [](const net::ClientRequest&) {
    net::ClientResponse response;
    response.status = 500;
    return response;
  };
  publish("order.created");
  clock.run_for(1h);
  json::value endpoint = ok(200, "GET", path);
  EXPECT_EQ(text(endpoint, "state"), "deactivated");
  EXPECT_EQ(text(endpoint, "consecutive_failures"), "3");
  EXPECT_NE(text(endpoint, "state_reason"), "");
  EXPECT_EQ(at(ok(200, "GET", kEndpoints + "?state=deactivated"), "rows", 0), endpoint);

  endpoint = ok(200, "POST", path + "/resume");
  EXPECT_EQ(text(endpoint, "state"), "active");
  EXPECT_EQ(text(endpoint, "consecutive_failures"), "0");
}

TEST_F(NativeApiTest, DeletingAnEndpointCancelsWhatWaitsForIt) {
  const std::string id = new_endpoint();
  const std::string path = kEndpoints + "/" + id;
  ok(200, "POST", path + "/pause");
  const json::value event = publish();
  const json::value deleted = ok(200, "DELETE", path);
  EXPECT_EQ(text(deleted, "state"), "deleted");
  EXPECT_EQ(text(deleted, "cancelled_deliveries"), "1");
  const json::value delivery =
      ok(200, "GET", "/hub/v1/workspaces/acme/deliveries/" + text(event, "deliveries", 0, "id"));
  EXPECT_EQ(text(delivery, "state"), "cancelled");
  EXPECT_TRUE(at(delivery, "due_at").is_null());

  EXPECT_EQ(text(ok(200, "DELETE", path), "cancelled_deliveries"), "0");
  EXPECT_EQ(text(ok(200, "GET", path), "state"), "deleted");
  EXPECT_EQ(text(ok(200, "GET", path), "has_secret"), "false");
  EXPECT_EQ(at(ok(200, "GET", kEndpoints), "rows"), json::array());
  EXPECT_EQ(text(ok(200, "GET", kEndpoints + "?state=deleted"), "rows", 0, "id"), id);
  EXPECT_EQ(text(publish(), "matched"), "0");
  for (const std::string_view action : {"/pause", "/resume", "/test", "/rotate-secret"}) {
    refused(404, "endpoint_not_found", "", "POST", path + std::string(action));
  }
  refused(404, "endpoint_not_found", "", "PATCH", path, R"({"timeout": "9s"})");
}

TEST_F(NativeApiTest, ATestIsSentToItsEndpointAloneWhateverThatSubscribesTo) {
  new_endpoint();
  const std::string tested = new_endpoint("standard-webhooks", R"("event_types": ["stock.low"])");
  const json::value answer = ok(202, "POST", kEndpoints + "/" + tested + "/test");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(sent[0].body.find("webhook.test"), std::string::npos);
  const json::value delivery =
      ok(200, "GET", "/hub/v1/workspaces/acme/deliveries/" + text(answer, "delivery_id"));
  EXPECT_EQ(text(delivery, "kind"), "test");
  EXPECT_EQ(text(delivery, "state"), "succeeded");
  EXPECT_EQ(text(delivery, "endpoint_id"), tested);
  const json::value event =
      ok(200, "GET", "/hub/v1/workspaces/acme/events/" + text(answer, "event_id"));
  EXPECT_EQ(text(event, "type"), "webhook.test");
  EXPECT_EQ(text(event, "data", "endpoint_id"), tested);
}

TEST_F(NativeApiTest, AClosedCataloguesTestIsOneOfItsOwnEvents) {
  ok(202, "POST", kEndpoints + "/" + new_endpoint("proculink") + "/test");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(sent[0].body.find("order.created"), std::string::npos);
}

TEST_F(NativeApiTest, AfterARotationBothSecretsSignUntilTheOverlapEnds) {
  const json::value made =
      ok(201, "POST", kEndpoints,
         R"({"dialect": "standard-webhooks", "url": "https://example.com/hook"})");
  const std::string path = kEndpoints + "/" + text(made, "id");
  const std::string former = text(made, "secret");
  const json::value rotated = ok(200, "POST", path + "/rotate-secret", R"({"overlap": "1h"})");
  const std::string secret = text(rotated, "secret");
  EXPECT_NE(secret, former);
  EXPECT_EQ(text(rotated, "previous_secret_expires_at"), "2026-01-01T13:00:00.000Z");

  publish();
  clock.run_for(59min);
  publish();
  clock.run_for(1min);
  publish();
  ASSERT_EQ(sent.size(), 3u);
  const Timestamp begin = ManualClock::kNoon;
  EXPECT_TRUE(is_signed_by(dialects, sent[0], {former}, begin));
  EXPECT_TRUE(is_signed_by(dialects, sent[0], {secret}, begin));
  EXPECT_TRUE(is_signed_by(dialects, sent[1], {former}, begin + 59min));
  EXPECT_FALSE(is_signed_by(dialects, sent[2], {former}, begin + 60min));
  EXPECT_TRUE(is_signed_by(dialects, sent[2], {secret}, begin + 60min));
  EXPECT_TRUE(at(ok(200, "GET", path), "previous_secret_expires_at").is_null());
}

TEST_F(NativeApiTest, ARotationCanBringItsOwnSecretAndEndTheFormerAtOnce) {
  const std::string path = kEndpoints + "/" + new_endpoint();
  const json::value rotated = ok(200, "POST", path + "/rotate-secret",
                                 fmt::format(R"({{"secret": "{}", "overlap": "0s"}})", kSecret));
  EXPECT_EQ(text(rotated, "secret"), kSecret);
  EXPECT_TRUE(at(rotated, "previous_secret_expires_at").is_null());
  const json::value usual = ok(200, "POST", path + "/rotate-secret");
  EXPECT_EQ(text(usual, "previous_secret_expires_at"), "2026-01-02T12:00:00.000Z");
  refused(400, "secret_invalid", "$.secret", "POST", path + "/rotate-secret", R"({"secret": "x"})");
  refused(400, "member_invalid", "$.overlap", "POST", path + "/rotate-secret",
          R"({"overlap": "8d"})");
}

TEST_F(NativeApiTest, AnEndpointThatHadNoSecretIsGivenOne) {
  const std::string path = kEndpoints + "/" + new_endpoint("proculink");
  const json::value rotated = ok(200, "POST", path + "/rotate-secret", R"({"secret": "sesame"})");
  EXPECT_EQ(text(rotated, "has_secret"), "true");
  EXPECT_TRUE(at(rotated, "previous_secret_expires_at").is_null()) << "there is no former one";
}

}  // namespace
}  // namespace waybill::surfaces::native
