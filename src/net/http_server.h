// The HttpServer reads requests from a port and answers each with what its handler returns.
//
// It refuses by itself what no handler should see: malformed HTTP, both Content-Length and
// Transfer-Encoding, a coding other than chunked, too large headers or bodies, clients that are too
// slow. The shape of those answers is the caller's (`render_error`), since it depends on the path.
//
// If a handler throws, its request is answered with kInternal (handler_failed), and the connection
// ends. A connection beyond the limit is answered with kUnavailable (connections_max_reached)
// before it has asked, and ends; over TLS, where an answer would cost a handshake, it just ends.
//
// Used from the thread of its io_context only.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "net/http.h"
#include "net/router.h"
#include "net/tls.h"

namespace waybill::net {

struct ServerLimits {
  std::uint64_t body_bytes_max = 1024 * 1024;
  std::uint32_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 20'000;
  // All in real time, kept to within a quarter of the shortest of them, and to the second.
  std::chrono::milliseconds idle{std::chrono::seconds(75)};  // Between requests of a connection.
  // From the first byte of a request to the end of its head; for a TLS handshake, too.
  std::chrono::milliseconds header{std::chrono::seconds(15)};
  std::chrono::milliseconds body{std::chrono::seconds(60)};  // From there to the end of the body.
  std::chrono::milliseconds write{std::chrono::seconds(60)};
};

class HttpServer {
 public:
  // Shapes the answer to a request that failed before a handler saw it. Of `request`, what had been
  // read by then is filled in.
  using ErrorRenderer = std::function<Response(const Request& request, const Error& error)>;

  HttpServer(boost::asio::io_context& context, Log& log, ServerLimits limits, Handler handler,
             ErrorRenderer render_error);
  ~HttpServer();

  // Binds and starts to serve. Port 0 is any free one. Returns the port.
  // Fails with kUnavailable (address_in_use, address_not_ours), saying which address.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port);

  // New connections speak TLS, and show this certificate; those that are there go on as they began.
  // Before listen(), or at any time after an earlier call.
  void use_certificate(std::shared_ptr<const ServerCertificate> certificate);

  // Accepts no more, ends idle connections, and waits for the requests under way; after `patience`
  // ends their connections too. A handler is always waited for.
  Task<void> stop(std::chrono::milliseconds patience);

  // Without those that are being turned away.
  std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::net
