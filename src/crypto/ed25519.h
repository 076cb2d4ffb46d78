// Ed25519 (RFC 8032), for the `v1a` signatures of Standard Webhooks.

#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace waybill::crypto {

// 64 bytes. `private_key` is the 32-byte seed, or seed and public key (64 bytes), as both are in
// use. Fails with kInvalid for any other length.
Result<Bytes> ed25519_sign(ByteView private_key, std::string_view message);

// False for a signature or key of a wrong length, too.
bool ed25519_verify(ByteView public_key, std::string_view message, ByteView signature);

// The 32-byte public key. Fails as ed25519_sign().
Result<Bytes> ed25519_public_key(ByteView private_key);

}  // namespace waybill::crypto
