// Where a request carries its API key.

#pragma once

#include <string_view>

#include "net/http.h"

namespace waybill::surfaces {

// The token of "Authorization: Bearer TOKEN"; empty for anything else.
std::string_view bearer_token(const net::Request& request);
// What X-API-Key says, or else the bearer token: two of the platforms take both.
std::string_view api_key_text(const net::Request& request);

}  // namespace waybill::surfaces
