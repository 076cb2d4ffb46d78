#include "intake/source_secrets.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"

namespace waybill::intake {
namespace {

using std::chrono::hours;

const crypto::SecretBox& box() {
  static const auto made = crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7));
  return *made;
}

TEST(SourceSecrets, AreReadAsTheyWereWritten) {
  model::Source source;
  source.id = model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0B").value();
  const Timestamp later = Timestamp() + hours(24 * 20'000);
  source.secrets =
      seal_secrets(box(), source.id, {{Secret("new \"one\""), {}}, {Secret("former"), later}});
  const auto keys = open_secrets(box(), source);
  ASSERT_TRUE(keys.has_value());
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].secret.reveal(), "new \"one\"");
  EXPECT_EQ((*keys)[0].expires_at, std::nullopt);
  EXPECT_EQ((*keys)[1].secret.reveal(), "former");
  EXPECT_EQ((*keys)[1].expires_at, later);
}

TEST(SourceSecrets, OfOneSourceOpenForNoOther) {
  model::Source source;
  source.id = model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0B").value();
  source.secrets = seal_secrets(box(), source.id, {{Secret("mine"), {}}});
  source.id = model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0C").value();
  const auto keys = open_secrets(box(), source);
  ASSERT_FALSE(keys.has_value());
  EXPECT_EQ(keys.error().code, Code::kInternal);
}

TEST(SourceSecrets, NoneAreStoredAsNothing) {
  model::Source source;
  EXPECT_TRUE(seal_secrets(box(), source.id, {}).empty());
  EXPECT_TRUE(open_secrets(box(), source).value().empty());
}

// A secret that somebody typed is in a dictionary, and must not be found by it.
TEST(SourceSecrets, AFingerprintIsNoDigestOfTheSecretAlone) {
  model::Source source;
  source.id = model::SourceId::parse("src_01KAHZ5MPQ3V8N2X7R4T6W9Y0B").value();
  source.token = box().seal("a-token", source.id.bytes());
  const std::string made = fingerprint(box(), source, Secret("abc"));
  EXPECT_EQ(made, hex(crypto::hmac_sha256(as_bytes("a-token"), {"abc"})).substr(0, 8));
  EXPECT_NE(made, hex(crypto::sha256("abc")).substr(0, 8));
  EXPECT_NE(fingerprint(box(), source, Secret("abd")), made);
  source.token = box().seal("another", source.id.bytes());
  EXPECT_NE(fingerprint(box(), source, Secret("abc")), made);
}

// SHA-256 of "abc" is in FIPS 180-4.
TEST(SourceSecrets, ATokenIsFoundByItsDigest) {
  EXPECT_EQ(hex(token_hash("abc")).substr(0, 8), "ba7816bf");
}

}  // namespace
}  // namespace waybill::intake
