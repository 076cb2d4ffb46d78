// Certificates, as PEM text: whom the client trusts, and what the server shows.
//
// TLS is 1.2 or newer in both directions. Files are the caller's; nothing here reads one.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace waybill::net {

// The longest PEM file that anybody needs: the system's whole list of authorities is a fifth of it.
inline constexpr std::size_t kPemBytesMax = 1024 * 1024;

// Fails with kInvalid (certificate_invalid) unless `pem` holds one certificate or more, and no
// damaged one.
Result<void> check_certificates(std::string_view pem);

// When the first certificate in `pem` is over: the server's own, of a chain.
// Fails with kInvalid (certificate_invalid) if there is none, or a damaged one.
Result<Timestamp> certificate_expires_at(std::string_view pem);

// A certificate and its key, with which an HttpServer serves. Connections that began with one keep
// it, whatever is served with afterwards.
class ServerCertificate {
 public:
  // `chain_pem`: the server's own certificate, then those that lead from it to an authority.
  // Fails with kInvalid (certificate_invalid, key_invalid), or certificate_mismatch if the key is
  // another certificate's. A key with a password is invalid.
  static Result<std::shared_ptr<const ServerCertificate>> create(std::string chain_pem,
                                                                 std::string_view key_pem);
  ~ServerCertificate();

  const std::string& chain_pem() const { return chain_pem_; }
  // What a stream of Asio's is made with. Not const there, though nothing changes it.
  boost::asio::ssl::context& context() const { return *context_; }

 private:
  ServerCertificate(std::string chain_pem, std::unique_ptr<boost::asio::ssl::context> context);

  std::string chain_pem_;
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace waybill::net
