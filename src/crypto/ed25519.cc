#include "crypto/ed25519.h"

#include <memory>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace waybill::crypto {
namespace {

constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kPublicBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

Result<Key> read_private_key(ByteView key) {
  if (key.size() != kSeedBytes && key.size() != kSeedBytes + kPublicBytes) {
    return fail(Code::kInvalid, "An Ed25519 private key has 32 bytes, or 64 with its public key.");
  }
  Key made(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.data(), kSeedBytes));
  WAYBILL_CHECK(made != nullptr, "any 32 bytes are an Ed25519 seed");
  return made;
}

const unsigned char* unsigned_data(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<Bytes> ed25519_sign(ByteView private_key, std::string_view message) {
  const Result<Key> key = read_private_key(private_key);
  if (!key) return fail(key.error());

  const Context context(EVP_MD_CTX_new());
  Bytes signature(kSignatureBytes);
  std::size_t size = signature.size();
  WAYBILL_CHECK(context &&
                    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key->get()) == 1 &&
                    EVP_DigestSign(context.get(), signature.data(), &size, unsigned_data(message),
                                   message.size()) == 1 &&
                    size == kSignatureBytes,
                "an Ed25519 key signs any text");
  return signature;
}

bool ed25519_verify(ByteView public_key, std::string_view message, ByteView signature) {
  if (public_key.size() != kPublicBytes || signature.size() != kSignatureBytes) return false;
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const Context context(EVP_MD_CTX_new());
  WAYBILL_CHECK(key && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1,
                "a check of an Ed25519 signature can begin");
  const int good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                    unsigned_data(message), message.size());
  // What OpenSSL notes about a bad signature must not be found by the next TLS call on this thread.
  ERR_clear_error();
  return good == 1;
}

Result<Bytes> ed25519_public_key(ByteView private_key) {
  const Result<Key> key = read_private_key(private_key);
  if (!key) return fail(key.error());
  Bytes public_key(kPublicBytes);
  std::size_t size = public_key.size();
  WAYBILL_CHECK(EVP_PKEY_get_raw_public_key(key->get(), public_key.data(), &size) == 1 &&
                    size == kPublicBytes,
                "an Ed25519 private key has a public one");
  return public_key;
}

}  // namespace waybill::crypto
