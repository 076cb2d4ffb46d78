// Keys of PeptideClients, who may use a key, and how often.

#include <string>

#include <fmt/format.h>

#include "store/key_usage.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKeys = "/hub/v1/workspaces/acme/keys";

class KeysTest : public NativeApiTest {
 public:
  KeysTest() {
    const auto made = run(database->run([&](store::Connection& c) -> Result<void> {
      model::WorkspaceId acme;
      WAYBILL_TRY(c.query("SELECT workspace_id FROM workspaces WHERE slug = 'acme'", {},
                          [&](const store::Row& row) { acme = row.id<model::WorkspaceId>(0); }));
      workspace = acme;
      WAYBILL_TRY(c.execute(
          "INSERT INTO stores (workspace_id, id, name, name_folded, currency, number_prefix, "
          "last_number, created_at) VALUES ($1, $2, 'Main', 'main', 'USD', 'SO-', 0, 0)",
          {acme, store}));
      return {};
    }));
    WAYBILL_CHECK(made.has_value(), "the store is made");
  }

  // A key with these members: the answer.
  json::value create(std::string_view members) {
    return ok(201, "POST", kKeys, fmt::format("{{{}}}", members));
  }
  json::value integration(std::string_view more = "") {
    return create(fmt::format(R"("platform": "peptideclients", "store": "main"{})", more));
  }
  std::string path_of(const json::value& key) {
    return fmt::format("{}/{}", kKeys, text(key, "id"));
  }
  Headers bearer(const json::value& key) {
    return {{"Authorization", "Bearer " + text(key, "key")}};
  }

  model::WorkspaceId workspace;
  const model::StoreId store = ids.next_id<model::StoreId>();
};

TEST_F(KeysTest, AnIntegrationsKeyIsPinnedToItsStoreAndShowsItsSecretOnce) {
  const json::value key = integration();
  EXPECT_TRUE(text(key, "key").starts_with("pck_int_"));
  EXPECT_EQ(text(key, "kind"), "integration");
  EXPECT_EQ(text(key, "store_id"), store.text());
  EXPECT_EQ(text(key, "source"), "api");
  EXPECT_EQ(text(key, "payload_format"), "peptideclients");
  EXPECT_EQ(text(key, "require_signature"), "false");
  EXPECT_EQ(text(key, "signing_secret").size(), 43u) << "32 bytes";
  EXPECT_EQ(at(key, "scopes").as_array().size(), 5u);
  const json::value read = ok(200, "GET", path_of(key));
  EXPECT_FALSE(read.as_object().contains("signing_secret"));
  EXPECT_FALSE(read.as_object().contains("key"));
  EXPECT_EQ(text(read, "store_id"), store.text());
  EXPECT_NE(text(integration(), "signing_secret"), text(key, "signing_secret"));
}

TEST_F(KeysTest, APublicKeyReadsUnlessMoreIsAskedFor) {
  const json::value key = create(R"("platform": "peptideclients")");
  EXPECT_TRUE(text(key, "key").starts_with("pck_live_"));
  EXPECT_EQ(text(key, "kind"), "public");
  EXPECT_EQ(at(key, "scopes"), (json::array{"read_only"}));
  EXPECT_TRUE(at(key, "signing_secret").is_null());
  EXPECT_TRUE(at(key, "store_id").is_null());
  const json::value strong = create(R"("platform": "peptideclients", "scopes": ["read_write"])");
  EXPECT_EQ(at(strong, "scopes"), (json::array{"read_write"}));
}

TEST_F(KeysTest, WooCommercesOrdersAreAlwaysSigned) {
  const json::value key =
      integration(R"(, "payload_format": "woocommerce", "signing_secret": "typed by hand 123")");
  EXPECT_EQ(text(key, "require_signature"), "true");
  EXPECT_EQ(text(key, "source"), "woocommerce");
  EXPECT_EQ(text(key, "signing_secret"), "typed by hand 123");
  refused(409, "signing_secret_taken", "", "POST", kKeys,
          R"({"platform": "peptideclients", "store": "main", "payload_format": "woocommerce",
              "signing_secret": "typed by hand 123"})");
}

TEST_F(KeysTest, WhatAKeyCannotHaveIsRefusedWithItsPath) {
  struct Case {
    std::string_view members;
    int status;
    std::string_view code;
    std::string_view path;
  };
  const std::string_view integration = R"("platform": "peptideclients", "store": "main", )";
  for (
      const Case& c : {
          Case{R"("platform": "peptideclients", "kind": "integration")", 400, "member_missing",
               "$.store"},
          Case{R"("platform": "peptideclients", "store": "nowhere")", 404, "store_not_found",
               "$.store"},
          Case{R"("platform": "peptideclients", "kind": "other")", 400, "member_invalid", "$.kind"},
          Case{R"("platform": "peptideclients", "kind": "public", "store": "main")", 400,
               "member_not_used", "$.store"},
          Case{
              R"("platform": "peptideclients", "kind": "public", "signing_secret": "0123456789abcdef")",
              400, "member_not_used", "$.signing_secret"},
          Case{R"("platform": "proculink", "kind": "public")", 400, "member_not_used", "$.kind"},
          Case{R"("platform": "proculink", "store": "main")", 400, "member_not_used", "$.store"},
          Case{R"(, "payload_format": "shopify")", 400, "member_invalid", "$.payload_format"},
          Case{R"(, "payload_format": "woocommerce", "require_signature": false)", 400,
               "member_invalid", "$.require_signature"},
          Case{R"(, "signing_secret": "fifteen letters")", 400, "member_invalid",
               "$.signing_secret"},
          Case{R"(, "scopes": ["read_only"])", 400, "scope_unknown", "$.scopes"},
          Case{R"("platform": "proculink", "allowed_networks": ["192.0.2.0/33"])", 400,
               "network_invalid", "$.allowed_networks"},
          Case{R"("platform": "proculink", "allowed_networks": ["a.example"])", 400,
               "network_invalid", "$.allowed_networks"},
          Case{R"("platform": "proculink", "allowed_networks": [])", 400, "member_invalid",
               "$.allowed_networks"},
          Case{R"("platform": "proculink", "calls_per_minute": 0)", 400, "member_invalid",
               "$.calls_per_minute"},
      }) {
    const bool continues = c.members.starts_with(", ");
    const std::string body = continues ? fmt::format("{{{}{}}}", integration, c.members.substr(2))
                                       : fmt::format("{{{}}}", c.members);
    refused(c.status, c.code, c.path, "POST", kKeys, body);
  }
}

TEST_F(KeysTest, ARotatedSecretIsShownOnceAndTheFormerOneForAWhile) {
  const json::value key = integration();
  const std::string path = path_of(key) + "/rotate-secret";
  const json::value rotated = ok(200, "POST", path);
  EXPECT_NE(text(rotated, "signing_secret"), text(key, "signing_secret"));
  EXPECT_EQ(text(rotated, "previous_signing_secret_expires_at"), "2026-01-02T12:00:00.000Z");
  EXPECT_EQ(text(ok(200, "GET", path_of(key)), "previous_signing_secret_expires_at"),
            "2026-01-02T12:00:00.000Z");
  clock.run_for(24h);
  EXPECT_TRUE(at(ok(200, "GET", path_of(key)), "previous_signing_secret_expires_at").is_null())
      << "it is over";

  const json::value own =
      ok(200, "POST", path, R"({"secret": "a secret of my own", "overlap": "0s"})");
  EXPECT_EQ(text(own, "signing_secret"), "a secret of my own");
  EXPECT_TRUE(at(own, "previous_signing_secret_expires_at").is_null());
  EXPECT_EQ(audit_actions(), (std::vector<std::string>{"key.rotate_secret", "key.rotate_secret",
                                                       "key.create", "workspace.create"}));
}

TEST_F(KeysTest, OnlyWhatSignsAndWorksCanHaveAnotherSecret) {
  const json::value reading = create(R"("platform": "peptideclients")");
  refused(400, "secret_not_used", "", "POST", path_of(reading) + "/rotate-secret");
  const json::value revoked = integration();
  ok(200, "DELETE", path_of(revoked));
  refused(409, "key_revoked", "", "POST", path_of(revoked) + "/rotate-secret");
  refused(404, "key_not_found", "", "POST", std::string(kKeys) + "/none/rotate-secret");
  const json::value one =
      integration(R"(, "payload_format": "woocommerce", "signing_secret": "typed by hand 12")");
  const json::value two = integration(R"(, "payload_format": "woocommerce")");
  const std::string path = path_of(two) + "/rotate-secret";
  refused(409, "signing_secret_taken", "", "POST", path, R"({"secret": "typed by hand 12"})");
  refused(400, "member_invalid", "$.secret", "POST", path, R"({"secret": "short"})");
  refused(400, "member_invalid", "$.overlap", "POST", path, R"({"overlap": "8d"})");
}

// A key of a platform reads or writes what the management API shows as well. One that might make
// keys, and nothing else, made itself one that reads all sales orders with their payments.
TEST_F(KeysTest, AKeyThatMakesKeysHasThePowersItGives) {
  struct Case {
    std::string_view body;
    std::vector<std::string> powers;
  };
  ok(201, "POST", "/hub/v1/workspaces/acme/users", R"({"email": "ada@example.com"})");
  const std::vector<std::string> reads = {"sales:read", "suppliers:read", "products:read"};
  std::vector<std::string> fires = reads;
  fires.emplace_back("endpoints:write");
  for (const Case& c : {
           Case{R"("platform": "waybill", "scopes": ["orders:read", "audit:read"])",
                {"orders:read", "audit:read"}},
           Case{R"("platform": "proculink")", {}},
           Case{R"("platform": "procureiq")",
                {"endpoints:read", "endpoints:write", "deliveries:read", "events:write"}},
           Case{R"("platform": "precoro", "user": "ada@example.com")", {"documents:read"}},
           Case{R"("platform": "proign")",
                {"endpoints:read", "endpoints:write", "deliveries:read", "events:read",
                 "events:write"}},
           Case{R"("platform": "peptideclients", "store": "main")", {"sales:write"}},
           Case{R"("platform": "peptideclients", "store": "main", "scopes": ["orders:write"])",
                {"sales:write"}},
           Case{R"("platform": "peptideclients")", reads},
           Case{R"("platform": "peptideclients", "scopes": ["read_only"])", reads},
           Case{R"("platform": "peptideclients", "scopes": ["read_write"])", fires},
           Case{R"("platform": "peptideclients", "scopes": ["*"])", fires},
       }) {
    SCOPED_TRACE(c.body);
    const std::string body = fmt::format("{{{}}}", c.body);
    std::vector<std::string> scopes = c.powers;
    scopes.emplace_back("keys:write");
    ok(201, "POST", kKeys, body, key_with(scopes));
    for (std::size_t without = 0; without < c.powers.size(); ++without) {
      std::vector<std::string> fewer = scopes;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(without));
      refused(403, "scope_missing", "", "POST", kKeys, body, key_with(fewer));
    }
  }
}

// Its answer has a secret that signs orders.
TEST_F(KeysTest, ASecretIsShownToWhomTheKeyCouldHaveBeenGiven) {
  const json::value key = integration();
  const std::string path = path_of(key) + "/rotate-secret";
  refused(403, "scope_missing", "", "POST", path, {}, key_with({"keys:write", "sales:read"}));
  EXPECT_TRUE(at(ok(200, "GET", path_of(key)), "previous_signing_secret_expires_at").is_null())
      << "nothing has changed";
  ok(200, "POST", path, {}, key_with({"keys:write", "sales:write"}));
}

// The fixture's requests come from 192.0.2.1.
TEST_F(KeysTest, AKeyWorksFromWhereItMayBeUsedAlone) {
  const std::string_view scopes = R"("platform": "waybill", "scopes": ["*"], )";
  const auto allowed = [&](std::string_view networks) {
    const json::value key = create(fmt::format(R"({}"allowed_networks": [{}])", scopes, networks));
    return call("GET", "/hub/v1/workspaces/acme", {}, bearer(key)).status == 200;
  };
  EXPECT_TRUE(allowed(R"("192.0.2.1")"));
  EXPECT_TRUE(allowed(R"("10.0.0.0/8", "192.0.2.0/24")"));
  EXPECT_TRUE(allowed(R"("::ffff:192.0.2.0/120")"));
  EXPECT_FALSE(allowed(R"("192.0.2.2", "10.0.0.0/8")"));
  EXPECT_FALSE(allowed(R"("::/0")"));
  const json::value key = create(fmt::format(R"({}"allowed_networks": ["10.0.0.0/8"])", scopes));
  refused(403, "ip_not_allowed", "", "GET", "/hub/v1/workspaces/acme", {}, bearer(key));
  refused(403, "ip_not_allowed", "", "GET", "/hub/v1/dialects", {}, bearer(key));
}

TEST_F(KeysTest, AKeyWithABoundOfItsOwnIsToldWhenToGoOn) {
  const json::value key =
      create(R"("platform": "waybill", "scopes": ["*"], "calls_per_minute": 2)");
  const json::value other =
      create(R"("platform": "waybill", "scopes": ["*"], "calls_per_minute": 2)");
  clock.run_for(20s);
  const auto get = [&](const json::value& with) {
    return call("GET", "/hub/v1/workspaces/acme", {}, bearer(with));
  };
  EXPECT_EQ(get(key).status, 200);
  EXPECT_EQ(get(key).status, 200);
  const net::Response refusal = get(key);
  EXPECT_EQ(refusal.status, 429);
  EXPECT_EQ(refusal.error_code, "rate_limited");
  EXPECT_EQ(*net::find_header(refusal.headers, "Retry-After"), "40");
  EXPECT_EQ(get(other).status, 200) << "another key has its own";
  clock.run_for(40s);
  EXPECT_EQ(get(key).status, 200);
}

TEST_F(KeysTest, WhatAKeyWasUsedForIsShown) {
  const json::value key = create(R"("platform": "proculink")");
  const json::value other = create(R"("platform": "proculink")");
  EXPECT_EQ(text(key, "requests_24h"), "0");
  EXPECT_TRUE(at(key, "last_used_at").is_null());
  const store::key_usage::Use use{workspace,
                                  *model::ApiKeyId::parse(text(key, "id")),
                                  store::key_usage::hour_of(clock.now()),
                                  5,
                                  2,
                                  clock.now()};
  ASSERT_TRUE(run(database->run(
      [&](store::Connection& c) { return store::key_usage::add(c, ids.next(), use); })));
  const json::value read = ok(200, "GET", path_of(key));
  EXPECT_EQ(text(read, "requests_24h"), "5");
  EXPECT_EQ(text(read, "errors_24h"), "2");
  EXPECT_EQ(text(read, "last_used_at"), "2026-01-01T12:00:00.000Z");
  const json::value list = ok(200, "GET", kKeys);
  EXPECT_EQ(text(list, "rows", 0, "requests_24h"), "0");
  EXPECT_EQ(at(list, "rows", 1), read);
  EXPECT_EQ(text(ok(200, "DELETE", path_of(key)), "requests_24h"), "5");
  (void)other;
}

// Only calls that were answered with less than 400 are told to the store with a time.
TEST_F(KeysTest, RefusedRequestsAreCountedButAreNoUseOfAKey) {
  const json::value key = create(R"("platform": "proculink")");
  const auto add = [&](std::optional<Timestamp> used) {
    const store::key_usage::Use use{workspace,
                                    *model::ApiKeyId::parse(text(key, "id")),
                                    store::key_usage::hour_of(clock.now()),
                                    1,
                                    1,
                                    used};
    return run(
        database->run([&](store::Connection& c) { return store::key_usage::add(c, Uuid(), use); }));
  };
  const auto fold = [&] {
    clock.run_for(25h);
    return run(database->run([&](store::Connection& c) {
             return store::key_usage::fold_old(c, workspace, clock.now(), 100);
           }))
        .value();
  };
  ASSERT_TRUE(add({}));
  json::value read = ok(200, "GET", path_of(key));
  EXPECT_EQ(text(read, "requests_24h"), "1");
  EXPECT_TRUE(at(read, "last_used_at").is_null());
  EXPECT_EQ(fold(), 1);
  EXPECT_TRUE(at(ok(200, "GET", path_of(key)), "last_used_at").is_null());

  ASSERT_TRUE(add(clock.now()));
  const std::string used = text(ok(200, "GET", path_of(key)), "last_used_at");
  ASSERT_TRUE(add({}));
  EXPECT_EQ(text(ok(200, "GET", path_of(key)), "last_used_at"), used);
  EXPECT_EQ(fold(), 1);
  ASSERT_TRUE(add({}));
  read = ok(200, "GET", path_of(key));
  EXPECT_EQ(text(read, "last_used_at"), used) << "what is in the key counts on";
  EXPECT_EQ(text(read, "requests_24h"), "1");
}

}  // namespace
}  // namespace waybill::surfaces::native
