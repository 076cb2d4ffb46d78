// Every vector of signatures.json, through the dialect that signs so.

#include <cstddef>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill::dialect {
namespace {

using Headers = std::vector<net::Header>;

std::string read(std::string_view file) {
  const std::string path = WAYBILL_SOURCE_DIR "/" + std::string(file);
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

const Dialect& dialect_for(const std::string& scheme) {
  static const std::map<std::string, std::string> files = {
      {"sha256-hex", "dialects/proculink.toml"},
      {"t-v1", "dialects/peptideclients.toml"},
      {"base64", "src/dialect/testdata/base64.toml"},
      {"standard-webhooks-v1", "dialects/standard-webhooks.toml"},
      {"standard-webhooks-v1a", "dialects/standard-webhooks.toml"},
  };
  static std::map<std::string, Dialect> loaded;
  const std::string& file = files.at(scheme);
  if (!loaded.contains(file)) loaded.emplace(file, load_dialect(file, read(file)).value());
  return loaded.at(file);
}

struct Vector {
  std::string name, scheme, secret, public_key, body, signature;
  std::vector<std::string> used_by;
  Timestamp sent_at{std::chrono::seconds(1779249317)};
  Headers headers;  // What is signed beside the body.

  const Dialect& dialect() const { return dialect_for(scheme); }
  Secret verification_key() const { return Secret(public_key.empty() ? secret : public_key); }
  Headers received() const {
    Headers all = headers;
    all.push_back({dialect().signature->header, signature});
    return all;
  }
};

std::vector<Vector> load_vectors() {
  const json::value file = parse_json(read("tests/vectors/signatures.json")).value();
  std::vector<Vector> vectors;
  for (const json::value& entry : file.at("vectors").as_array()) {
    const json::object& object = entry.as_object();
    const auto text = [&](std::string_view name) {
      const json::value* value = object.if_contains(name);
      return value ? std::string(value->get_string()) : std::string();
    };
    Vector vector{text("name"),
                  text("scheme"),
                  text("secret"),
                  text("public_key"),
                  text("body"),
                  text("signature"),
                  {},
                  {},
                  {}};
    for (const json::value& platform : object.at("used_by").as_array()) {
      vector.used_by.emplace_back(platform.as_string());
    }
    std::string seconds = "0";
    if (const json::value* timestamp = object.if_contains("timestamp")) {
      vector.sent_at = Timestamp(std::chrono::seconds(timestamp->as_int64()));
      seconds = std::to_string(timestamp->as_int64());
    }
    if (object.contains("id")) {
      vector.headers = {{"webhook-id", text("id")}, {"webhook-timestamp", seconds}};
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> loaded = load_vectors();
  return loaded;
}

std::string outcome(const Vector& vector, const Headers& headers, std::string_view body,
                    const Secret& key) {
  const Result<void> verified = verify(vector.dialect(), headers, body, {{key}}, vector.sent_at);
  return verified ? "passed" : verified.error().reason;
}

TEST(SignatureVectors, AreAllThere) { EXPECT_EQ(vectors().size(), 68u); }

TEST(SignatureVectors, AreWhatWeSign) {
  for (const Vector& vector : vectors()) {
    const auto signature = sign(vector.dialect(), vector.headers, vector.body, vector.sent_at,
                                {{Secret(vector.secret)}});
    ASSERT_TRUE(signature.has_value()) << vector.name << ": " << signature.error().message;
    ASSERT_EQ(signature->size(), 1u) << vector.name;
    EXPECT_EQ(signature->front().value, vector.signature) << vector.name;
  }
}

// The scheme is not all there is to a signature: a platform's own file names its header.
TEST(SignatureVectors, AreWhatTheDialectsOfTheirPlatformsSign) {
  const DialectRegistry registry = DialectRegistry::load({}).value();
  std::map<std::string, int> signed_by;
  for (const Vector& vector : vectors()) {
    for (const std::string& platform : vector.used_by) {
      const Dialect* dialect = registry.find(platform);
      if (!dialect) continue;
      ++signed_by[platform];
      const auto signature =
          sign(*dialect, vector.headers, vector.body, vector.sent_at, {{Secret(vector.secret)}});
      ASSERT_TRUE(signature.has_value()) << vector.name << ": " << signature.error().message;
      EXPECT_EQ(signature->front().value, vector.signature) << vector.name << " " << platform;
      Headers received = vector.headers;
      received.push_back(signature->front());
      EXPECT_TRUE(
          verify(*dialect, received, vector.body, {{Secret(vector.secret)}}, vector.sent_at))
          << vector.name << " " << platform;
    }
  }
  EXPECT_EQ(signed_by["proculink"], 20);
  EXPECT_EQ(signed_by["proign"], 20);
}

TEST(SignatureVectors, AreVerified) {
  for (const Vector& vector : vectors()) {
    EXPECT_EQ(outcome(vector, vector.received(), vector.body, vector.verification_key()), "passed")
        << vector.name;
    EXPECT_EQ(outcome(vector, vector.received(), vector.body, Secret(vector.secret)), "passed")
        << vector.name;
  }
}

// The text with one bit of one byte the other way round.
std::string flipped(std::string text, std::size_t at) {
  text[at] = static_cast<char>(text[at] ^ 1);
  return text;
}

TEST(SignatureVectors, AreRefusedWithAnyByteOfTheBodyChanged) {
  for (const Vector& vector : vectors()) {
    for (std::size_t i = 0; i < vector.body.size(); ++i) {
      EXPECT_EQ(
          outcome(vector, vector.received(), flipped(vector.body, i), vector.verification_key()),
          "signature_mismatch")
          << vector.name << " byte " << i;
    }
    EXPECT_NE(outcome(vector, vector.received(), vector.body + " ", vector.verification_key()),
              "passed");
  }
}

TEST(SignatureVectors, AreRefusedWithAnyByteOfTheSignatureChanged) {
  for (const Vector& vector : vectors()) {
    for (std::size_t i = 0; i < vector.signature.size(); ++i) {
      Headers headers = vector.received();
      headers.back().value = flipped(vector.signature, i);
      EXPECT_NE(outcome(vector, headers, vector.body, vector.verification_key()), "passed")
          << vector.name << " byte " << i;
    }
  }
}

TEST(SignatureVectors, AreRefusedWithAnyByteOfTheKeyChanged) {
  for (const Vector& vector : vectors()) {
    const std::string key = vector.verification_key().reveal();
    for (std::size_t i = 0; i < key.size(); ++i) {
      EXPECT_NE(outcome(vector, vector.received(), vector.body, Secret(flipped(key, i))), "passed")
          << vector.name << " byte " << i;
    }
  }
}

TEST(SignatureVectors, AreRefusedWithAnyByteOfASignedHeaderChanged) {
  for (const Vector& vector : vectors()) {
    for (std::size_t h = 0; h < vector.headers.size(); ++h) {
      for (std::size_t i = 0; i < vector.headers[h].value.size(); ++i) {
        Headers headers = vector.received();
        headers[h].value = flipped(headers[h].value, i);
        EXPECT_NE(outcome(vector, headers, vector.body, vector.verification_key()), "passed")
            << vector.name << " " << headers[h].name << " byte " << i;
      }
    }
  }
}

}  // namespace
}  // namespace waybill::dialect
