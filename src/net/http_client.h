// The HttpClient sends one request and returns what was answered, over connections it keeps open.
//
// Every address it connects to has passed the EgressGuard. Redirects are not followed: the caller
// gets the 3xx. Of an answer no more is read than the options say; a longer one is cut, and its
// status counts. TLS is 1.2 or newer, and who is at the other end is verified.
//
// Used from the thread of its io_context only.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include "base/result.h"
#include "base/task.h"
#include "net/egress_guard.h"
#include "net/header.h"
#include "net/url.h"

namespace waybill::net {

// All in real time, whatever the hub's clock says.
struct Deadlines {
  std::chrono::milliseconds connect{std::chrono::seconds(10)};  // Name, connection and TLS.
  std::chrono::milliseconds first_byte{
      std::chrono::seconds(30)};  // From the request to the answer's head.
  std::chrono::milliseconds total{std::chrono::seconds(30)};  // From the start to the answer's end.

  // No part of it takes longer than `total`.
  static Deadlines within(std::chrono::milliseconds total) {
    return {std::min(Deadlines().connect, total), total, total};
  }
};

struct ClientRequest {
  std::string method = "POST";
  Url url;
  std::vector<Header> headers;  // Host, Content-Length and Connection are the client's own.
  std::string body;
  Deadlines deadlines;
  std::optional<std::size_t> answer_bytes_max = {};  // Nothing: as the client's options say.
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
  bool cut = false;  // There was more of the body.
};

// Finds the addresses of a name. They are vetted, and connected to, as they are returned: a name is
// asked for once for each connection.
// Fails with kUnavailable (name_not_resolved).
using Resolve =
    std::function<Task<Result<std::vector<boost::asio::ip::address>>>(std::string name)>;

struct ClientOptions {
  std::size_t idle_per_origin_max = 256;
  std::size_t idle_max = 2048;
  // Then a kept connection serves no more; it is closed soon after, when another is used.
  std::chrono::milliseconds idle{std::chrono::seconds(30)};
  std::string user_agent = "Waybill";  // Of requests that do not set their own.
  std::size_t answer_bytes_max = 64 * 1024;
  // PEM, whom to trust beside the system's authorities. Requires: check_certificates() likes it.
  std::string ca_certificates = {};
  // PEM: the one certificate that may be at the other end. Whoever has its key is trusted, whatever
  // name and issuer are in it, and nobody else is. Empty: names and issuers decide.
  // Requires: check_certificates() likes it.
  std::string pinned_certificate = {};
  Resolve resolve = {};  // Empty: the system's resolver.
};

class HttpClient {
 public:
  HttpClient(boost::asio::io_context& context, EgressGuard guard, ClientOptions options = {});
  ~HttpClient();

  // Fails with
  //   kInvalid      header_invalid (a line break in it)
  //   kTimeout      connect_timeout, response_timeout
  //   kForbidden    address_blocked
  //   kUnavailable  name_not_resolved, connect_failed, tls_failed, connection_lost,
  //   response_malformed
  // and a sentence for the operator.
  //
  // All addresses of a name must pass the guard, or none is connected to.
  //
  // A kept connection may have been closed by the other end just as it is used. If it ends before a
  // byte of the answer, the request is sent once more on a new one.
  Task<Result<ClientResponse>> send(ClientRequest request);

  // Ends the kept connections. Requests under way go on.
  void close_idle();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::net
