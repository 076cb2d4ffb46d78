#include "crypto/digest.h"

#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"

namespace waybill::crypto {
namespace {

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Looking an algorithm up by name takes OpenSSL 3 longer than hashing an event does, so it happens
// once. The fetched algorithms live as long as the process.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  WAYBILL_CHECK(algorithm != nullptr, "OpenSSL has SHA-256");
  return algorithm;
}

// Set up once per thread: a context that knows its digest takes a new key without a look-up.
EVP_MAC_CTX* hmac_context() {
  thread_local const std::unique_ptr<EVP_MAC_CTX, FreeMac> context = [] {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    WAYBILL_CHECK(algorithm != nullptr, "OpenSSL has HMAC");
    std::unique_ptr<EVP_MAC_CTX, FreeMac> made(EVP_MAC_CTX_new(algorithm));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    WAYBILL_CHECK(made && EVP_MAC_CTX_set_params(made.get(), parameters) == 1,
                  "HMAC takes SHA-256 as its digest");
    return made;
  }();
  return context.get();
}

}  // namespace

Digest sha256(std::string_view message) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  Digest digest;
  unsigned int size = 0;
  WAYBILL_CHECK(context && EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), message.data(), message.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 &&
                    size == digest.size(),
                "SHA-256 of any text can be had");
  return digest;
}

Digest hmac_sha256(ByteView key, std::initializer_list<std::string_view> parts) {
  EVP_MAC_CTX* const context = hmac_context();
  // To OpenSSL a null key is no empty key but the former one.
  static constexpr std::uint8_t kNoKey = 0;
  const std::uint8_t* const key_data = key.empty() ? &kNoKey : key.data();
  WAYBILL_CHECK(EVP_MAC_init(context, key_data, key.size(), nullptr) == 1, "HMAC takes any key");
  for (const std::string_view part : parts) {
    WAYBILL_CHECK(EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(part.data()),
                                 part.size()) == 1,
                  "HMAC takes any text");
  }
  Digest digest;
  std::size_t size = 0;
  WAYBILL_CHECK(
      EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1 && size == digest.size(),
      "an HMAC-SHA256 has 32 bytes");
  return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace waybill::crypto
