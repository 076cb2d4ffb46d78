#include "integration/tls_peer.h"

#include <array>
#include <optional>

#include <boost/asio/write.hpp>
#include <openssl/pem.h>

namespace waybill::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

TlsPeer::TlsPeer(Loop& loop, std::uint16_t port, int version_max)
    : loop_(loop), tls_(asio::ssl::context::tls_client), stream_(loop.context(), tls_) {
  // Without this, OpenSSL itself refuses what is older than 1.2.
  SSL_set_cipher_list(stream_.native_handle(), "ALL:@SECLEVEL=0");
  SSL_set_min_proto_version(stream_.native_handle(), TLS1_VERSION);
  SSL_set_max_proto_version(stream_.native_handle(), version_max);
  std::optional<Error> done;
  stream_.next_layer().async_connect({asio::ip::address_v4::loopback(), port},
                                     [&](Error error) { done = error; });
  loop_.run_until([&] { return done.has_value(); });
  if (*done) throw std::runtime_error("cannot connect: " + done->message());
  done.reset();
  stream_.async_handshake(asio::ssl::stream_base::client, [&](Error error) { done = error; });
  loop_.run_until([&] { return done.has_value(); });
  if (*done) refused_ = done->message();
}

TlsPeer::~TlsPeer() {
  Error ignored;
  stream_.next_layer().close(ignored);
}

std::string TlsPeer::certificate_pem() const {
  auto* const native = const_cast<TlsPeer*>(this)->stream_.native_handle();
  const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(native), X509_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(bio.get(), shown.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string TlsPeer::version() const {
  return SSL_get_version(const_cast<TlsPeer*>(this)->stream_.native_handle());
}

bool TlsPeer::send(std::string_view text) {
  std::optional<Error> sent;
  asio::async_write(stream_, asio::buffer(text), [&](Error error, std::size_t) { sent = error; });
  loop_.run_until([&] { return sent.has_value(); });
  return !*sent;
}

bool TlsPeer::receive() {
  std::array<char, 16 * 1024> buffer;
  std::optional<Error> read;
  std::size_t count = 0;
  stream_.async_read_some(asio::buffer(buffer), [&](Error error, std::size_t bytes) {
    read = error;
    count = bytes;
  });
  loop_.run_until([&] { return read.has_value(); });
  received_.append(buffer.data(), count);
  told_goodbye_ = *read == asio::error::eof;
  return !*read;
}

std::string TlsPeer::read_until(std::string_view end) {
  while (end.empty() || received_.find(end) == std::string::npos) {
    if (!receive()) return std::exchange(received_, {});
  }
  const std::size_t size = received_.find(end) + end.size();
  std::string text = received_.substr(0, size);
  received_.erase(0, size);
  return text;
}

}  // namespace waybill::net
