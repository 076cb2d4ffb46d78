// The KeyDirectory, where no surface shows it.

#include "surfaces/key_directory.h"

#include "surfaces/hub_fixture.h"

namespace waybill::surfaces {
namespace {

using namespace std::chrono_literals;
using model::KeyPlatform;

class KeyDirectoryTest : public HubFixture {
 public:
  explicit KeyDirectoryTest(int rate_limit = 0) : HubFixture(rate_limit) {
    workspace.id = ids.next_id<model::WorkspaceId>();
    workspace.slug = workspace.name = "acme";
    write([&](store::Connection& c) {
      return c.execute(
          "INSERT INTO workspaces (workspace_id, slug, name, environment, created_at) "
          "VALUES ($1, 'acme', 'acme', 'live', 0)",
          {workspace.id});
    });
  }

  template <class Unit>
  void write(Unit unit) {
    const auto done = run(database->run(std::move(unit)));
    WAYBILL_CHECK(done.has_value(), done.error().message);
  }

  // A key of WooCommerce, whose text is its id's.
  model::ApiKey add(const std::string& secret, std::optional<Timestamp> expires_at = {}) {
    model::ApiKey key;
    key.id = ids.next_id<model::ApiKeyId>();
    key.workspace_id = workspace.id;
    key.platform = KeyPlatform::kPeptideClients;
    key.kind = model::KeyKind::kIntegration;
    key.payload_format = model::PayloadFormat::kWooCommerce;
    key.hash = model::key_hash(key.id.text());
    key.created_at = clock.now();
    key.expires_at = expires_at;
    key.signing_secret = Secret(secret);
    const Bytes sealed = secret_box.seal(secret, key.id.bytes());
    write([&](store::Connection& c) { return store::api_keys::insert(c, key, sealed); });
    keys.forget(key.id);
    return key;
  }
  std::vector<std::string> secrets() {
    std::vector<std::string> found;
    for (const auto& key : run(keys.woocommerce_keys()).value()) {
      found.push_back(key->signing_secret.reveal());
    }
    return found;
  }
  // "" or why `key` is refused to a request from `peer`.
  std::string refusal(const model::ApiKey& key, std::string peer = "192.0.2.1") {
    request = {};
    request.peer = std::move(peer);
    const auto found = run(keys.find(request, key.id.text(), KeyPlatform::kPeptideClients));
    return found ? "" : found.error().reason;
  }
  void update(const char* sql, const model::ApiKey& key) {
    write([&](store::Connection& c) { return c.execute(sql, {key.id}); });
  }

  model::Workspace workspace;
  net::Request request;
};

TEST_F(KeyDirectoryTest, AKeyComesWithItsSecretsOpened) {
  const model::ApiKey key = add("the secret");
  const store::api_keys::Rotation rotation{
      Secret("the next"), secret_box.seal("the next", key.id.bytes()), clock.now() + 1h};
  write([&](store::Connection& c) {
    return store::api_keys::rotate_secret(c, key, rotation, clock.now());
  });
  keys.forget(key.id);
  const auto found = run(keys.find(request, key.id.text(), KeyPlatform::kPeptideClients));
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->signing_secret.reveal(), "the next");
  EXPECT_EQ((*found)->previous_signing_secret.reveal(), "the secret");
  EXPECT_EQ((*found)->previous_signing_secret_expires_at, clock.now() + 1h);
}

TEST_F(KeyDirectoryTest, ARequestIsItsKeysAlsoWhereItIsRefused) {
  const model::ApiKey key = add("the secret", clock.now() + 1h);
  EXPECT_EQ(refusal(key), "");
  EXPECT_EQ(request.workspace, workspace.id.uuid());
  EXPECT_EQ(request.api_key, key.id.uuid());
  clock.run_for(1h);
  EXPECT_EQ(refusal(key), "key_expired");
  EXPECT_EQ(request.api_key, key.id.uuid());

  request = {};
  EXPECT_FALSE(run(keys.find(request, key.id.text(), KeyPlatform::kWaybill)));
  EXPECT_FALSE(request.workspace) << "at a door that is not its own nobody knows it";
}

TEST_F(KeyDirectoryTest, AddressesAreHeldAgainstTheNetworksOfTheKey) {
  const model::ApiKey key = add("the secret");
  update(R"(UPDATE api_keys SET allowed_networks = '["192.0.2.0/24","2001:db8::/32"]'
            WHERE id = $1)",
         key);
  keys.forget(key.id);
  for (const char* peer : {"192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "2001:db8::1"}) {
    EXPECT_EQ(refusal(key, peer), "") << peer;
  }
  for (const char* peer : {"192.0.3.0", "::ffff:192.0.3.7", "2001:db9::1", "", "elsewhere"}) {
    EXPECT_EQ(refusal(key, peer), "ip_not_allowed") << peer;
  }
}

TEST_F(KeyDirectoryTest, AKeyFoundByASignatureIsAdmittedAsAnyOther) {
  add("one secret", clock.now() + 1h);
  const auto found = run(keys.woocommerce_keys()).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(keys.admit(request, *found[0]));
  EXPECT_EQ(request.api_key, found[0]->id.uuid());
  clock.run_for(1h);
  EXPECT_EQ(keys.admit(request, *found[0]).error().reason, "key_expired");
}

class LimitedKeyDirectoryTest : public KeyDirectoryTest {
 public:
  LimitedKeyDirectoryTest() : KeyDirectoryTest(/*rate_limit=*/1) {}
};

// W-8: what is refused is lost, so the limit for all keys does not count messages that a shop has
// signed. One that an operator has set for this key does.
TEST_F(LimitedKeyDirectoryTest, WhatAShopHasSignedHasOnlyItsOwnKeysLimit) {
  const model::ApiKey key = add("one secret");
  EXPECT_EQ(refusal(key), "");
  EXPECT_EQ(refusal(key), "rate_limited") << "found by its text";
  const auto found = run(keys.woocommerce_keys()).value();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(keys.admit(request, *found[0])) << i;

  update("UPDATE api_keys SET calls_per_minute = 2 WHERE id = $1", key);
  keys.forget(key.id);
  const auto limited = run(keys.woocommerce_keys()).value();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(keys.admit(request, *limited[0])) << i;
  EXPECT_EQ(keys.admit(request, *limited[0]).error().reason, "rate_limited");
}

TEST_F(KeyDirectoryTest, TheKeysOfWooCommerceAreThoseOfNow) {
  EXPECT_EQ(secrets(), std::vector<std::string>());
  const model::ApiKey one = add("one secret");
  EXPECT_EQ(secrets(), std::vector<std::string>{"one secret"});
  add("a short life", clock.now() + 1h);
  EXPECT_EQ(secrets().size(), 2u);
  clock.run_for(1h);
  EXPECT_EQ(secrets(), std::vector<std::string>{"one secret"});
  write([&](store::Connection& c) {
    return store::api_keys::revoke(c, workspace.id, one.id, clock.now());
  });
  EXPECT_EQ(secrets().size(), 1u) << "nobody has told it";
  keys.forget(one.id);
  EXPECT_EQ(secrets(), std::vector<std::string>());
}

TEST_F(KeyDirectoryTest, WhoIsNotTrustedAsksTheStoreEachTime) {
  keys.trust(false);
  const model::ApiKey one = add("one secret");
  EXPECT_EQ(secrets().size(), 1u);
  write([&](store::Connection& c) {
    return store::api_keys::revoke(c, workspace.id, one.id, clock.now());
  });
  EXPECT_EQ(secrets(), std::vector<std::string>());
}

TEST_F(KeyDirectoryTest, ASecretThatDoesNotOpenClosesNoOtherDoor) {
  const model::ApiKey broken = add("a broken secret");
  add("one secret");
  update("UPDATE api_keys SET signing_secret = zeroblob(40) WHERE id = $1", broken);
  keys.trust(true);
  EXPECT_EQ(secrets(), std::vector<std::string>{"one secret"});
  EXPECT_EQ(run(keys.find(request, broken.id.text(), KeyPlatform::kPeptideClients)).error().code,
            Code::kInternal);
}

}  // namespace
}  // namespace waybill::surfaces
