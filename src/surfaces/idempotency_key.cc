#include "surfaces/idempotency_key.h"

#include <algorithm>

#include <fmt/format.h>

namespace waybill::surfaces {

Result<std::optional<std::string_view>> idempotency_key(const net::Request& request) {
  const auto key = request.header("Idempotency-Key");
  if (!key || request.method != "POST") return std::optional<std::string_view>();
  const bool visible = std::ranges::all_of(*key, [](char c) { return c > ' ' && c <= '~'; });
  if (key->empty() || key->size() > kIdempotencyKeyMax || !visible) {
    return fail(Code::kInvalid, "idempotency_key_invalid",
                fmt::format("The Idempotency-Key has to be 1 to {} visible ASCII characters.",
                            kIdempotencyKeyMax));
  }
  return key;
}

}  // namespace waybill::surfaces
