#include "crypto/secret_box.h"

#include <algorithm>
#include <climits>
#include <memory>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "crypto/random.h"

namespace waybill::crypto {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kTextAt = 1 + kNonceBytes;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

enum class Direction { kOpen = 0, kSeal = 1 };

// Ready for the text: key, nonce, and the bytes that are vouched for but not written.
Context begin(Direction direction, ByteView key, const std::uint8_t* nonce, ByteView context) {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  Context made(EVP_CIPHER_CTX_new());
  int written = 0;
  WAYBILL_CHECK(cipher && made && context.size() <= INT_MAX &&
                    EVP_CipherInit_ex2(made.get(), cipher, key.data(), nonce,
                                       static_cast<int>(direction), nullptr) == 1 &&
                    // The version is vouched for, so that a later one cannot be passed off as this.
                    EVP_CipherUpdate(made.get(), nullptr, &written, &kVersion, 1) == 1,
                "AES-256-GCM can begin");
  if (!context.empty()) {
    WAYBILL_CHECK(EVP_CipherUpdate(made.get(), nullptr, &written, context.data(),
                                   static_cast<int>(context.size())) == 1,
                  "AES-256-GCM vouches for any context");
  }
  return made;
}

}  // namespace

Result<SecretBox> SecretBox::create(ByteView key) {
  if (key.size() != kKeyBytes) return fail(Code::kInvalid, "A master key has 32 bytes.");
  return SecretBox(key);
}

Bytes SecretBox::seal(std::string_view text, ByteView context) const {
  WAYBILL_CHECK(text.size() <= INT_MAX / 2, "a secret is a short text");
  // Random nonces are safe for 2^32 seals under one key; a hub seals once per changed secret.
  const Bytes nonce = random_bytes(kNonceBytes);
  Bytes sealed(kTextAt + text.size() + kTagBytes);
  sealed[0] = kVersion;
  std::copy(nonce.begin(), nonce.end(), sealed.begin() + 1);

  const Context cipher = begin(Direction::kSeal, key_, nonce.data(), context);
  int written = 0;
  int rest = 0;
  std::uint8_t* const out = sealed.data() + kTextAt;
  WAYBILL_CHECK(EVP_CipherUpdate(cipher.get(), out, &written,
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size())) == 1 &&
                    EVP_CipherFinal_ex(cipher.get(), out + written, &rest) == 1 &&
                    static_cast<std::size_t>(written + rest) == text.size() &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG,
                                        static_cast<int>(kTagBytes), out + text.size()) == 1,
                "AES-256-GCM seals any text");
  return sealed;
}

Result<Secret> SecretBox::open(ByteView sealed, ByteView context) const {
  const auto unreadable = [] {
    return fail(Code::kInternal, "secret_unreadable",
                "A stored secret cannot be opened: it was changed, belongs to another record, or "
                "was sealed with another master key.");
  };
  if (sealed.size() < kTextAt + kTagBytes || sealed.size() > INT_MAX / 2 || sealed[0] != kVersion) {
    return unreadable();
  }
  const std::size_t text_bytes = sealed.size() - kTextAt - kTagBytes;
  const ByteView ciphertext = sealed.subspan(kTextAt, text_bytes);
  Bytes tag(sealed.end() - kTagBytes, sealed.end());

  const Context cipher = begin(Direction::kOpen, key_, sealed.data() + 1, context);
  // GCM writes as many bytes as it reads; one more, since an empty string has no byte to write to.
  std::string text(text_bytes + 1, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(text.data());
  int written = 0;
  int rest = 0;
  WAYBILL_CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG,
                                    static_cast<int>(kTagBytes), tag.data()) == 1 &&
                    EVP_CipherUpdate(cipher.get(), out, &written, ciphertext.data(),
                                     static_cast<int>(ciphertext.size())) == 1,
                "AES-256-GCM reads any text");
  if (EVP_CipherFinal_ex(cipher.get(), out + written, &rest) != 1) {
    // What OpenSSL notes about it must not be found by the next TLS call on this thread.
    ERR_clear_error();
    return unreadable();
  }
  text.resize(text_bytes);
  return Secret(std::move(text));
}

}  // namespace waybill::crypto
