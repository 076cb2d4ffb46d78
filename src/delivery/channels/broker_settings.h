// The URL of a broker, with its user and password.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace waybill::delivery {

struct BrokerUrl {
  bool tls = false;
  std::string user;  // Empty: none.
  Secret password;   // Empty: none.
  std::string host;
  std::uint16_t port = 0;
  std::string path;  // Decoded, without its first slash.
};

// "redis://user:password@host:6379/0". `scheme` is the one without TLS, and the same with an s is
// the one with it. Nothing may follow the path.
// Fails with kInvalid (handler_settings_invalid), repeating no password.
Result<BrokerUrl> read_broker_url(std::string_view text, std::string_view scheme,
                                  std::uint16_t port);

// The password of a URL is "…": of a text that is none, all of it.
std::string hide_password(std::string_view url);

}  // namespace waybill::delivery
