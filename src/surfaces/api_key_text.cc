#include "surfaces/api_key_text.h"

#include "net/header.h"

namespace waybill::surfaces {

std::string_view bearer_token(const net::Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  std::string_view value = request.header("Authorization").value_or("");
  // Schemes are compared without regard to case, as header names are (RFC 9110 §11.1).
  if (!net::same_header_name(value.substr(0, scheme.size()), scheme)) return {};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

std::string_view api_key_text(const net::Request& request) {
  if (const auto key = request.header("X-API-Key")) return *key;
  return bearer_token(request);
}

}  // namespace waybill::surfaces
