// Keeps secrets at rest: AES-256-GCM under the hub's master key.
//
// A sealed text names nothing of what it holds, and opens only with the `context` it was sealed for
// (the record it belongs to), so a row copied onto another cannot be read through that one.
//
// Holds no state but the key; any thread may call it.

#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace waybill::crypto {

class SecretBox {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  // Fails with kInvalid if the key does not have kKeyBytes.
  static Result<SecretBox> create(ByteView key);

  // Version byte, nonce, ciphertext, tag.
  Bytes seal(std::string_view text, ByteView context) const;

  // Fails with kInternal if it was changed, or sealed for another context or with another key.
  Result<Secret> open(ByteView sealed, ByteView context) const;

 private:
  explicit SecretBox(ByteView key) : key_(key.begin(), key.end()) {}
  Bytes key_;
};

}  // namespace waybill::crypto
