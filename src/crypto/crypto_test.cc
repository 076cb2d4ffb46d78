// The published vectors of each algorithm, and what a SecretBox refuses.

#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/hmac_key.h"
#include "crypto/random.h"
#include "crypto/secret_box.h"

namespace waybill::crypto {
namespace {

Bytes from_hex(std::string_view text) { return parse_hex(text).value(); }
std::string text_from_hex(std::string_view text) { return std::string(as_text(from_hex(text))); }

// FIPS 180-4 examples, as NIST publishes them.
TEST(Sha256, MatchesThePublishedExamples) {
  struct Case {
    std::string message;
    std::string_view digest;
  };
  for (const Case& c : {
           Case{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
           Case{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
           Case{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
           Case{std::string(1'000'000, 'a'),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
       }) {
    EXPECT_EQ(hex(sha256(c.message)), c.digest) << c.message.substr(0, 60);
  }
}

struct HmacCase {
  std::string_view name;
  std::string key, message;
  std::string_view digest;
};

// RFC 4231 §4, except case 5, which is about truncation.
const HmacCase kRfc4231[] = {
    {"case 1", std::string(20, '\x0b'), "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"case 2", "Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"case 3", std::string(20, '\xaa'), std::string(50, '\xdd'),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"case 4", text_from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
     std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"case 6", std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"case 7", std::string(131, '\xaa'),
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

TEST(HmacSha256, MatchesRfc4231) {
  for (const HmacCase& c : kRfc4231) {
    EXPECT_EQ(hex(hmac_sha256(as_bytes(c.key), {c.message})), c.digest) << c.name;
  }
}

TEST(HmacKey, MatchesRfc4231) {
  for (const HmacCase& c : kRfc4231) {
    const HmacKey key(as_bytes(c.key));
    EXPECT_EQ(hex(key.sign(c.message)), c.digest) << c.name;
  }
}

// Around a block's 64 bytes keys are hashed first, or not.
TEST(HmacKey, SignsAsHmacSha256WithKeysAndMessagesOfAnyLength) {
  for (std::size_t key_bytes = 0; key_bytes < 140; ++key_bytes) {
    const Bytes key(key_bytes, static_cast<std::uint8_t>(key_bytes + 1));
    const HmacKey made(key);
    for (const std::size_t bytes : {0u, 1u, 55u, 56u, 64u, 119u, 1000u}) {
      const std::string message(bytes, 'm');
      EXPECT_EQ(made.sign(message), hmac_sha256(key, {message})) << key_bytes << " " << bytes;
    }
  }
}

TEST(HmacSha256, OfPartsIsThatOfTheWhole) {
  for (const HmacCase& c : kRfc4231) {
    const std::string_view message = c.message;
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {
      EXPECT_EQ(
          hex(hmac_sha256(as_bytes(c.key), {message.substr(0, cut), "", message.substr(cut)})),
          c.digest)
          << c.name << " cut at " << cut;
    }
  }
}

// OpenSSL takes a null key for "the same as before".
TEST(HmacSha256, AnEmptyKeyIsAKeyOfItsOwn) {
  hmac_sha256(as_bytes("another"), {"message"});
  EXPECT_EQ(hex(hmac_sha256({}, {""})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HmacSha256, IsTheSameOnEveryThread) {
  Digest there{};
  std::thread([&] { there = hmac_sha256(as_bytes("Jefe"), {"message"}); }).join();
  EXPECT_EQ(there, hmac_sha256(as_bytes("Jefe"), {"message"}));
}

TEST(EqualInConstantTime, ComparesEveryByteAndTheLength) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("sha256=aa", "sha256=aa"));
  EXPECT_FALSE(equal_in_constant_time("sha256=aa", "sha256=ab"));
  EXPECT_FALSE(equal_in_constant_time("sha256=aa", "Sha256=aa"));
  EXPECT_FALSE(equal_in_constant_time("sha256=aa", "sha256=a"));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

struct Ed25519Case {
  std::string_view name, seed, public_key, message, signature;
};

// RFC 8032 §7.1, tests 1 to 3.
constexpr Ed25519Case kRfc8032[] = {
    {"test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519, MatchesRfc8032) {
  for (const Ed25519Case& c : kRfc8032) {
    const Bytes seed = from_hex(c.seed);
    const std::string message = text_from_hex(c.message);
    EXPECT_EQ(hex(ed25519_public_key(seed).value()), c.public_key) << c.name;
    EXPECT_EQ(hex(ed25519_sign(seed, message).value()), c.signature) << c.name;
    EXPECT_TRUE(ed25519_verify(from_hex(c.public_key), message, from_hex(c.signature))) << c.name;
  }
}

TEST(Ed25519, ReadsASeedWithItsPublicKeyBehindIt) {
  const Ed25519Case& c = kRfc8032[1];
  Bytes both = from_hex(c.seed);
  const Bytes public_key = from_hex(c.public_key);
  both.insert(both.end(), public_key.begin(), public_key.end());

  EXPECT_EQ(hex(ed25519_sign(both, text_from_hex(c.message)).value()), c.signature);
  EXPECT_EQ(ed25519_public_key(both).value(), public_key);
}

TEST(Ed25519, RefusesKeysOfAnotherLength) {
  for (const std::size_t size : {0u, 31u, 33u, 63u, 65u}) {
    EXPECT_EQ(ed25519_sign(Bytes(size), "message").error().code, Code::kInvalid) << size;
    EXPECT_EQ(ed25519_public_key(Bytes(size)).error().code, Code::kInvalid) << size;
  }
}

TEST(Ed25519, AnyFlippedBitIsNoSignature) {
  const Ed25519Case& c = kRfc8032[2];
  const Bytes public_key = from_hex(c.public_key);
  const Bytes signature = from_hex(c.signature);
  const std::string message = text_from_hex(c.message);
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Bytes changed = signature;
    changed[i] ^= 1;
    EXPECT_FALSE(ed25519_verify(public_key, message, changed)) << "byte " << i;
  }
  EXPECT_FALSE(ed25519_verify(public_key, message + "\x01", signature));
  EXPECT_FALSE(ed25519_verify(from_hex(kRfc8032[0].public_key), message, signature));
  EXPECT_FALSE(ed25519_verify(Bytes(31), message, signature));
  EXPECT_FALSE(ed25519_verify(public_key, message, Bytes(63)));
}

TEST(Random, GivesAsManyBytesAsAskedAndNeverTheSameTwice) {
  EXPECT_EQ(random_bytes(0).size(), 0u);
  EXPECT_EQ(random_bytes(33).size(), 33u);
  EXPECT_NE(random_bytes(32), random_bytes(32));
  EXPECT_NE(random_seed(), random_seed());
}

SecretBox box_with(std::uint8_t key_byte) {
  return SecretBox::create(Bytes(SecretBox::kKeyBytes, key_byte)).value();
}

TEST(SecretBox, OpensWhatItSealed) {
  const SecretBox box = box_with(7);
  for (const std::string& text :
       {std::string(), std::string("s"), std::string("sécrèt-🔑"), std::string(5000, 'x')}) {
    const Bytes sealed = box.seal(text, as_bytes("ep_1"));
    EXPECT_EQ(box.open(sealed, as_bytes("ep_1")).value().reveal(), text);
    EXPECT_EQ(sealed.size(), 1 + 12 + text.size() + 16);
  }
  EXPECT_EQ(box.open(box.seal("text", {}), {}).value().reveal(), "text");
}

TEST(SecretBox, SealsTheSameTextToOtherBytesEachTime) {
  const SecretBox box = box_with(7);
  EXPECT_NE(box.seal("secret", as_bytes("ep_1")), box.seal("secret", as_bytes("ep_1")));
}

TEST(SecretBox, RefusesAnyChangedByte) {
  const SecretBox box = box_with(7);
  const Bytes sealed = box.seal("secret", as_bytes("ep_1"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= 0x80;
    const Result<Secret> opened = box.open(changed, as_bytes("ep_1"));
    ASSERT_FALSE(opened.has_value()) << "byte " << i;
    EXPECT_EQ(opened.error().code, Code::kInternal);
    EXPECT_EQ(opened.error().reason, "secret_unreadable");
  }
}

TEST(SecretBox, RefusesAShortenedText) {
  const SecretBox box = box_with(7);
  const Bytes sealed = box.seal("secret", as_bytes("ep_1"));
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(box.open(ByteView(sealed).first(size), as_bytes("ep_1")).has_value()) << size;
  }
}

TEST(SecretBox, RefusesAnotherRecordsContext) {
  const SecretBox box = box_with(7);
  const Bytes sealed = box.seal("secret", as_bytes("ep_1"));
  for (const std::string_view context : {"", "ep_2", "ep_", "ep_11"}) {
    EXPECT_FALSE(box.open(sealed, as_bytes(context)).has_value()) << context;
  }
}

TEST(SecretBox, RefusesAnotherKey) {
  const Bytes sealed = box_with(7).seal("secret", as_bytes("ep_1"));
  EXPECT_FALSE(box_with(8).open(sealed, as_bytes("ep_1")).has_value());
}

TEST(SecretBox, IsMadeOnlyWithAWholeKey) {
  for (const std::size_t size : {0u, 16u, 31u, 33u}) {
    const Result<SecretBox> box = SecretBox::create(Bytes(size));
    ASSERT_FALSE(box.has_value()) << size;
    EXPECT_EQ(box.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace waybill::crypto
