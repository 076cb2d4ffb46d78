// Changes: once for each Idempotency-Key, and each in the audit log.

#include "surfaces/native/change.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

const std::string kAcme = "/hub/v1/workspaces/acme";
constexpr std::string_view kEvent = R"({"type": "stock.low", "data": {"sku": "4711"}})";

HubFixture::Headers idempotent(std::string key) { return {{"Idempotency-Key", std::move(key)}}; }

std::size_t rows(const json::value& list) { return at(list, "rows").as_array().size(); }

bool is_replay(const net::Response& response) {
  return net::find_header(response.headers, "Idempotent-Replay") != nullptr;
}

TEST_F(NativeApiTest, ARepeatIsGivenTheFirstAnswerByteForByte) {
  new_endpoint();
  struct Case {
    std::string path;
    std::string_view body;
  };
  const std::string endpoint = kAcme + "/endpoints/" + new_endpoint();
  const Case cases[] = {
      {"/hub/v1/workspaces", R"({"slug": "beta"})"},
      {kAcme + "/keys", R"({"platform": "waybill", "scopes": ["*"]})"},
      {kAcme + "/suppliers", R"({"name": "Paper"})"},
      {kAcme + "/endpoints", R"({"dialect": "standard-webhooks", "url": "https://b.example/"})"},
      {endpoint + "/pause", ""},
      {endpoint + "/resume", ""},
      {endpoint + "/test", ""},
      {endpoint + "/rotate-secret", ""},
      {kAcme + "/events", kEvent},
      {kAcme + "/events/batch", R"({"events": [{"type": "a", "data": {}}]})"},
      {kAcme + "/deliveries/retry-dropped", R"({"since": "1h"})"},
  };
  for (const Case& c : cases) {
    const net::Response first = call("POST", c.path, c.body, idempotent("once:" + c.path));
    EXPECT_LT(first.status, 300) << c.path << first.body;
    EXPECT_FALSE(is_replay(first)) << c.path;
    const std::size_t sent_once = sent.size();
    clock.run_for(1h);
    const net::Response second = call("POST", c.path, c.body, idempotent("once:" + c.path));
    EXPECT_EQ(second.status, first.status) << c.path;
    EXPECT_EQ(second.body, first.body) << c.path;
    EXPECT_TRUE(is_replay(second)) << c.path;
    EXPECT_EQ(sent.size(), sent_once) << c.path << ": what follows happened once";
  }
}

TEST_F(NativeApiTest, AKeyStandsForOneBodyAndOneAddress) {
  ok(201, "POST", kAcme + "/events", kEvent, idempotent("k"));
  refused(409, "idempotency_conflict", "", "POST", kAcme + "/events",
          R"({"type": "stock.low", "data": {}})", idempotent("k"));
  refused(409, "idempotency_conflict", "", "POST", kAcme + "/suppliers", R"({"name": "A"})",
          idempotent("k"));
  EXPECT_EQ(rows(ok(200, "GET", kAcme + "/events")), 1u);
}

TEST_F(NativeApiTest, KeysOfDifferentWorkspacesHaveNothingToDoWithEachOther) {
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "beta"})", idempotent("k"));
  ok(201, "POST", kAcme + "/events", kEvent, idempotent("k"));
  const net::Response other =
      call("POST", "/hub/v1/workspaces/beta/events", kEvent, idempotent("k"));
  EXPECT_EQ(other.status, 201);
  EXPECT_FALSE(is_replay(other));
}

TEST_F(NativeApiTest, AKeyIsForgottenAfterADay) {
  const net::Response first = call("POST", kAcme + "/events", kEvent, idempotent("k"));
  clock.run_for(24h - 1ms);
  EXPECT_TRUE(is_replay(call("POST", kAcme + "/events", kEvent, idempotent("k"))));
  clock.run_for(1ms);
  const net::Response later = call("POST", kAcme + "/events", kEvent, idempotent("k"));
  EXPECT_FALSE(is_replay(later));
  EXPECT_NE(later.body, first.body);
  EXPECT_TRUE(is_replay(call("POST", kAcme + "/events", kEvent, idempotent("k"))))
      << "and remembered anew";
}

TEST_F(NativeApiTest, ARefusalIsNotRemembered) {
  const std::string body = R"({"name": "Paper"})";
  ok(201, "POST", kAcme + "/suppliers", body);
  refused(409, "supplier_exists", "", "POST", kAcme + "/suppliers", body, idempotent("k"));
  refused(400, "member_missing", "$.name", "POST", kAcme + "/suppliers", "{}", idempotent("k"));
  ok(201, "POST", kAcme + "/suppliers", R"({"name": "Pens"})", idempotent("k"));
}

TEST_F(NativeApiTest, AKeyThatIsNoneIsRefused) {
  for (const std::string& key :
       {std::string(256, 'k'), std::string("a b"), std::string("\xC3\xA9")}) {
    refused(400, "idempotency_key_invalid", "", "POST", kAcme + "/events", kEvent, idempotent(key));
  }
  ok(201, "POST", kAcme + "/events", kEvent, idempotent(std::string(255, 'k')));
}

TEST_F(NativeApiTest, FiftyPostsAtOnceWithOneKeyAreOneEventAndFiftyEqualAnswers) {
  new_endpoint();
  std::vector<std::shared_ptr<std::optional<net::Response>>> answers;
  std::generate_n(std::back_inserter(answers), 50,
                  [&] { return begin_call("POST", kAcme + "/events", kEvent, idempotent("k")); });
  settle();
  int first_answers = 0;
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->status, 201);
    EXPECT_EQ((*answer)->body, (*answers.front())->body);
    if (!is_replay(**answer)) ++first_answers;
  }
  EXPECT_EQ(first_answers, 1);
  EXPECT_EQ(rows(ok(200, "GET", kAcme + "/events")), 1u);
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(NativeApiTest, TheScopeCountsAlsoForARepeat) {
  ok(201, "POST", kAcme + "/events", kEvent, idempotent("k"));
  HubFixture::Headers headers = key_with({"events:read"});
  headers.push_back({"Idempotency-Key", "k"});
  refused(403, "scope_missing", "", "POST", kAcme + "/events", kEvent, headers);
}

// A stored answer may hold a secret: the database file must not.
TEST_F(NativeApiTest, AnAnswersSecretIsNotReadableInTheAuditLog) {
  const json::value key = ok(201, "POST", kAcme + "/keys",
                             R"({"platform": "waybill", "scopes": ["*"]})", idempotent("k1"));
  const json::value endpoint =
      ok(201, "POST", kAcme + "/endpoints",
         R"({"dialect": "standard-webhooks", "url": "https://b.example/"})", idempotent("k2"));
  const json::value rotated =
      ok(200, "POST", kAcme + "/endpoints/" + text(endpoint, "id") + "/rotate-secret");
  const std::string log = call("GET", kAcme + "/audit").body;
  for (const std::string& secret :
       {text(key, "key"), text(endpoint, "secret"), text(rotated, "secret")}) {
    EXPECT_EQ(log.find(secret), std::string::npos);
    EXPECT_EQ(log.find(secret.substr(6)), std::string::npos);
  }
}

TEST_F(NativeApiTest, StoredAnswersAreSealed) {
  const json::value key = ok(201, "POST", kAcme + "/keys",
                             R"({"platform": "waybill", "scopes": ["*"]})", idempotent("k1"));
  std::string stored;
  const auto read = run(database->read([&](store::Connection& connection) {
    return connection.query("SELECT response FROM idempotency", {},
                            [&](const store::Row& row) { stored += as_text(row.bytes(0)); });
  }));
  ASSERT_TRUE(read);
  EXPECT_FALSE(stored.empty());
  EXPECT_EQ(stored.find(text(key, "key")), std::string::npos);
}

TEST_F(NativeApiTest, EveryChangeIsInTheAuditLogOnce) {
  const std::string endpoint = new_endpoint("standard-webhooks", R"("retry": [])");
  const std::string path = kAcme + "/endpoints/" + endpoint;
  receiver = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
    return fail(Code::kUnavailable, "connect_failed", "Nobody listens there.");
  };
  const json::value event = publish();
  const json::value key =
      ok(201, "POST", kAcme + "/keys", R"({"platform": "proculink", "name": "shop"})");
  ok(201, "POST", kAcme + "/suppliers", R"({"name": "Paper"})");
  ok(200, "PATCH", path, R"({"timeout": "9s"})");
  ok(200, "PATCH", path, R"({"timeout": "9s"})");
  ok(200, "POST", path + "/pause");
  ok(200, "POST", path + "/resume");
  ok(202, "POST", path + "/test");
  ok(200, "POST", path + "/rotate-secret");
  ok(202, "POST", kAcme + "/events/" + text(event, "id") + "/replay");
  ok(202, "POST", kAcme + "/deliveries/" + text(event, "deliveries", 0, "id") + "/retry");
  clock.run_for(1s);
  ok(202, "POST", kAcme + "/deliveries/retry-dropped", R"({"since": "1h"})");
  clock.run_for(1s);
  ok(200, "DELETE", kAcme + "/keys/" + text(key, "id"));
  ok(200, "DELETE", path);
  ok(200, "DELETE", path);
  EXPECT_EQ(audit_actions(),
            (std::vector<std::string>{"endpoint.delete", "key.revoke", "delivery.retry_dropped",
                                      "delivery.retry", "event.replay", "endpoint.rotate_secret",
                                      "endpoint.test", "endpoint.resume", "endpoint.pause",
                                      "endpoint.update", "supplier.create", "key.create",
                                      "endpoint.create", "workspace.create"}));

  const json::value update = ok(200, "GET", kAcme + "/audit?action=endpoint.update");
  EXPECT_EQ(rows(update), 1u);
  EXPECT_EQ(text(update, "rows", 0, "actor"), "admin");
  EXPECT_EQ(text(update, "rows", 0, "subject"), endpoint);
  EXPECT_TRUE(at(update, "rows", 0, "detail", "before", "timeout").is_null());
  EXPECT_EQ(text(update, "rows", 0, "detail", "after", "timeout"), "9s");
  EXPECT_EQ(rows(ok(200, "GET", kAcme + "/audit?subject=" + endpoint)), 7u);
}

TEST_F(NativeApiTest, TheAuditLogNamesTheKeyThatChangedSomething) {
  const HubFixture::Headers key = key_with({"suppliers:write"});
  ok(201, "POST", kAcme + "/suppliers", R"({"name": "Paper"})", key);
  const json::value log = ok(200, "GET", kAcme + "/audit");
  EXPECT_EQ(text(log, "rows", 0, "action"), "supplier.create");
  EXPECT_EQ(text(log, "rows", 0, "actor"), text(log, "rows", 1, "subject"))
      << "the key that was created just before";
}

}  // namespace
}  // namespace waybill::surfaces::native
