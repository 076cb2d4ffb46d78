// OpenSSL 3's own HMAC spends four times as long on setting up as on 3 KB of message, and its
// contexts are copied by allocating. The plain functions of SHA-256 are deprecated, not gone.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hmac_key.h"

#include <algorithm>

#include <openssl/sha.h>

namespace waybill::crypto {
namespace {

constexpr std::size_t kBlockBytes = SHA256_CBLOCK;

std::array<std::uint32_t, 8> state_after(const std::array<std::uint8_t, kBlockBytes>& key,
                                         std::uint8_t pad) {
  std::array<std::uint8_t, kBlockBytes> block;
  std::ranges::transform(key, block.begin(), [pad](std::uint8_t byte) {
    return static_cast<std::uint8_t>(byte ^ pad);
  });
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  std::array<std::uint32_t, 8> state;
  std::copy_n(context.h, state.size(), state.begin());
  return state;
}

Digest finish(const std::array<std::uint32_t, 8>& state, const void* data, std::size_t size) {
  SHA256_CTX context{};
  SHA256_Init(&context);
  std::copy_n(state.begin(), state.size(), context.h);
  context.Nl = kBlockBytes * 8;  // In bits: the key's block went before.
  SHA256_Update(&context, data, size);
  Digest digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

}  // namespace

HmacKey::HmacKey(ByteView key) {
  std::array<std::uint8_t, kBlockBytes> block{};
  if (key.size() > kBlockBytes) {
    const Digest digest = sha256(as_text(key));
    std::ranges::copy(digest, block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  inner_ = state_after(block, 0x36);
  outer_ = state_after(block, 0x5c);
}

Digest HmacKey::sign(std::string_view message) const {
  const Digest inner = finish(inner_, message.data(), message.size());
  return finish(outer_, inner.data(), inner.size());
}

}  // namespace waybill::crypto
