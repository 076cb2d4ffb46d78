#include "model/api_key.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/manual_clock.h"

namespace waybill::model {
namespace {

constexpr Timestamp kNoon = ManualClock::kNoon;
using std::chrono::milliseconds;

TEST(ApiKey, ItsTextBeginsWithItsPlatformsPrefix) {
  EXPECT_TRUE(new_key_text(KeyPlatform::kProcuLink).reveal().starts_with("plk_"));
  EXPECT_TRUE(new_key_text(KeyPlatform::kWaybill).reveal().starts_with("wbk_"));
}

TEST(ApiKey, ItsTextHolds192RandomBits) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Secret text = new_key_text(KeyPlatform::kProcuLink);
    EXPECT_EQ(parse_base64url(text.reveal().substr(4)).value().size(), 24u);
    EXPECT_TRUE(seen.insert(text.reveal()).second);
  }
}

TEST(ApiKey, WhatIsKeptOfItsTextIsAHashAndAPrefix) {
  const Secret text("plk_abcdefghijklmnopqrstuvwxyz012345");
  EXPECT_EQ(key_prefix(KeyPlatform::kProcuLink, KeyKind::kNone, text), "plk_abcdef");
  EXPECT_EQ(key_prefix(KeyPlatform::kProcuLink, KeyKind::kNone, Secret("plk_")), "plk_");
  EXPECT_EQ(key_hash("abc"), crypto::sha256("abc"));
  EXPECT_NE(key_hash("abc"), key_hash("abd"));
}

TEST(ApiKey, IsUsableUntilItExpiresOrIsRevoked) {
  struct Case {
    std::optional<Timestamp> expires, revoked;
    bool usable;
  };
  for (const Case& c : {
           Case{std::nullopt, std::nullopt, true},
           Case{kNoon + milliseconds(1), std::nullopt, true},
           Case{kNoon, std::nullopt, false},
           Case{kNoon - milliseconds(1), std::nullopt, false},
           Case{std::nullopt, kNoon - milliseconds(1), false},
           Case{std::nullopt, kNoon, false},
           Case{kNoon + milliseconds(1), kNoon, false},
       }) {
    ApiKey key;
    key.expires_at = c.expires;
    key.revoked_at = c.revoked;
    EXPECT_EQ(key.is_usable(kNoon), c.usable);
  }
}

TEST(ApiKey, AllowsItsScopesAndThoseOfItsAreas) {
  struct Case {
    std::vector<std::string> held;
    std::string_view asked;
    bool allowed;
  };
  for (const Case& c : {
           Case{{}, "orders:read", false},
           Case{{"orders:read"}, "orders:read", true},
           Case{{"orders:read"}, "orders:write", false},
           Case{{"orders:*"}, "orders:write", true},
           Case{{"orders:*"}, "orders-old:read", false},
           Case{{"order:*"}, "orders:read", false},
           Case{{"*"}, "keys:write", true},
           Case{{"keys:read", "events:*"}, "events:write", true},
           Case{{"keys:read", "events:*"}, "keys:write", false},
           Case{{":*"}, "keys:read", false},
       }) {
    ApiKey key;
    key.scopes = c.held;
    EXPECT_EQ(key.allows(c.asked), c.allowed) << c.asked;
  }
}

TEST(ApiKey, ScopesAreThoseThatExist) {
  struct Case {
    std::vector<std::string> scopes;
    bool known;
  };
  for (const Case& c : {
           Case{{}, true},
           Case{{"*"}, true},
           Case{{"orders:read", "endpoints:*"}, true},
           Case{{"orders:write"}, false},
           Case{{"orders"}, false},
           Case{{"orders:"}, false},
           Case{{"nothing:*"}, false},
           Case{{"orders:read", ""}, false},
           Case{{"ORDERS:READ"}, false},
       }) {
    const Result<void> checked = check_scopes(KeyPlatform::kWaybill, KeyKind::kNone, c.scopes);
    EXPECT_EQ(checked.has_value(), c.known) << (c.scopes.empty() ? "" : c.scopes.back());
    if (!checked) {
      EXPECT_EQ(checked.error().code, Code::kInvalid);
      EXPECT_EQ(checked.error().reason, "scope_unknown");
      EXPECT_NE(checked.error().message.find("endpoints:write"), std::string::npos);
    }
  }
  for (const Scope& scope : known_scopes()) {
    EXPECT_TRUE(check_scopes(KeyPlatform::kWaybill, KeyKind::kNone, {std::string(scope.name)}));
    EXPECT_FALSE(scope.meaning.empty()) << scope.name;
  }
}

TEST(ApiKey, PlatformsHaveNames) {
  for (const KeyPlatform platform : {KeyPlatform::kWaybill, KeyPlatform::kProcuLink}) {
    EXPECT_EQ(parse_key_platform(key_platform_name(platform)), platform);
  }
  EXPECT_EQ(parse_key_platform("other"), std::nullopt);
}

}  // namespace
}  // namespace waybill::model
