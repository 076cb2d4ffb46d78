// Who may call what.

#include "surfaces/native/access.h"

#include <fmt/format.h>

#include "surfaces/native/native_fixture.h"
#include "surfaces/native/operations.h"

namespace waybill::surfaces::native {
namespace {

using Headers = HubFixture::Headers;

Headers bearer(std::string_view token) {
  return {{"Authorization", "Bearer " + std::string(token)}};
}

// A path as a caller would write it: every {name} filled in with something.
std::string sample_path(std::string_view pattern) {
  std::string path(pattern);
  for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
    const std::size_t close = path.find('}', open);
    const bool workspace = path.substr(open, close - open + 1) == "{workspace}";
    path.replace(open, close - open + 1, workspace ? "acme" : "none");
  }
  return path;
}

TEST_F(NativeApiTest, NothingButTheContractIsAnsweredWithoutAToken) {
  for (const Operation& operation : operations()) {
    const std::string path = sample_path(operation.path);
    if (operation.scope == kNoToken) {
      EXPECT_EQ(call(operation.method, path, {}, {{"Authorization", ""}}).status, 200) << path;
      continue;
    }
    refused(401, "unauthenticated", "", operation.method, path, {}, {{"Authorization", ""}});
  }
}

TEST_F(NativeApiTest, TokensThatAreNoneAreRefused) {
  const std::string path = "/hub/v1/workspaces/acme";
  refused(401, "unauthenticated", "", "GET", path, {}, {{"Authorization", "Bearer "}});
  refused(401, "unauthenticated", "", "GET", path, {}, {{"Authorization", "Basic YTpi"}});
  refused(401, "key_unknown", "", "GET", path, {}, bearer("wbk_nobody"));
  const net::Response response = call("GET", path, {}, bearer("wbk_nobody"));
  EXPECT_EQ(*net::find_header(response.headers, "WWW-Authenticate"), "Bearer");
  ok(200, "GET", path, {}, {{"Authorization", "bearer " + std::string(kAdminTokenText)}});
}

TEST_F(NativeApiTest, AKeyOfAnotherPlatformOpensNothingHere) {
  const json::value key =
      ok(201, "POST", "/hub/v1/workspaces/acme/keys", R"({"platform": "proculink"})");
  refused(401, "key_unknown", "", "GET", "/hub/v1/workspaces/acme", {}, bearer(text(key, "key")));
}

TEST_F(NativeApiTest, AKeyIsRefusedOnceItExpires) {
  const json::value key = ok(201, "POST", "/hub/v1/workspaces/acme/keys",
                             R"({"platform": "waybill", "scopes": ["*"],
                                 "expires_at": "2026-01-01T13:00:00Z"})");
  ok(200, "GET", "/hub/v1/workspaces/acme", {}, bearer(text(key, "key")));
  clock.run_for(std::chrono::hours(1));
  refused(401, "key_expired", "", "GET", "/hub/v1/workspaces/acme", {}, bearer(text(key, "key")));
}

TEST_F(NativeApiTest, ARevokedKeyIsRefusedAtOnce) {
  const json::value key = ok(201, "POST", "/hub/v1/workspaces/acme/keys",
                             R"({"platform": "waybill", "scopes": ["*"]})");
  const std::string path = "/hub/v1/workspaces/acme/keys/" + text(key, "id");
  ok(200, "GET", path, {}, bearer(text(key, "key")));
  const json::value revoked = ok(200, "DELETE", path);
  EXPECT_EQ(text(revoked, "revoked_at"), "2026-01-01T12:00:00.000Z");
  refused(401, "key_revoked", "", "GET", path, {}, bearer(text(key, "key")));
  clock.run_for(std::chrono::minutes(1));
  EXPECT_EQ(ok(200, "DELETE", path), revoked) << "revoking again changes nothing";
}

TEST_F(NativeApiTest, EachOperationNeedsItsScopeAndNamesIt) {
  for (const Operation& operation : operations()) {
    const std::string path = sample_path(operation.path);
    if (operation.scope == kNoToken || operation.scope == kAnyToken) continue;
    // Everything but the scope in question.
    std::vector<std::string> others;
    for (const model::Scope& scope : model::known_scopes()) {
      if (scope.name != operation.scope) others.emplace_back(scope.name);
    }
    const net::Response response = call(operation.method, path, {}, key_with(others));
    EXPECT_EQ(response.status, 403) << operation.id;
    const json::value problem = json_of(response);
    EXPECT_EQ(text(problem, "code"), "scope_missing") << operation.id;
    EXPECT_NE(text(problem, "detail").find(operation.scope), std::string::npos) << operation.id;
    if (operation.scope == kAdminToken) continue;
    const Headers key = key_with({std::string(operation.scope)});
    EXPECT_NE(call(operation.method, path, {}, key).status, 403) << operation.id;
  }
}

TEST_F(NativeApiTest, AnotherWorkspaceIsForbiddenWhetherItExistsOrNot) {
  const json::value other = ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "other"})");
  const Headers key = key_with({"*"});
  std::vector<std::string> answers;
  for (const std::string& name : {std::string("other"), std::string("nobody"), text(other, "id"),
                                  std::string("ws_00000000000000000000000000")}) {
    const std::string path = fmt::format("/hub/v1/workspaces/{}/endpoints", name);
    refused(403, "workspace_forbidden", "", "GET", path, {}, key);
    answers.push_back(call("GET", path, {}, key).body);
  }
  for (const std::string& answer : answers) EXPECT_EQ(answer, answers.front());
  refused(404, "workspace_not_found", "", "GET", "/hub/v1/workspaces/nobody");
}

TEST_F(NativeApiTest, AWorkspaceIsCalledByItsSlugOrItsId) {
  const json::value acme = ok(200, "GET", "/hub/v1/workspaces/acme");
  const Headers key = key_with({"workspace:read"});
  const auto id = model::WorkspaceId::parse(text(acme, "id"));
  ASSERT_TRUE(id);
  for (const std::string& name : {std::string("acme"), id->text(), id->uuid().text()}) {
    EXPECT_EQ(ok(200, "GET", "/hub/v1/workspaces/" + name), acme);
    EXPECT_EQ(ok(200, "GET", "/hub/v1/workspaces/" + name, {}, key), acme);
  }
}

TEST_F(NativeApiTest, AKeyCanGiveOnlyTheScopesItHas) {
  const std::string path = "/hub/v1/workspaces/acme/keys";
  const Headers key = key_with({"keys:write", "orders:read"});
  ok(201, "POST", path, R"({"platform": "waybill", "scopes": ["orders:read"]})", key);
  for (const std::string_view scope : {"*", "orders:*", "events:read", "keys:read"}) {
    refused(403, "scope_missing", "", "POST", path,
            fmt::format(R"({{"platform": "waybill", "scopes": ["{}"]}})", scope), key);
  }
}

// A platform's key opens another door to the same endpoints and events. One that may make keys, and
// nothing else, made itself such a key.
TEST_F(NativeApiTest, AKeyCanGiveNoPlatformsKeyMorePowerThanItHas) {
  const std::string path = "/hub/v1/workspaces/acme/keys";
  const Headers weak = key_with({"keys:write"});
  for (const std::string_view platform : {"proign", "procureiq"}) {
    const std::string body = fmt::format(R"({{"platform": "{}"}})", platform);
    refused(403, "scope_missing", "", "POST", path, body, weak);
    const Headers strong = key_with({"keys:write", "endpoints:*", "events:*", "deliveries:read"});
    ok(201, "POST", path, body, strong);
  }
}

TEST_F(NativeApiTest, UnknownAddressesAndMethodsAreToldApart) {
  refused(404, "route_not_found", "", "GET", "/hub/v1/nothing");
  refused(404, "route_not_found", "", "GET", "/hub/v1/workspaces/acme/keys/a/b");
  refused(400, "path_malformed", "", "GET", "/hub/v1/workspaces/%zz");
  const net::Response response = call("PUT", "/hub/v1/workspaces/acme/keys/none");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(text(json_of(response), "code"), "method_not_allowed");
  EXPECT_EQ(*net::find_header(response.headers, "Allow"), "GET, DELETE");
}

}  // namespace
}  // namespace waybill::surfaces::native
