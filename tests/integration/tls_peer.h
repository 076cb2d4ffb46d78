// The other end of a TLS connection to a server, as a test writes it. Like Peer, it waits for no
// more than kPatience.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ssl.hpp>

#include "integration/peer.h"

namespace waybill::net {

class TlsPeer {
 public:
  // Connects, and shakes hands. `version_max`: of TLS; 0: the newest.
  TlsPeer(Loop& loop, std::uint16_t port, int version_max = 0);
  ~TlsPeer();

  // Why there is no TLS; empty: there is.
  const std::string& refused() const { return refused_; }
  // The certificate of the other end.
  std::string certificate_pem() const;
  // "TLSv1.3"
  std::string version() const;

  bool send(std::string_view text);
  // What comes up to and with `end`; less if the connection ends before.
  std::string read_until(std::string_view end);
  std::string read_to_end() { return read_until(""); }
  // After the end: the other end said in TLS that it was one, so that nothing can have been cut
  // off.
  bool was_told_goodbye() const { return told_goodbye_; }

 private:
  bool receive();

  Loop& loop_;
  boost::asio::ssl::context tls_;
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
  std::string refused_;
  std::string received_;
  bool told_goodbye_ = false;
};

}  // namespace waybill::net
