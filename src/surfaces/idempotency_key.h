// The Idempotency-Key of a request, by one rule for all surfaces.

#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace waybill::surfaces {

inline constexpr std::size_t kIdempotencyKeyMax = 255;

// What the request is not to be executed twice under. Nothing: it names none, or is no POST, which
// alone takes one. A view into the request.
// Fails with kInvalid (idempotency_key_invalid) unless it is 1 to 255 visible ASCII characters: a
// blank may be lost or doubled on the way, and then a repeat would be executed.
Result<std::optional<std::string_view>> idempotency_key(const net::Request& request);

}  // namespace waybill::surfaces
