#include "crypto/random.h"

#include <climits>
#include <cstring>

#include <openssl/rand.h>

#include "base/check.h"

namespace waybill::crypto {

Bytes random_bytes(std::size_t count) {
  WAYBILL_CHECK(count <= INT_MAX, "randomness is asked for in small pieces");
  Bytes bytes(count);
  WAYBILL_CHECK(RAND_priv_bytes(bytes.data(), static_cast<int>(count)) == 1,
                "the machine has randomness");
  return bytes;
}

std::uint64_t random_seed() {
  const Bytes bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t seed;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

}  // namespace waybill::crypto
