#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill::dialect {
namespace {

using Headers = std::vector<net::Header>;
using testing::HasSubstr;

constexpr Timestamp kNow{std::chrono::milliseconds(1795235400500)};
constexpr std::string_view kBody = R"({"id":1,"name":"ü"})";
const Secret kSecret("your-webhook-secret");
const Secret kOther("another-secret");

Dialect load(std::string_view file) {
  const std::string path = std::string(WAYBILL_SOURCE_DIR "/") + std::string(file);
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  Result<Dialect> loaded = load_dialect(path, std::string(std::istreambuf_iterator<char>(in), {}));
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  return *std::move(loaded);
}

class SignatureTest : public testing::Test {
 protected:
  const Dialect proculink_ = load("dialects/proculink.toml");
  const Dialect standard_ = load("dialects/standard-webhooks.toml");
  const Dialect t_v1_ = load("src/dialect/testdata/t-v1.toml");
  const Dialect base64_ = load("src/dialect/testdata/base64.toml");
  const Headers standard_headers_ = {{"webhook-id", "evt_1"}, {"webhook-timestamp", "1795235400"}};

  static std::string hmac(const Secret& secret, std::string_view text) {
    return hex(crypto::hmac_sha256(as_bytes(secret.reveal()), {text}));
  }
  static std::string reason(const Result<void>& result) {
    return result ? "passed" : result.error().reason;
  }
};

Headers joined(Headers a, const Headers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(SignatureTest, SignsTheRawBodyAsProcuLinkDoes) {
  const Headers signature = sign(proculink_, {}, kBody, kNow, {{kSecret}}).value();
  ASSERT_EQ(signature.size(), 1u);
  EXPECT_EQ(signature[0].name, "X-ProcuLink-Signature");
  EXPECT_EQ(signature[0].value, "sha256=" + hmac(kSecret, kBody));
}

TEST_F(SignatureTest, SignsNothingWithoutASecret) {
  EXPECT_TRUE(sign(proculink_, {}, kBody, kNow, {}).value().empty());
}

TEST_F(SignatureTest, ADialectThatDoesNotSignHasNoSignature) {
  const Dialect unsigned_dialect = load_dialect("d.toml", R"(
title = "D"
description = "d"
open_catalogue = true
envelope = '"{data}"'
[delivery]
retry = []
)")
                                       .value();
  EXPECT_TRUE(sign(unsigned_dialect, {}, kBody, kNow, {{kSecret}}).value().empty());
  EXPECT_EQ(unsigned_dialect.check_secret(kSecret).error().reason, "secret_invalid");
  EXPECT_EQ(reason(verify(unsigned_dialect, {}, kBody, {{kSecret}}, kNow)), "dialect_unsigned");
}

// Where the header holds one signature, receivers that know only the former secret must go on
// working.
TEST_F(SignatureTest, DuringARotationTheFormerSecretKeepsTheHeader) {
  const std::vector<Secret> secrets = {kOther, kSecret};
  const Headers signature = sign(proculink_, {}, kBody, kNow, secrets).value();
  ASSERT_EQ(signature.size(), 2u);
  EXPECT_EQ(signature[0].name, "X-ProcuLink-Signature");
  EXPECT_EQ(signature[0].value, "sha256=" + hmac(kSecret, kBody));
  EXPECT_EQ(signature[1].name, "X-ProcuLink-Signature-Next");
  EXPECT_EQ(signature[1].value, "sha256=" + hmac(kOther, kBody));
  EXPECT_EQ(reason(verify(proculink_, signature, kBody, {{kSecret}}, kNow)), "passed");
  EXPECT_EQ(reason(verify(proculink_, signature, kBody, {{kOther}}, kNow)), "passed");
}

TEST_F(SignatureTest, DuringARotationASeparatedHeaderHoldsBothNewestFirst) {
  const std::vector<Secret> secrets = {kOther, kSecret};
  const Headers signature = sign(t_v1_, {}, kBody, kNow, secrets).value();
  const std::string text = "1795235400." + std::string(kBody);
  ASSERT_EQ(signature.size(), 1u);
  EXPECT_EQ(signature[0].value,
            "t=1795235400,v1=" + hmac(kOther, text) + ",v1=" + hmac(kSecret, text));
  for (const Secret& secret : secrets) {
    EXPECT_EQ(reason(verify(t_v1_, signature, kBody, {{secret}}, kNow)), "passed");
  }
}

TEST_F(SignatureTest, SignsTheIdAndTimeThatAreSent) {
  const Secret secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const Headers signature = sign(standard_, standard_headers_, kBody, kNow, {{secret}}).value();
  const Bytes key = parse_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").value();
  EXPECT_EQ(signature.at(0).value,
            "v1," + base64(crypto::hmac_sha256(key, {"evt_1.1795235400.", kBody})));

  for (const Headers& lacking :
       {Headers{}, Headers{standard_headers_[0]}, Headers{standard_headers_[1]}}) {
    const auto refused = sign(standard_, lacking, kBody, kNow, {{secret}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, "signed_header_missing");
  }
}

TEST_F(SignatureTest, SignsWithSecretsOfBothKindsAtOnce) {
  const std::vector<Secret> secrets = {
      Secret("whsk_6Xb/dCcHpPea21PS1N9VY/"
             "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="),
      Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};
  const Headers signature = sign(standard_, standard_headers_, kBody, kNow, secrets).value();
  const std::string& value = signature.at(0).value;
  EXPECT_TRUE(value.starts_with("v1a,")) << value;
  EXPECT_NE(value.find(" v1,"), std::string::npos) << value;

  const Headers all = joined(standard_headers_, signature);
  const Secret public_key("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
  EXPECT_EQ(standard_.verification_key(secrets[0]), public_key.reveal());
  EXPECT_EQ(standard_.verification_key(secrets[1]), secrets[1].reveal());
  for (const Secret& key : {secrets[0], secrets[1], public_key}) {
    EXPECT_EQ(reason(verify(standard_, all, kBody, {{key}}, kNow)), "passed");
  }
  EXPECT_EQ(sign(standard_, standard_headers_, kBody, kNow, {{public_key}}).error().reason,
            "secret_invalid");
}

TEST_F(SignatureTest, KnowsASecretByItsForm) {
  struct Case {
    const Dialect& dialect;
    std::string secret;
    bool good;
  };
  const std::string own =
      "whsk_" + base64(parse_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b3269"
                                 "19703bac031cae7f60d75a980182b10ab7d54bfed3c964"
                                 "073a0ee172f3daa62325af021a68f707511a")
                           .value());
  for (const Case& c : {
           Case{proculink_, "s", true},
           Case{proculink_, "sécrèt-🔑 with spaces", true},
           Case{proculink_, std::string(256, 'x'), true},
           Case{proculink_, "", false},
           Case{proculink_, std::string(257, 'x'), false},
           Case{standard_, "whsec_" + base64(Bytes(24)), true},
           Case{standard_, "whsec_" + base64(Bytes(64)), true},
           Case{standard_, "whsec_" + base64(Bytes(23)), false},
           Case{standard_, "whsec_" + base64(Bytes(65)), false},
           Case{standard_, base64(Bytes(32)), false},
           Case{standard_, "whsec_" + std::string(40, '!'), false},
           Case{standard_, "whsec_", false},
           Case{standard_, "whsk_" + base64(Bytes(32)), true},
           Case{standard_, "whsk_" + base64(Bytes(33)), false},
           Case{standard_, own, true},
           // The public half of another seed.
           Case{standard_, "whsk_" + base64(Bytes(64)), false},
           Case{standard_, "whpk_" + base64(Bytes(32)), false},
       }) {
    const Result<void> checked = c.dialect.check_secret(Secret(c.secret));
    EXPECT_EQ(checked.has_value(), c.good) << c.dialect.name << " " << c.secret.substr(0, 20);
    if (!checked) EXPECT_EQ(checked.error().reason, "secret_invalid");
  }
  EXPECT_EQ(
      standard_.check_secret(Secret("hunter2")).error().message,
      "A secret of this dialect is \"whsec_\" and 24 to 64 bytes in base64, or \"whsk_\" and an "
      "Ed25519 private key in base64.");
}

TEST_F(SignatureTest, MakesSecretsThatItTakes) {
  for (const Dialect* dialect : {&proculink_, &standard_, &t_v1_, &base64_}) {
    const Secret secret = dialect->new_secret();
    EXPECT_TRUE(dialect->check_secret(secret).has_value()) << dialect->name;
    EXPECT_NE(secret, dialect->new_secret());
  }
  EXPECT_TRUE(standard_.new_secret().reveal().starts_with("whsec_"));
}

// It made 32 random bytes whatever the dialect took, and every endpoint without a secret of its own
// was refused.
TEST_F(SignatureTest, MakesSecretsOfTheSizeThatADialectTakes) {
  const auto dialect_with = [](std::string_view key) {
    return load_dialect("d.toml", fmt::format(R"(
title = "D"
description = "d"
open_catalogue = true
envelope = '"{{data}}"'
[delivery]
retry = []
[signature]
header = "X-Signature"
signed = "{{body}}"
separator = " "
[[signature.schemes]]
text = "{{hex}}"
secret_prefix = "s_"
{})",
                                              key));
  };
  for (const char* key :
       {"key_bytes_max = 16", "key_bytes_min = 100", "key_bytes_min = 1024\nkey_bytes_max = 1024",
        "key = 'base64'\nkey_bytes_max = 24", "key = 'base64'\nkey_bytes_min = 64"}) {
    const Dialect dialect = dialect_with(key).value();
    EXPECT_TRUE(dialect.check_secret(dialect.new_secret()).has_value()) << key;
  }
  EXPECT_THAT(dialect_with("key_bytes_max = 15").error().message,
              HasSubstr("[[signature.schemes]] key_bytes_max: must be a whole number"))
      << "what can be guessed";
}

TEST_F(SignatureTest, MakesAKeyPairWhereTheFirstSchemeIsAsymmetric) {
  const Dialect dialect = load_dialect("d.toml", R"(
title = "D"
description = "d"
open_catalogue = true
envelope = '"{data}"'
[delivery]
retry = []
[signature]
header = "X-Signature"
signed = "{body}"
separator = " "
[[signature.schemes]]
text = "{hex}"
algorithm = "ed25519"
key = "base64"
public_prefix = "pub_"
)")
                              .value();
  const Secret secret = dialect.new_secret();
  EXPECT_TRUE(dialect.check_secret(secret).has_value());
  const Headers signature = sign(dialect, {}, kBody, kNow, {{secret}}).value();
  const Secret public_key(dialect.verification_key(secret));
  EXPECT_EQ(reason(verify(dialect, signature, kBody, {{public_key}}, kNow)), "passed");
}

TEST_F(SignatureTest, VerifiesWhatItSigned) {
  for (const Dialect* dialect : {&proculink_, &t_v1_, &base64_}) {
    const Headers signature = sign(*dialect, {}, kBody, kNow, {{kSecret}}).value();
    const std::string changed(kBody.substr(0, kBody.size() - 1));
    EXPECT_EQ(reason(verify(*dialect, signature, kBody, {{kSecret}}, kNow)), "passed");
    EXPECT_EQ(reason(verify(*dialect, signature, kBody, {{kOther, kSecret}}, kNow)), "passed");
    EXPECT_EQ(reason(verify(*dialect, signature, kBody, {{kOther}}, kNow)), "signature_mismatch");
    EXPECT_EQ(reason(verify(*dialect, signature, kBody, {}, kNow)), "signature_mismatch");
    EXPECT_EQ(reason(verify(*dialect, signature, changed, {{kSecret}}, kNow)),
              "signature_mismatch");
    EXPECT_EQ(reason(verify(*dialect, {}, kBody, {{kSecret}}, kNow)), "signature_missing");
  }
}

TEST_F(SignatureTest, ReadsProcuLinksHeaderWhole) {
  const std::string digest = hmac(kSecret, kBody);
  std::string upper = digest;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  struct Case {
    std::string value;
    std::string_view outcome;
  };
  for (const Case& c : {
           Case{"sha256=" + digest, "passed"},
           Case{"sha256=" + upper, "passed"},
           Case{"sha256=" + hmac(kOther, kBody), "signature_mismatch"},
           Case{"sha256=" + digest.substr(2), "signature_mismatch"},
           Case{"sha256=" + digest + "00", "signature_mismatch"},
           Case{"sha256=not hex", "signature_mismatch"},
           Case{"sha256=", "signature_mismatch"},
           Case{digest, "signature_malformed"},
           Case{"SHA256=" + digest, "signature_malformed"},
           Case{"sha256:" + digest, "signature_malformed"},
           Case{"", "signature_malformed"},
       }) {
    const Headers headers = {{"x-proculink-signature", c.value}};
    EXPECT_EQ(reason(verify(proculink_, headers, kBody, {{kSecret}}, kNow)), c.outcome) << c.value;
  }
}

TEST_F(SignatureTest, ReadsASeparatedHeaderPartByPart) {
  const std::string good = hmac(kSecret, "1795235400." + std::string(kBody));
  const std::string bad = hmac(kOther, "1795235400." + std::string(kBody));
  std::string many = "t=1795235400";
  for (int i = 0; i < 17; ++i) many += ",v1=" + bad;
  struct Case {
    std::string value;
    std::string_view outcome;
  };
  for (const Case& c : {
           Case{"t=1795235400,v1=" + good, "passed"},
           Case{"v1=" + good + ",t=1795235400", "passed"},
           Case{"t=1795235400, v1=" + good, "passed"},
           Case{"t=1795235400,v1=" + bad + ",v1=" + good, "passed"},
           Case{"t=1795235400,v0=" + bad + ",v1=" + good, "passed"},
           Case{"t=1795235400,v0=" + good, "signature_malformed"},
           Case{"t=1795235400,v1=" + bad, "signature_mismatch"},
           Case{"t=1795235401,v1=" + good, "signature_mismatch"},
           Case{"t=01795235400,v1=" + good, "signature_mismatch"},
           Case{"v1=" + good, "signature_malformed"},
           Case{"t=1795235400,t=1795235400,v1=" + good, "signature_malformed"},
           Case{"t=,v1=" + good, "signature_malformed"},
           Case{"t=-1795235400,v1=" + good, "signature_malformed"},
           Case{"t=+1795235400,v1=" + good, "signature_malformed"},
           Case{"t=1795235400.5,v1=" + good, "signature_malformed"},
           Case{"t=179523540099999,v1=" + good, "signature_malformed"},
           Case{"t=1795235400", "signature_malformed"},
           Case{",", "signature_malformed"},
           Case{"", "signature_malformed"},
           // More than anybody needs: each would cost us a comparison.
           Case{many, "signature_malformed"},
       }) {
    const Headers headers = {{"X-Test-Signature", c.value}};
    EXPECT_EQ(reason(verify(t_v1_, headers, kBody, {{kSecret}}, kNow)), c.outcome) << c.value;
  }
}

TEST_F(SignatureTest, ASignedTimeMayBeFiveMinutesOffInBothDirections) {
  const Headers signature = sign(t_v1_, {}, kBody, kNow, {{kSecret}}).value();
  const Timestamp signed_at = std::chrono::floor<std::chrono::seconds>(kNow);
  struct Case {
    std::chrono::milliseconds later;
    std::string_view outcome;
  };
  for (const Case& c : {
           Case{std::chrono::minutes(5), "passed"},
           Case{std::chrono::minutes(5) + std::chrono::milliseconds(1),
                "timestamp_out_of_tolerance"},
           Case{std::chrono::minutes(-5), "passed"},
           Case{std::chrono::minutes(-5) - std::chrono::milliseconds(1),
                "timestamp_out_of_tolerance"},
       }) {
    EXPECT_EQ(reason(verify(t_v1_, signature, kBody, {{kSecret}}, signed_at + c.later)), c.outcome)
        << c.later.count();
    // Who has no secret learns nothing of our clock.
    EXPECT_EQ(reason(verify(t_v1_, signature, kBody, {{kOther}}, signed_at + c.later)),
              "signature_mismatch");
  }
}

TEST_F(SignatureTest, TheIdAndTimeBesideTheSignatureAreSignedToo) {
  const Secret secret = standard_.new_secret();
  const Headers signature = sign(standard_, standard_headers_, kBody, kNow, {{secret}}).value();
  struct Case {
    Headers headers;
    std::string_view outcome;
  };
  for (const Case& c : {
           Case{joined(standard_headers_, signature), "passed"},
           Case{joined({{"Webhook-Id", "evt_1"}, {"Webhook-Timestamp", "1795235400"}}, signature),
                "passed"},
           Case{joined({{"webhook-id", "evt_2"}, standard_headers_[1]}, signature),
                "signature_mismatch"},
           Case{joined({standard_headers_[0], {"webhook-timestamp", "1795235401"}}, signature),
                "signature_mismatch"},
           Case{joined({standard_headers_[0], {"webhook-timestamp", "soon"}}, signature),
                "signature_malformed"},
           Case{joined({standard_headers_[0]}, signature), "signature_malformed"},
           Case{joined({standard_headers_[1]}, signature), "signature_malformed"},
           Case{standard_headers_, "signature_missing"},
       }) {
    EXPECT_EQ(reason(verify(standard_, c.headers, kBody, {{secret}}, kNow)), c.outcome);
  }
}

TEST_F(SignatureTest, WritesTheTimeInTheDialectsFormat) {
  struct Case {
    std::string_view format, written;
  };
  for (const Case& c : {Case{"unix", "1795235400"}, Case{"unix_ms", "1795235400500"},
                        Case{"iso", "2026-11-21T04:30:00.500Z"}}) {
    const Dialect dialect = load_dialect("d.toml", R"(
title = "D"
description = "d"
open_catalogue = true
envelope = '"{data}"'
[delivery]
retry = []
[signature]
header = "X-Signature"
signed = "{timestamp}|{body}"
value = "at {timestamp} by {signatures}."
rotation_header = "X-Next"
tolerance = "1m"
time_format = ")" + std::string(c.format) + R"("
[[signature.schemes]]
text = "{hex}"
)")
                                .value();
    const Headers signature = sign(dialect, {}, kBody, kNow, {{kSecret}}).value();
    const std::string at(c.written);
    EXPECT_EQ(signature.at(0).value,
              "at " + at + " by " + hmac(kSecret, at + "|" + std::string(kBody)) + ".");
    EXPECT_EQ(reason(verify(dialect, signature, kBody, {{kSecret}}, kNow)), "passed") << at;
  }
}

TEST_F(SignatureTest, NoMessageTellsASecretOrAnExpectedValue) {
  const Headers headers = {{"X-ProcuLink-Signature", "sha256=00"}};
  const Result<void> refused = verify(proculink_, headers, kBody, {{kSecret}}, kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  EXPECT_EQ(refused.error().message.find(kSecret.reveal()), std::string::npos);
  EXPECT_EQ(refused.error().message.find(hmac(kSecret, kBody)), std::string::npos);
}

}  // namespace
}  // namespace waybill::dialect
