// PC-Signature by its rules (R-PC-16 to R-PC-18, R-PC-21, A-PC-8), and by the vectors that the
// scheme's signers are held to.

#include "surfaces/peptideclients/pc_signature.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/json.h"

namespace waybill::surfaces::peptideclients {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSignedAt = 1779249317;
constexpr Timestamp kNow{std::chrono::seconds(kSignedAt)};
const Secret kSecret{"the-signing-secret"};
const Secret kFormer{"the-former-secret"};
const std::string kBody = R"({"external_id": "1"})";

std::string v1_of(const Secret& secret, std::string_view body, std::string_view time) {
  return hex(crypto::hmac_sha256(as_bytes(secret.reveal()), {time, ".", body}));
}
std::string header_of(const Secret& secret, std::string_view body = kBody) {
  const std::string time = std::to_string(kSignedAt);
  return "t=" + time + ",v1=" + v1_of(secret, body, time);
}
std::string reason_of(const Result<void>& result) { return result ? "" : result.error().reason; }
std::string verdict(std::string_view header, std::string_view body = kBody, Timestamp now = kNow) {
  return reason_of(verify_pc_signature(header, body, {&kSecret, &kFormer}, now));
}

TEST(PcSignature, PassesEveryVectorOfTheScheme) {
  std::ifstream in(WAYBILL_SOURCE_DIR "/tests/vectors/signatures.json", std::ios::binary);
  ASSERT_TRUE(in.good());
  const json::value file = parse_json(std::string(std::istreambuf_iterator<char>(in), {})).value();
  int tried = 0;
  for (const json::value& vector : file.at("vectors").as_array()) {
    if (vector.at("scheme").as_string() != "t-v1") continue;
    ++tried;
    const std::string name(vector.at("name").as_string());
    const Secret secret{std::string(vector.at("secret").as_string())};
    const std::string header(vector.at("signature").as_string());
    std::string body(vector.at("body").as_string());
    const Timestamp now{std::chrono::seconds(vector.at("timestamp").to_number<std::int64_t>())};
    EXPECT_EQ(reason_of(verify_pc_signature(header, body, {&secret}, now)), "") << name;
    body += ' ';
    EXPECT_EQ(reason_of(verify_pc_signature(header, body, {&secret}, now)), "signature_invalid")
        << name;
  }
  EXPECT_GE(tried, 15);
}

TEST(PcSignature, IsReadByItsParts) {
  const std::string good = v1_of(kSecret, kBody, "1779249317");
  const std::string other(64, '0');
  for (const std::string& header :
       {"t=1779249317,v1=" + good, "v1=" + good + ",t=1779249317", "t=1779249317, v1=" + good,
        " t=1779249317 ,\tv1=" + good + " ", "t=1779249317,v0=abc,v1=" + good,
        "t=1779249317,v1=" + other + ",v1=" + good, "t=1779249317,v1=" + good + ",v1=" + other}) {
    EXPECT_EQ(verdict(header), "") << header;
  }
  std::string upper = good;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  EXPECT_EQ(verdict("t=1779249317,v1=" + upper), "");

  std::string eleven = "t=1779249317";
  for (int i = 0; i < 11; ++i) eleven += ",v1=" + good;
  for (const std::string& header :
       std::vector<std::string>{"",
                                "nonsense",
                                "t=1779249317",
                                "v1=" + good,
                                "t=,v1=" + good,
                                "t=1779249317,v1=",
                                "t=1779249317,v1=" + good.substr(2),
                                "t=1779249317,v1=" + good + "00",
                                "t=1779249317,v1=" + good.substr(1) + "g",
                                "t=1779249317,t=1779249317,v1=" + good,
                                "t=1779249317,,v1=" + good,
                                "t=+1779249317,v1=" + good,
                                "t=1779249317.0,v1=" + good,
                                "t= 1779249317,v1=" + good,
                                "t=1779249317;v1=" + good,
                                "T=1779249317,V1=" + good,
                                "t=-1,v1=" + good,
                                "t=9999999999999999,v1=" + good,
                                eleven,
                                "t=1779249317,x=" + std::string(2048, 'x')}) {
    EXPECT_EQ(verdict(header), "signature_invalid") << header;
  }
}

TEST(PcSignature, IsOfTheseBytesAndThisTime) {
  EXPECT_EQ(verdict(header_of(kSecret)), "");
  EXPECT_EQ(verdict(header_of(kFormer)), "");
  EXPECT_EQ(verdict(header_of(Secret("another"))), "signature_invalid");
  EXPECT_EQ(verdict(header_of(kSecret), R"({"external_id":"1"})"), "signature_invalid");
  EXPECT_EQ(verdict("t=1779249318,v1=" + v1_of(kSecret, kBody, "1779249317")), "signature_invalid");
  const std::string padded = "t=01779249317,v1=" + v1_of(kSecret, kBody, "01779249317");
  EXPECT_EQ(verdict(padded), "") << "what is signed is the text";
}

TEST(PcSignature, NothingIsSignedWithAnEmptySecret) {
  const Secret none;
  EXPECT_EQ(reason_of(verify_pc_signature(header_of(none), kBody, {&none}, kNow)),
            "signature_invalid");
}

TEST(PcSignature, MayBeFiveMinutesOldOrAheadAndNoMore) {  // R-PC-18, A-PC-8
  for (const auto skew : {0s, 1s, 299s, 300s}) {
    EXPECT_EQ(verdict(header_of(kSecret), kBody, kNow + skew), "") << skew.count();
    EXPECT_EQ(verdict(header_of(kSecret), kBody, kNow - skew), "") << skew.count();
  }
  for (const auto skew : {301s, 3600s}) {
    EXPECT_EQ(verdict(header_of(kSecret), kBody, kNow + skew), "signature_expired");
    EXPECT_EQ(verdict(header_of(kSecret), kBody, kNow - skew), "signature_expired");
  }
  EXPECT_EQ(verdict(header_of(Secret("another")), kBody, kNow + 301s), "signature_invalid")
      << "only what was signed can be too old";
}

TEST(PcSignature, IsDemandedByTheKeyAndCheckedWhereverThereIsOne) {  // R-PC-17
  model::ApiKey key;
  key.signing_secret = kSecret;
  const auto checked = [&](std::optional<std::string_view> header) {
    return reason_of(check_pc_signature(header, kBody, key, kNow, kNow));
  };
  EXPECT_EQ(checked(std::nullopt), "");
  EXPECT_EQ(checked(header_of(kSecret)), "");
  EXPECT_EQ(checked(header_of(kFormer)), "signature_invalid");
  EXPECT_EQ(checked(""), "signature_invalid");
  key.require_signature = true;
  EXPECT_EQ(checked(std::nullopt), "signature_missing");
  EXPECT_EQ(checked(header_of(kSecret)), "");
}

TEST(PcSignature, TheFormerSecretCountsUntilItsTimeIsOver) {  // R-PC-21
  model::ApiKey key;
  key.signing_secret = kSecret;
  key.previous_signing_secret = kFormer;
  // The hub's time, by which secrets end, and the world's, by which signatures do, are two.
  const Timestamp hub_now{1h};
  const auto checked = [&](const Secret& secret, Timestamp now) {
    return reason_of(check_pc_signature(header_of(secret), kBody, key, now, kNow));
  };
  EXPECT_EQ(checked(kFormer, hub_now), "signature_invalid") << "without an end it has ended";
  key.previous_signing_secret_expires_at = hub_now + 1h;
  EXPECT_EQ(checked(kFormer, hub_now + 1h - 1ms), "");
  EXPECT_EQ(checked(kFormer, hub_now + 1h), "signature_invalid");
  EXPECT_EQ(checked(kSecret, hub_now + 1h), "");
}

}  // namespace
}  // namespace waybill::surfaces::peptideclients
