#include "net/tls.h"

#include <chrono>
#include <ctime>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace waybill::net {
namespace asio = boost::asio;
namespace {

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

// A key is asked for at a terminal otherwise.
int no_password(char*, int, int, void*) { return -1; }

Bio bio_of(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

std::unexpected<Error> refuse_certificates(std::string_view why) {
  ERR_clear_error();
  return fail(Code::kInvalid, "certificate_invalid", fmt::format("It holds {}.", why));
}

}  // namespace

Result<void> check_certificates(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return refuse_certificates("more than a list of certificates");
  ERR_clear_error();
  const Bio bio = bio_of(pem);
  int count = 0;
  for (;;) {
    const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr),
                                  X509_free);
    if (!certificate) break;
    ++count;
  }
  // The end of the text looks like this to OpenSSL.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) return refuse_certificates("a damaged certificate");
  if (count == 0) return refuse_certificates("no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  ERR_clear_error();
  return {};
}

Result<Timestamp> certificate_expires_at(std::string_view pem) {
  WAYBILL_TRY(check_certificates(pem));
  const Bio bio = bio_of(pem);
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr),
                                X509_free);
  std::tm end{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return refuse_certificates("a certificate without an end");
  }
  return Timestamp(std::chrono::seconds(::timegm(&end)));
}

ServerCertificate::ServerCertificate(std::string chain_pem,
                                     std::unique_ptr<asio::ssl::context> context)
    : chain_pem_(std::move(chain_pem)), context_(std::move(context)) {}
ServerCertificate::~ServerCertificate() = default;

Result<std::shared_ptr<const ServerCertificate>> ServerCertificate::create(
    std::string chain_pem, std::string_view key_pem) {
  WAYBILL_TRY(check_certificates(chain_pem));
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_default_passwd_cb(native, no_password);
  boost::system::error_code error;
  context->use_certificate_chain(asio::buffer(chain_pem), error);
  if (error) return refuse_certificates("a certificate that cannot be served: " + error.message());
  ERR_clear_error();
  const Bio bio = bio_of(key_pem);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  ERR_clear_error();
  if (!key) {
    return fail(Code::kInvalid, "key_invalid",
                "It holds no private key in PEM, or one with a password.");
  }
  if (SSL_CTX_use_PrivateKey(native, key.get()) != 1 || SSL_CTX_check_private_key(native) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "certificate_mismatch", "The key is not this certificate's.");
  }
  return std::shared_ptr<const ServerCertificate>(
      new ServerCertificate(std::move(chain_pem), std::move(context)));
}

}  // namespace waybill::net
