// The HTTP side of the bare programs: Beast, and nothing around it. No routes, no checks, no limits
// on anybody; a post is handed on and answered, whatever it is and wherever it was sent.
//
// One thread, that of the io_context. A program ends when it is killed: what it has acknowledged is
// on disk by then.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "base/task.h"

namespace waybill::bench {

struct Answer {
  unsigned status = 200;
  std::string_view body;  // A literal, JSON.
};

class BareServer {
 public:
  // Answers a post with this body.
  using OnPost = std::function<Task<Answer>(std::string body)>;
  // The same, and with the value of the header that signs it; empty if there is none.
  using OnSignedPost = std::function<Task<Answer>(std::string body, std::string signature)>;
  // Answers every GET, with JSON.
  using OnGet = std::function<std::string()>;

  BareServer(
      boost::asio::io_context& context, OnPost on_post,
      OnGet on_get = [] { return std::string("{}"); });
  // `signature_header`: its name, a literal.
  BareServer(boost::asio::io_context& context, std::string_view signature_header,
             OnSignedPost on_post);

  // Serves on a free port of 127.0.0.1, which it prints first as {"port":12345}. Runs until killed.
  void run();

 private:
  Task<void> accept();
  Task<void> converse(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& context_;
  const OnPost on_post_;
  const OnGet on_get_;
  const std::string_view signature_header_;
  const OnSignedPost on_signed_post_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Log log_;
  TaskGroup tasks_;
};

// The value of "--NAME VALUE" in the command line. Ends the program with a sentence if it is not
// there.
std::string required_option(int count, char** words, std::string_view name);

}  // namespace waybill::bench
