// An HmacKey is a key of HMAC-SHA256 that many messages are tried with: what is of the key alone is
// computed once. Any thread may call it.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace waybill::crypto {

class HmacKey {
 public:
  // Of any length.
  explicit HmacKey(ByteView key);

  // As hmac_sha256() with the key.
  Digest sign(std::string_view message) const;

 private:
  // What SHA-256 has come to after the key's own block, before and around the message.
  using State = std::array<std::uint32_t, 8>;
  State inner_;
  State outer_;
};

}  // namespace waybill::crypto
