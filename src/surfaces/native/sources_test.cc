// Sources as the API makes, shows and changes them.

#include "store/sources.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "intake/source_secrets.h"
#include "surfaces/native/native_fixture.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kSources = "/hub/v1/workspaces/acme/sources";
// As the platforms of these dialects write them.
constexpr std::string_view kStripeSecret = "whsec_0123456789abcdef0123456789abcdef";

class SourcesTest : public NativeApiTest {
 public:
  json::value create(std::string_view body, Headers headers = {}) {
    return ok(201, "POST", kSources, body, std::move(headers));
  }
  std::string path(const json::value& source, std::string_view more = {}) {
    return fmt::format("{}/{}{}", kSources, text(source, "id"), more);
  }
  std::string fingerprint(const json::value& source, std::string_view secret) {
    const std::string token = text(source, "path").substr(model::kSourcePath.size());
    return hex(crypto::hmac_sha256(as_bytes(token), {secret})).substr(0, 8);
  }
  // The stored secrets, opened: newest first.
  std::vector<intake::OpenSource::Key> stored(const json::value& source) {
    const auto id = model::SourceId::parse(text(source, "id")).value();
    const auto workspace = ok(200, "GET", "/hub/v1/workspaces/acme");
    const auto workspace_id = model::WorkspaceId::parse(text(workspace, "id")).value();
    const auto found = run(database->read([&](store::Connection& connection) {
      return store::sources::find(connection, workspace_id, id);
    }));
    return intake::open_secrets(secret_box, *found).value();
  }
};

TEST_F(SourcesTest, ASecretThatTheHubMakesIsShownOnce) {
  const json::value made = create(R"({"dialect": "standard-webhooks"})");
  const std::string secret = text(made, "secret");
  EXPECT_TRUE(secret.starts_with("whsec_")) << secret;
  ASSERT_EQ(stored(made).size(), 1u);
  EXPECT_EQ(stored(made)[0].secret.reveal(), secret);
  EXPECT_EQ(text(made, "secrets", 0, "fingerprint"), fingerprint(made, secret));
  const net::Response shown = call("GET", path(made));
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body.find(secret), std::string::npos);
  EXPECT_EQ(call("GET", "/hub/v1/workspaces/acme/audit").body.find(secret), std::string::npos);
}

TEST_F(SourcesTest, ASecretOfTheCallersOwnIsNotShownAtAll) {
  const net::Response made =
      call("POST", kSources,
           fmt::format(R"({{"dialect": "stripe", "secrets": ["{}"]}})", kStripeSecret));
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.body.find(kStripeSecret), std::string::npos);
  const json::value source = json_of(made);
  EXPECT_EQ(text(source, "secret"), "null");
  EXPECT_EQ(stored(source)[0].secret.reveal(), kStripeSecret);
}

// R-PQ-37: what a receiver without its secret answers is the door's part.
TEST_F(SourcesTest, CanBeMadeBeforeItsSecretIsKnown) {
  const json::value made = create(R"({"dialect": "stripe", "secrets": []})");
  EXPECT_EQ(text(made, "secrets"), "[]");
  EXPECT_TRUE(stored(made).empty());
}

TEST_F(SourcesTest, HasItsDialectsNameAndANumberWhereThatIsTaken) {
  EXPECT_EQ(text(create(R"({"dialect": "stripe"})"), "name"), "stripe");
  EXPECT_EQ(text(create(R"({"dialect": "stripe"})"), "name"), "stripe-2");
  EXPECT_EQ(text(create(R"({"dialect": "stripe", "name": "payments"})"), "name"), "payments");
  refused(409, "source_exists", "", "POST", kSources,
          R"({"dialect": "stripe", "name": "payments"})");
}

TEST_F(SourcesTest, IsFoundByItsNameAndByItsId) {
  const json::value made = create(R"({"dialect": "stripe", "name": "pay/ments"})");
  EXPECT_EQ(text(ok(200, "GET", path(made)), "name"), "pay/ments");
  EXPECT_EQ(text(ok(200, "GET", "/hub/v1/workspaces/acme/sources/pay%2Fments"), "id"),
            text(made, "id"));
  refused(404, "source_not_found", "", "GET", "/hub/v1/workspaces/acme/sources/other");
  EXPECT_EQ(text(ok(200, "GET", kSources), "rows", 0, "id"), text(made, "id"));
}

TEST_F(SourcesTest, ShowsItsPathToThoseAloneWhoMayChangeIt) {
  const json::value made = create(R"({"dialect": "stripe"})", {{"Host", "hub.example:8080"}});
  const std::string door = text(made, "path");
  EXPECT_TRUE(door.starts_with("/in/"));
  EXPECT_GE(door.size(), 30u);
  EXPECT_EQ(text(made, "url"), "http://hub.example:8080" + door);
  EXPECT_EQ(text(ok(200, "GET", path(made)), "path"), door);
  const Headers reader = key_with({"sources:read"});
  EXPECT_EQ(text(ok(200, "GET", path(made), {}, reader), "path"), "null");
  EXPECT_EQ(text(ok(200, "GET", kSources, {}, reader), "rows", 0, "path"), "null");
  const auto source = run(sources.find(door.substr(4)));
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ((*source)->source.id.text(), text(made, "id"));
}

TEST_F(SourcesTest, RefusesWhatCannotBe) {
  refused(400, "dialect_unknown", "$.dialect", "POST", kSources, R"({"dialect": "nobody"})");
  refused(400, "secret_invalid", "$.secrets[1]", "POST", kSources,
          R"({"dialect": "standard-webhooks", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
              "whsec_!"]})");
  refused(400, "secret_not_used", "$.secrets[0]", "POST", kSources,
          R"({"dialect": "precoro", "secrets": ["a-secret-of-its-own"]})");
  refused(400, "member_invalid", "$.remember", "POST", kSources,
          R"({"dialect": "stripe", "remember": "1s"})");
  refused(400, "tolerance_not_used", "$.tolerance", "POST", kSources,
          R"({"dialect": "github", "tolerance": "1m"})");
  refused(400, "member_unknown", "$.secret", "POST", kSources,
          R"({"dialect": "stripe", "secret": "x"})");
  EXPECT_EQ(text(ok(200, "GET", kSources), "rows"), "[]");
}

// A receiver of Standard Webhooks' asymmetric scheme has no more than that.
TEST_F(SourcesTest, TakesThePublicHalfOfAKeyToVerifyBy) {
  const auto& dialect = *dialects.find("standard-webhooks");
  const std::string key = dialect.verification_key(Secret("whsk_" + base64(Bytes(32, 9))));
  ASSERT_TRUE(key.starts_with("whpk_"));
  const json::value made =
      create(fmt::format(R"({{"dialect": "standard-webhooks", "secrets": ["{}"]}})", key));
  EXPECT_EQ(stored(made)[0].secret.reveal(), key);
  refused(400, "secret_invalid", "$.secrets[0]", "POST", kSources,
          R"({"dialect": "standard-webhooks", "secrets": ["whpk_AAAA"]})");
}

// Of a master key that is lost, say.
TEST_F(SourcesTest, WhoseSecretsDoNotOpenIsGivenAnother) {
  const json::value made =
      create(fmt::format(R"({{"dialect": "stripe", "secrets": ["{}"]}})", kStripeSecret));
  const auto id = model::SourceId::parse(text(made, "id"));
  const auto spoilt = run(database->run([&](store::Connection& connection) {
    return connection.execute("UPDATE sources SET secrets = $1 WHERE id = $2",
                              {ByteView(Bytes(40, 1)), *id});
  }));
  ASSERT_TRUE(spoilt.has_value()) << spoilt.error().message;
  ok(201, "POST", path(made, "/secrets"), R"({"secret": "whsec_another-secret-of-stripe"})");
  ASSERT_EQ(stored(made).size(), 1u);
  EXPECT_EQ(stored(made)[0].secret.reveal(), "whsec_another-secret-of-stripe");
}

// Slack and Shopify have one secret for all that an app is told.
TEST_F(SourcesTest, ASecretMayBeOfSeveralSources) {
  const std::string body =
      fmt::format(R"({{"dialect": "stripe", "secrets": ["{}"]}})", kStripeSecret);
  const json::value first = create(body);
  create(body);
  refused(409, "secret_in_use", "", "POST", path(first, "/secrets"),
          fmt::format(R"({{"secret": "{}"}})", kStripeSecret));
}

// R-PQ-47
TEST_F(SourcesTest, ASecretIsOfOneEnvironmentAlone) {
  const std::string body =
      fmt::format(R"({{"dialect": "stripe", "secrets": ["{}"]}})", kStripeSecret);
  const json::value first = create(body);
  ok(201, "POST", "/hub/v1/workspaces", R"({"slug": "acme-test", "environment": "sandbox"})");
  const std::string sandbox = "/hub/v1/workspaces/acme-test/sources";
  refused(409, "secret_in_use", "", "POST", sandbox, body);
  const json::value other = ok(201, "POST", sandbox, R"({"dialect": "stripe"})");
  const std::string secrets = fmt::format("{}/{}/secrets", sandbox, text(other, "id"));
  const std::string one = fmt::format(R"({{"secret": "{}"}})", kStripeSecret);
  refused(409, "secret_in_use", "", "POST", secrets, one);
  ok(201, "POST", sandbox,
     fmt::format(R"({{"dialect": "github", "secrets": ["{}"]}})", kStripeSecret));
  ok(200, "DELETE", path(first));
  ok(201, "POST", secrets, one);
}

TEST_F(SourcesTest, AWorkspaceHasSoManyAtMost) {
  const json::value first = create(R"({"dialect": "precoro", "name": "first"})");
  for (int i = 1; i < kSourcesMax; ++i) {
    create(fmt::format(R"({{"dialect": "precoro", "name": "source {}"}})", i));
  }
  refused(409, "source_limit", "", "POST", kSources, R"({"dialect": "precoro", "name": "more"})");
  ok(200, "DELETE", path(first));
  create(R"({"dialect": "precoro", "name": "more"})");
}

// R-PQ-48
TEST_F(SourcesTest, AFormerSecretVerifiesForTheOverlap) {
  const json::value made = create(R"({"dialect": "stripe"})");
  const json::value rotated = ok(201, "POST", path(made, "/secrets"), R"({"overlap": "1h"})");
  EXPECT_NE(text(rotated, "secret"), text(made, "secret"));
  ASSERT_EQ(at(rotated, "secrets").as_array().size(), 2u);
  EXPECT_EQ(text(rotated, "secrets", 0, "fingerprint"), fingerprint(made, text(rotated, "secret")));
  EXPECT_EQ(text(rotated, "secrets", 0, "expires_at"), "null");
  EXPECT_EQ(text(rotated, "secrets", 1, "expires_at"),
            iso_time(clock.now() + std::chrono::hours(1)));
  clock.run_for(std::chrono::hours(1));
  EXPECT_EQ(at(ok(200, "GET", path(made)), "secrets").as_array().size(), 1u);
}

TEST_F(SourcesTest, FormerSecretsCanGoAtOnceOrStay) {
  const json::value made = create(R"({"dialect": "stripe"})");
  EXPECT_EQ(at(ok(201, "POST", path(made, "/secrets"), R"({"overlap": "0s"})"), "secrets")
                .as_array()
                .size(),
            1u);
  const json::value kept = ok(201, "POST", path(made, "/secrets"), R"({"overlap": null})");
  ASSERT_EQ(at(kept, "secrets").as_array().size(), 2u);
  EXPECT_EQ(text(kept, "secrets", 1, "expires_at"), "null");
  for (std::size_t i = 2; i < intake::kSourceSecretsMax; ++i) {
    ok(201, "POST", path(made, "/secrets"), R"({"overlap": null})");
  }
  refused(409, "secrets_max_reached", "", "POST", path(made, "/secrets"), R"({"overlap": null})");
}

TEST_F(SourcesTest, ASecretIsTakenAwayByItsFingerprint) {
  const json::value made = create(R"({"dialect": "stripe"})");
  const std::string fingerprint = text(made, "secrets", 0, "fingerprint");
  refused(404, "secret_not_found", "", "DELETE", path(made, "/secrets/00000000"));
  EXPECT_EQ(text(ok(200, "DELETE", path(made, "/secrets/" + fingerprint)), "secrets"), "[]");
  EXPECT_TRUE(stored(made).empty());
}

TEST_F(SourcesTest, MovesToANewPathAndIsNotFoundAtTheFormer) {
  const json::value made = create(R"({"dialect": "stripe"})");
  const std::string former = text(made, "path").substr(4);
  ASSERT_TRUE(run(sources.find(former)).has_value());
  const std::string token = text(ok(200, "POST", path(made, "/rotate-token")), "path").substr(4);
  EXPECT_NE(token, former);
  EXPECT_FALSE(run(sources.find(former)).has_value());
  EXPECT_TRUE(run(sources.find(token)).has_value());
}

TEST_F(SourcesTest, ChangesWhatIsNamedAlone) {
  const json::value made = create(R"({"dialect": "stripe", "quiet_after": "1h"})");
  const json::value changed =
      ok(200, "PATCH", path(made), R"({"name": "payments", "remember": "7d", "tolerance": "1m"})");
  EXPECT_EQ(text(changed, "name"), "payments");
  EXPECT_EQ(text(changed, "remember"), "7d");
  EXPECT_EQ(text(changed, "quiet_after"), "1h");
  EXPECT_EQ(text(changed, "tolerance"), "1m");
  const json::value again =
      ok(200, "PATCH", path(made), R"({"quiet_after": null, "tolerance": null})");
  EXPECT_EQ(text(again, "quiet_after"), "null");
  EXPECT_EQ(text(again, "tolerance"), "null");
  create(R"({"dialect": "stripe", "name": "other"})");
  refused(409, "source_exists", "", "PATCH", path(made), R"({"name": "other"})");
}

TEST_F(SourcesTest, IsMadeWithItsHandlersOrNotAtAll) {
  const json::value made = create(R"({"dialect": "stripe", "handlers": [
      {"channel": "http", "url": "https://example.com/a"}, {"channel": "http",
       "url": "https://example.com/b", "name": "second"}]})");
  ASSERT_EQ(at(made, "handlers").as_array().size(), 2u);
  EXPECT_EQ(text(made, "handlers", 1, "name"), "second");
  EXPECT_EQ(text(made, "handlers", 0, "source_id"), text(made, "id"));
  refused(400, "url_invalid", "$.handlers[1].url", "POST", kSources,
          R"({"dialect": "stripe", "handlers": [{"channel": "http", "url": "https://example.com/"},
             {"channel": "http", "url": "nowhere"}]})");
  EXPECT_EQ(at(ok(200, "GET", kSources), "rows").as_array().size(), 1u);
  const auto actions = audit_actions();
  EXPECT_EQ(std::ranges::count(actions, "handler.create"), 2);
  EXPECT_EQ(std::ranges::count(actions, "source.create"), 1);
}

TEST_F(SourcesTest, ADeletedOneIsGoneWithItsHandlers) {
  const json::value made = create(
      R"({"dialect": "stripe", "handlers": [{"channel": "http", "url": "https://example.com/"}]})");
  const std::string handler = text(made, "handlers", 0, "id");
  const std::string token = text(made, "path").substr(4);
  ASSERT_TRUE(run(sources.find(token)).has_value());
  const json::value deleted = ok(200, "DELETE", path(made));
  EXPECT_EQ(text(deleted, "deleted_handlers"), "1");
  EXPECT_FALSE(run(sources.find(token)).has_value());
  refused(404, "source_not_found", "", "GET", path(made));
  EXPECT_EQ(text(ok(200, "GET", kSources), "rows"), "[]");
  EXPECT_EQ(text(ok(200, "GET", "/hub/v1/workspaces/acme/handlers/" + handler), "state"),
            "deleted");
  // Deleting it again changes nothing, and its name is free.
  EXPECT_EQ(text(ok(200, "DELETE", path(made)), "deleted_handlers"), "0");
  EXPECT_EQ(text(create(R"({"dialect": "stripe"})"), "name"), "stripe");
}

TEST_F(SourcesTest, NeedScopesOfTheirOwn) {
  const json::value made = create(R"({"dialect": "stripe"})");
  const Headers reader = key_with({"sources:read"});
  const Headers stranger = key_with({"endpoints:*", "events:*"});
  ok(200, "GET", path(made), {}, reader);
  refused(403, "scope_missing", "", "GET", path(made), {}, stranger);
  refused(403, "scope_missing", "", "POST", kSources, R"({"dialect": "stripe"})", reader);
  refused(403, "scope_missing", "", "POST", path(made, "/rotate-token"), {}, reader);
  create(R"({"dialect": "stripe"})", key_with({"sources:write"}));
}

TEST_F(SourcesTest, TheSameKeyMakesOne) {
  const Headers key{{"Idempotency-Key", "once"}};
  const json::value made = create(R"({"dialect": "stripe"})", key);
  EXPECT_EQ(create(R"({"dialect": "stripe"})", key), made);
  EXPECT_EQ(at(ok(200, "GET", kSources), "rows").as_array().size(), 1u);
}

}  // namespace
}  // namespace waybill::surfaces::native
