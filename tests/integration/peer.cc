#include "integration/peer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <poll.h>

#include <boost/asio/write.hpp>

namespace waybill::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Error = boost::system::error_code;

void Loop::run_until(const std::function<bool()>& done) {
  const Deadline deadline = Deadline::after(kPatience);
  while (!done()) {
    if (deadline.passed()) throw std::runtime_error("the test has waited for too long");
    context_.restart();
    context_.run_one_until(deadline.time_point());
  }
}

void Loop::poll() {
  context_.restart();
  context_.poll();
}

std::string Message::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? "-" : found->second;
}

Peer::Peer(Loop& loop, tcp::socket socket)
    : loop_(loop), socket_(std::make_shared<tcp::socket>(std::move(socket))) {}

Peer::Peer(Loop& loop, std::uint16_t port) : Peer(loop, tcp::socket(loop.context())) {
  std::optional<Error> connected;
  socket_->async_connect({asio::ip::address_v4::loopback(), port},
                         [&](Error error) { connected = error; });
  loop_.run_until([&] { return connected.has_value(); });
  if (*connected) throw std::runtime_error("cannot connect: " + connected->message());
}

Peer::~Peer() {
  if (socket_) close();
}

void Peer::end() {
  Error ignored;
  socket_->shutdown(tcp::socket::shutdown_send, ignored);
}

void Peer::close() {
  Error ignored;
  socket_->close(ignored);
}

bool Peer::send(std::string_view text) {
  std::optional<Error> sent;
  asio::async_write(*socket_, asio::buffer(text), [&](Error error, std::size_t) { sent = error; });
  loop_.run_until([&] { return sent.has_value(); });
  return !*sent;
}

void Peer::send_later(std::string text) {
  const auto kept = std::make_shared<std::string>(std::move(text));
  asio::async_write(*socket_, asio::buffer(*kept), [kept, socket = socket_](Error, std::size_t) {});
}

bool Peer::receive() {
  std::array<char, 16 * 1024> buffer;
  std::optional<Error> read;
  std::size_t count = 0;
  socket_->async_read_some(asio::buffer(buffer), [&](Error error, std::size_t bytes) {
    read = error;
    count = bytes;
  });
  loop_.run_until([&] { return read.has_value(); });
  received_.append(buffer.data(), count);
  reset_ = reset_ || *read == asio::error::connection_reset;
  return !*read;
}

Message Peer::read(bool is_head) {
  Message message;
  std::size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return message;
  }
  message.head = received_.substr(0, end);
  std::string_view head = message.head;
  message.start = head.substr(0, head.find("\r\n"));
  while (true) {
    const std::size_t next = head.find("\r\n");
    if (next == std::string_view::npos) break;
    head.remove_prefix(next + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    std::string name(line.substr(0, line.find(':')));
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    message.headers.emplace_back(std::move(name),
                                 line.substr(std::min(line.size(), name.size() + 2)));
  }
  received_.erase(0, end + 4);

  std::size_t length = 0;
  const std::string text = message.header("content-length");
  if (!is_head) std::from_chars(text.data(), text.data() + text.size(), length);
  while (received_.size() < length) {
    if (!receive()) break;
  }
  message.body = received_.substr(0, length);
  received_.erase(0, length);
  return message;
}

std::string Peer::read_to_end() {
  while (receive()) {
  }
  return std::exchange(received_, {});
}

void Peer::reset() {
  socket_->set_option(asio::socket_base::linger(true, 0));
  close();
}

Listener::Listener(Loop& loop, int backlog, const std::string& address, std::uint16_t port)
    : loop_(loop), acceptor_(loop.context()) {
  acceptor_.open(tcp::v4());
  acceptor_.bind({asio::ip::make_address(address), port});
  acceptor_.listen(backlog);
}

Peer Listener::accept() {
  std::optional<Error> accepted;
  tcp::socket socket(loop_.context());
  acceptor_.async_accept(socket, [&](Error error) { accepted = error; });
  loop_.run_until([&] { return accepted.has_value(); });
  return {loop_, std::move(socket)};
}

bool Listener::has_caller() {
  loop_.poll();
  pollfd waiting{acceptor_.native_handle(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

}  // namespace waybill::net
