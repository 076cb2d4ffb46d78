// The parts of an http:// or https:// address, as the client needs them.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::net {

struct Url {
  bool tls = false;
  std::string host;  // Lower case; an IPv6 address without its brackets.
  std::uint16_t port = 0;
  std::string target;  // Path and query, at least "/".

  // "https://example.com:8443": connections are shared by this.
  std::string origin() const;
  // What the Host header carries: with the port unless it is the scheme's own.
  std::string authority() const;
};

// Fails with kInvalid (url_invalid): not absolute, another scheme, no host, a user name or password
// (secrets do not belong in URLs), port 0, or longer than 2,000 characters.
Result<Url> parse_url(std::string_view text);

}  // namespace waybill::net
