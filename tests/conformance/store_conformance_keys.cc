// What keys of an integration have beside others, and what keys were used for: store/api_keys.h,
// store/key_usage.h.

#include <algorithm>
#include <chrono>
#include <tuple>

#include "conformance/store_conformance.h"
#include "crypto/digest.h"
#include "store/api_keys.h"
#include "store/key_usage.h"

namespace waybill::store {
namespace {

using namespace std::chrono_literals;

auto fields(const model::ApiKey& key) {
  return std::tuple(key.kind, key.store_id, key.source, key.payload_format, key.require_signature,
                    key.allowed_networks, key.calls_per_minute, key.last_used_at);
}

}  // namespace

void KeyConformance::SetUp() {
  StoreConformance::SetUp();
  acme_ = add_workspace("acme");
}

model::ApiKey KeyConformance::woocommerce_key(std::string secret) {
  model::ApiKey key;
  key.id = ids_.next_id<model::ApiKeyId>();
  key.workspace_id = acme_.id;
  key.platform = model::KeyPlatform::kPeptideClients;
  key.kind = model::KeyKind::kIntegration;
  key.payload_format = model::PayloadFormat::kWooCommerce;
  key.store_id = ids_.next_id<model::StoreId>();
  key.source = "woocommerce";
  key.require_signature = true;
  key.hash = crypto::sha256(key.id.text());
  key.created_at = kNoon;
  key.signing_secret = Secret(std::move(secret));
  return key;
}

std::string KeyConformance::insert(const model::ApiKey& key) {
  return outcome(
      write([&](Connection& c) { return api_keys::insert(c, key, sealed(key.signing_secret)); }));
}

std::string KeyConformance::rotate(const model::ApiKey& key, const std::string& secret,
                                   std::optional<Timestamp> former_until, Timestamp now) {
  const api_keys::Rotation rotation{Secret(secret), sealed(Secret(secret)), former_until};
  return outcome(write([&](Connection& c) -> Result<void> {
    WAYBILL_TRY(api_keys::find_to_change(c, key.workspace_id, key.id));
    return api_keys::rotate_secret(c, key, rotation, now);
  }));
}

Bytes KeyConformance::sealed(const Secret& secret) {
  const std::string text = "sealed " + secret.reveal();
  return {text.begin(), text.end()};
}

api_keys::Stored KeyConformance::stored(const model::ApiKey& key) {
  return must(read([&](Connection& c) { return api_keys::find_by_hash(c, key.hash); })).value();
}

std::vector<model::ApiKeyId> KeyConformance::all_of_woocommerce() {
  std::vector<model::ApiKeyId> ids;
  for (const api_keys::Stored& one : must(read(api_keys::of_woocommerce))) {
    ids.push_back(one.key.id);
  }
  std::ranges::sort(ids);
  return ids;
}

void KeyConformance::use(const model::ApiKeyId& key, Timestamp at, int requests, int errors,
                         const std::optional<Uuid>& node) {
  const key_usage::Use use{acme_.id, key, key_usage::hour_of(at), requests, errors, at};
  ASSERT_TRUE(write([&](Connection& c) { return key_usage::add(c, node.value_or(node_), use); }));
}

std::optional<KeyConformance::Usage> KeyConformance::usage(const model::ApiKeyId& key,
                                                           Timestamp now) {
  const auto found =
      must(read([&](Connection& c) { return key_usage::find(c, acme_.id, key, key, now); }));
  if (found.empty()) return std::nullopt;
  const auto& [id, usage] = *found.begin();
  EXPECT_EQ(id, key);
  return Usage(usage.requests_24h, usage.errors_24h, usage.last_used_at);
}

std::int64_t KeyConformance::fold(Timestamp now, int limit) {
  return must(write([&](Connection& c) { return key_usage::fold_old(c, acme_.id, now, limit); }));
}

TEST_P(KeyConformance, AnIntegrationsKeyComesBackWithAllItsFields) {
  for (const bool full : {false, true}) {
    model::ApiKey key = woocommerce_key(full ? "secret of one" : "secret of another");
    if (!full) key.payload_format = model::PayloadFormat::kPeptideClients;
    if (full) {
      key.allowed_networks = {"192.0.2.0/24", "fd00::/8"};
      key.calls_per_minute = 60;
      key.last_used_at = kNoon + 1s;
    }
    key.require_signature = full;
    ASSERT_EQ(insert(key), "value");
    EXPECT_EQ(fields(must(read(
                  [&](Connection& c) { return api_keys::find(c, key.workspace_id, key.id); }))),
              fields(key));
    const api_keys::Stored found = stored(key);
    EXPECT_EQ(fields(found.key), fields(key));
    EXPECT_EQ(found.signing_secret, sealed(key.signing_secret));
    EXPECT_TRUE(found.previous_signing_secret.empty());
    EXPECT_TRUE(found.key.signing_secret.empty()) << "the store has nothing to open it with";
  }
}

TEST_P(KeyConformance, NoTwoKeysOfWooCommerceShareASecret) {
  const model::ApiKey first = woocommerce_key("the same text");
  ASSERT_EQ(insert(first), "value");
  model::ApiKey second = woocommerce_key("the same text");
  second.workspace_id = add_workspace("other").id;
  EXPECT_EQ(insert(second), "conflict signing_secret_taken");
  EXPECT_EQ(all_of_woocommerce(), std::vector{first.id});

  model::ApiKey other_format = woocommerce_key("the same text");
  other_format.payload_format = model::PayloadFormat::kPeptideClients;
  EXPECT_EQ(insert(other_format), "value") << "such keys are told by their text";

  ASSERT_TRUE(write([&](Connection& c) {
    return api_keys::revoke(c, first.workspace_id, first.id, kNoon + 1s);
  }));
  EXPECT_EQ(insert(second), "value") << "the first key works no more";
}

// W-3: a shop decodes entities before it signs. Two such keys would be told by nothing.
TEST_P(KeyConformance, SecretsThatAShopSignsAlikeWithAreOne) {
  const model::ApiKey key = woocommerce_key("salt &amp; pepper");
  ASSERT_EQ(insert(key), "value");
  EXPECT_EQ(insert(woocommerce_key("salt & pepper")), "conflict signing_secret_taken");
  const model::ApiKey other = woocommerce_key("salt &amp;amp; pepper");
  ASSERT_EQ(insert(other), "value") << "that is signed with as the first is written";
  EXPECT_EQ(rotate(other, "salt &#038; pepper", {}, kNoon), "conflict signing_secret_taken");
  EXPECT_EQ(rotate(key, "salt & pepper", {}, kNoon), "value") << "its own";
  EXPECT_EQ(insert(woocommerce_key("salt &#x26; pepper")), "conflict signing_secret_taken");
}

TEST_P(KeyConformance, ASecretOfAKeyThatHasExpiredIsFree) {
  model::ApiKey first = woocommerce_key("the same text");
  first.expires_at = kNoon + 1h;
  ASSERT_EQ(insert(first), "value");
  model::ApiKey second = woocommerce_key("the same text");
  second.created_at = kNoon + 1h - 1ms;
  EXPECT_EQ(insert(second), "conflict signing_secret_taken");
  second.created_at = kNoon + 1h;
  EXPECT_EQ(insert(second), "value");
}

TEST_P(KeyConformance, ARotatedSecretKeepsTheFormerOneForAWhile) {
  const model::ApiKey key = woocommerce_key("first secret");
  ASSERT_EQ(insert(key), "value");
  ASSERT_EQ(rotate(key, "second secret", kNoon + 24h, kNoon), "value");
  api_keys::Stored found = stored(key);
  EXPECT_EQ(found.signing_secret, sealed(Secret("second secret")));
  EXPECT_EQ(found.previous_signing_secret, sealed(Secret("first secret")));
  EXPECT_EQ(found.key.previous_signing_secret_expires_at, kNoon + 24h);

  // Both are the key's as long as both count.
  model::ApiKey other = woocommerce_key("second secret");
  EXPECT_EQ(insert(other), "conflict signing_secret_taken");
  other.signing_secret = Secret("first secret");
  other.created_at = kNoon + 24h - 1ms;
  EXPECT_EQ(insert(other), "conflict signing_secret_taken");
  other.created_at = kNoon + 24h;
  EXPECT_EQ(insert(other), "value");
  EXPECT_EQ(rotate(key, "first secret", {}, kNoon + 25h), "conflict signing_secret_taken");

  ASSERT_EQ(rotate(key, "third secret", {}, kNoon + 25h), "value");
  found = stored(key);
  EXPECT_EQ(found.signing_secret, sealed(Secret("third secret")));
  EXPECT_TRUE(found.previous_signing_secret.empty());
  EXPECT_FALSE(found.key.previous_signing_secret_expires_at);
}

TEST_P(KeyConformance, ASecretCanComeBackToItsOwnKey) {
  const model::ApiKey key = woocommerce_key("first secret");
  ASSERT_EQ(insert(key), "value");
  EXPECT_EQ(rotate(key, "first secret", kNoon + 24h, kNoon), "value");
  EXPECT_EQ(rotate(key, "second secret", kNoon + 24h, kNoon), "value");
  EXPECT_EQ(rotate(key, "first secret", kNoon + 24h, kNoon), "value");
  const model::ApiKey other = woocommerce_key("first secret");
  EXPECT_EQ(insert(other), "conflict signing_secret_taken");
}

TEST_P(KeyConformance, TheKeysOfWooCommerceAreThoseThatWereNotRevoked) {
  const model::ApiKey one = woocommerce_key("one secret");
  model::ApiKey two = woocommerce_key("two secrets");
  two.workspace_id = add_workspace("other").id;
  const model::ApiKey revoked = woocommerce_key("no secret any more");
  model::ApiKey plain = woocommerce_key("of another format");
  plain.payload_format = model::PayloadFormat::kPeptideClients;
  for (const model::ApiKey& key : {one, two, revoked, plain}) ASSERT_EQ(insert(key), "value");
  ASSERT_TRUE(write(
      [&](Connection& c) { return api_keys::revoke(c, revoked.workspace_id, revoked.id, kNoon); }));
  EXPECT_EQ(all_of_woocommerce(), (std::vector{one.id, two.id}));
}

TEST_P(KeyConformance, UsesAddUpOverNodesAndHours) {
  const auto key = ids_.next_id<model::ApiKeyId>();
  EXPECT_FALSE(usage(key, kNoon));
  use(key, kNoon + 1min, 3, 1);
  use(key, kNoon + 2min, 4, 0);
  use(key, kNoon + 1min, 10, 2, ids_.next());
  use(key, kNoon + 1h, 5, 5);
  EXPECT_EQ(usage(key, kNoon + 1h), Usage(22, 8, std::optional<Timestamp>(kNoon + 1h)));

  // A day later the first hour is none of the last 24 any more, and then the second one.
  EXPECT_EQ(usage(key, kNoon + 23h + 59min), Usage(22, 8, std::optional<Timestamp>(kNoon + 1h)));
  EXPECT_EQ(usage(key, kNoon + 24h), Usage(5, 5, std::optional<Timestamp>(kNoon + 1h)));
  EXPECT_EQ(usage(key, kNoon + 25h), Usage(0, 0, std::optional<Timestamp>(kNoon + 1h)));
}

TEST_P(KeyConformance, UsesOfAKeyAreNoOthers) {
  const auto one = ids_.next_id<model::ApiKeyId>();
  const auto two = ids_.next_id<model::ApiKeyId>();
  const auto three = ids_.next_id<model::ApiKeyId>();
  use(one, kNoon, 1, 0);
  use(three, kNoon, 3, 0);
  EXPECT_FALSE(usage(two, kNoon));
  const auto both =
      must(read([&](Connection& c) { return key_usage::find(c, acme_.id, one, three, kNoon); }));
  EXPECT_EQ(both.size(), 2u);
  EXPECT_TRUE(must(read([&](Connection& c) {
                return key_usage::find(c, workspace_, one, three, kNoon);
              })).empty());
}

TEST_P(KeyConformance, OldUsesLeaveWhenTheKeyWasUsedLast) {
  const model::ApiKey key = woocommerce_key("one secret");
  ASSERT_EQ(insert(key), "value");
  use(key.id, kNoon + 1min, 1, 0);
  use(key.id, kNoon + 1h, 1, 0);
  use(key.id, kNoon + 2h, 1, 0);
  EXPECT_EQ(fold(kNoon + 23h + 59min), 0) << "all of them are asked for";
  EXPECT_EQ(fold(kNoon + 25h, /*limit=*/1), 1);
  EXPECT_EQ(fold(kNoon + 25h), 1);
  EXPECT_EQ(stored(key).key.last_used_at, kNoon + 1h);
  EXPECT_EQ(usage(key.id, kNoon + 25h), Usage(1, 0, std::optional<Timestamp>(kNoon + 2h)));
  EXPECT_EQ(fold(kNoon + 1000h), 1);
  EXPECT_EQ(stored(key).key.last_used_at, kNoon + 2h);
  // A node that was slow to tell.
  use(key.id, kNoon, 1, 0);
  EXPECT_EQ(fold(kNoon + 1000h), 1);
  EXPECT_EQ(stored(key).key.last_used_at, kNoon + 2h);
}

}  // namespace waybill::store
