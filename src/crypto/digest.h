// SHA-256 and HMAC-SHA256, over OpenSSL. Any thread may call these.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/bytes.h"

namespace waybill::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view message);
// Of the parts one after the other, without joining them.
Digest hmac_sha256(ByteView key, std::initializer_list<std::string_view> parts);

// Takes as long for equal as for unequal bytes of one length. Unequal lengths are unequal, and that
// may be told by the time it takes: lengths are no secret here (A-PL-11).
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace waybill::crypto
