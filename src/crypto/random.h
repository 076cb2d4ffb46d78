// Chance that nobody can foresee: keys, secrets, nonces, seeds. Repeatable chance is base/rng.h.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace waybill::crypto {

// From OpenSSL's generator. A machine without randomness ends the process.
Bytes random_bytes(std::size_t count);
std::uint64_t random_seed();

}  // namespace waybill::crypto
