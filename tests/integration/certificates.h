// TLS certificates for one test, signed by themselves or by each other.

#pragma once

#include <string>

namespace waybill::net {

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;
};

// For `name`, a subjectAltName as OpenSSL writes it ("DNS:localhost,IP:127.0.0.1"); good from ten
// days ago until `days_left` days from now, which may be below zero. Signed by `issuer`; null: by
// itself.
Certificate make_certificate(const std::string& name, int days_left = 1,
                             const Certificate* issuer = nullptr);

}  // namespace waybill::net
