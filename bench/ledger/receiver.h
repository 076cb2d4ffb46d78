// Takes webhooks at the paths of its endpoints, has each verified and judged, and answers as the
// endpoint behaves. Everything else on the same port goes to `control`.
//
// Used from the thread of the io_context only. It serves until the program ends.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "base/task.h"
#include "bench/ledger/endpoints.h"
#include "bench/ledger/ledger.h"
#include "bench/ledger/webhook.h"

namespace waybill::bench {

struct ControlAnswer {
  int status = 200;
  std::string body;
  std::string_view media_type = "application/json";
};

class Receiver {
 public:
  using Control = std::function<ControlAnswer(std::string_view method, std::string_view path,
                                              std::string_view body)>;

  // Listens on `port` of 127.0.0.1; 0 is any free one. Given ones outlive it. Throws if it cannot.
  Receiver(boost::asio::io_context& context, Log& log, Ledger& ledger, Endpoints& endpoints,
           std::string_view secret, std::uint16_t port, Control control);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void start();

 private:
  struct Request;

  Task<void> accept();
  Task<void> converse(boost::asio::ip::tcp::socket socket);
  // False if the connection is over.
  Task<bool> serve_hook(boost::asio::ip::tcp::socket& socket, Endpoints::Place place,
                        const Request& request);
  Task<bool> answer_as(boost::asio::ip::tcp::socket& socket, Behaviour behaviour,
                       const Ledger::Try& attempt);
  Task<bool> send(boost::asio::ip::tcp::socket& socket, std::string_view bytes);
  Task<void> drip(boost::asio::ip::tcp::socket& socket);
  Task<void> send_without_end(boost::asio::ip::tcp::socket& socket);
  Task<void> wait_for_end(boost::asio::ip::tcp::socket& socket);

  boost::asio::io_context& context_;
  Ledger& ledger_;
  Endpoints& endpoints_;
  Verifier verifier_;
  const Control control_;
  boost::asio::ip::tcp::acceptor acceptor_;
  TaskGroup tasks_;
};

}  // namespace waybill::bench
