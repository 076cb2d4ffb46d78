#include "bench/bare_server.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace waybill::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kPatience{30};

}  // namespace

BareServer::BareServer(asio::io_context& context, OnPost on_post, OnGet on_get)
    : context_(context),
      on_post_(std::move(on_post)),
      on_get_(std::move(on_get)),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      tasks_(context, log_) {}

BareServer::BareServer(asio::io_context& context, std::string_view signature_header,
                       OnSignedPost on_post)
    : context_(context),
      on_get_([] { return std::string("{}"); }),
      signature_header_(signature_header),
      on_signed_post_(std::move(on_post)),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      tasks_(context, log_) {}

void BareServer::run() {
  std::cout << "{\"port\":" << acceptor_.local_endpoint().port() << "}" << std::endl;
  tasks_.spawn("accept", accept());
  context_.run();
}

Task<void> BareServer::accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(as_values);
    if (error) continue;
    tasks_.spawn("converse", converse(std::move(socket)));
  }
}

Task<void> BareServer::converse(tcp::socket socket) {
  socket.set_option(tcp::no_delay(true));
  boost::beast::tcp_stream stream(std::move(socket));
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request<http::string_body> request;
    stream.expires_after(kPatience);
    const auto [read_error, bytes_read] =
        co_await http::async_read(stream, buffer, request, as_values);
    if (read_error) co_return;  // Mostly the end of the connection.

    http::response<http::string_body> response;
    response.set(http::field::content_type, "application/json");
    if (request.method() == http::verb::get) {
      response.body() = on_get_();
    } else {
      Answer answer;
      if (on_signed_post_) {
        std::string signature(request[signature_header_]);
        answer = co_await on_signed_post_(std::move(request.body()), std::move(signature));
      } else {
        answer = co_await on_post_(std::move(request.body()));
      }
      response.result(answer.status);
      response.body() = answer.body;
    }
    response.keep_alive(request.keep_alive());
    response.prepare_payload();
    const auto [write_error, bytes_written] =
        co_await http::async_write(stream, response, as_values);
    if (write_error || !request.keep_alive()) co_return;
  }
}

std::string required_option(int count, char** words, std::string_view name) {
  for (int at = 1; at + 1 < count; ++at) {
    if (words[at] == name) return words[at + 1];
  }
  std::cerr << words[0] << " needs " << name << "; bench/run starts it with all that it needs\n";
  std::exit(2);
}

}  // namespace waybill::bench
