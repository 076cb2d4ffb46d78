// The other end of a connection, as a test writes it: what is sent and read, step by step, on the
// thread and the io_context of what is tested.
//
// Nothing waits for long: what does not come within kPatience fails the test and ends it.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/clock.h"
#include "base/task.h"

namespace waybill::net {

inline constexpr std::chrono::seconds kPatience{20};

// Runs an io_context in small pieces.
class Loop {
 public:
  boost::asio::io_context& context() { return context_; }

  // Runs until `done`. Throws if that takes too long.
  void run_until(const std::function<bool()>& done);
  // Runs whatever is ready.
  void poll();

  // Starts `task`; what it returns will be in `answer`.
  template <class T>
  void start(Task<T> task, std::optional<T>& answer) {
    boost::asio::co_spawn(context_, std::move(task),
                          [&answer](std::exception_ptr failure, T value) {
                            if (failure) std::rethrow_exception(failure);
                            answer.emplace(std::move(value));
                          });
  }
  void start(Task<void> task, bool& done) {
    boost::asio::co_spawn(context_, std::move(task), [&done](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
      done = true;
    });
  }
  template <class T>
  T await(Task<T> task) {
    std::optional<T> answer;
    start(std::move(task), answer);
    run_until([&] { return answer.has_value(); });
    return *std::move(answer);
  }
  void await(Task<void> task) {
    bool done = false;
    start(std::move(task), done);
    run_until([&] { return done; });
  }

 private:
  boost::asio::io_context context_;
};

// One HTTP message as it was read.
struct Message {
  std::string
      start;  // "HTTP/1.1 200 OK", or "POST / HTTP/1.1"; empty if the connection ended before.
  std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
  std::string head;  // All of it as it came, up to the empty line.
  std::string body;

  // "200" of an answer.
  std::string status() const { return start.size() > 9 ? start.substr(9, 3) : ""; }
  // The value of `name`, in lower case; "-" if there is none.
  std::string header(std::string_view name) const;
};

class Peer {
 public:
  // Connects to a port of this machine.
  Peer(Loop& loop, std::uint16_t port);
  Peer(Loop& loop, boost::asio::ip::tcp::socket socket);
  Peer(Peer&&) = default;
  ~Peer();

  // False if the other end is gone.
  bool send(std::string_view text);
  // Sends without waiting until it has been taken: for more than the other end wants to read.
  void send_later(std::string text);

  // What comes next: its head, and as much of a body as Content-Length says, unless it is an answer
  // to HEAD.
  Message read(bool is_head = false);
  // Everything up to the end of the connection, or its reset.
  std::string read_to_end();
  bool was_reset() const { return reset_; }

  // Sends no more, and goes on reading.
  void end();
  void close();
  // Closes with a reset, as a machine does that forgot the connection.
  void reset();
  boost::asio::ip::tcp::socket& socket() { return *socket_; }

 private:
  // Reads some more into `received_`; false at the end.
  bool receive();

  Loop& loop_;
  std::shared_ptr<boost::asio::ip::tcp::socket>
      socket_;  // What is sent later may outlive the peer.
  std::string received_;
  bool reset_ = false;
};

// A port that a test answers at.
class Listener {
 public:
  explicit Listener(Loop& loop, int backlog = 16, const std::string& address = "127.0.0.1",
                    std::uint16_t port = 0);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  // The next connection.
  Peer accept();
  // True if somebody has connected and was not accepted yet.
  bool has_caller();
  void close() { acceptor_.close(); }
  boost::asio::ip::tcp::acceptor& acceptor() { return acceptor_; }

 private:
  Loop& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace waybill::net
