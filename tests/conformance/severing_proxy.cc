#include "conformance/severing_proxy.h"

#include <algorithm>
#include <array>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace waybill::store {
namespace {

using Buffer = std::array<char, 64 * 1024>;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int new_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// What came; 0: the end.
std::size_t receive(int socket, Buffer& buffer) {
  const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

void send_all(int socket, const Buffer& buffer, std::size_t size) {
  for (std::size_t sent = 0; sent < size;) {
    const ssize_t count = ::send(socket, buffer.data() + sent, size - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

}  // namespace

SeveringProxy::SeveringProxy(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = new_socket();
  stopping_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

SeveringProxy::~SeveringProxy() {
  ::eventfd_write(stopping_, 1);
  thread_.join();
  for (Pair& pair : pairs_) {
    close(pair.client);
    close(pair.server);
  }
  close(listener_);
  close(stopping_);
}

void SeveringProxy::run() {
  for (;;) {
    std::vector<pollfd> files = {{stopping_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      files.push_back({pair.client, POLLIN, 0});
      files.push_back({pair.server, POLLIN, 0});
    }
    if (::poll(files.data(), files.size(), -1) < 0) continue;
    if (files[0].revents != 0) return;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (files[2 + 2 * i].revents != 0) from_client(pairs_[i]);
      if (files[3 + 2 * i].revents != 0) from_server(pairs_[i]);
    }
    if (files[1].revents != 0) accept_one();
  }
}

void SeveringProxy::accept_one() {
  Pair pair;
  pair.client = ::accept(listener_, nullptr, nullptr);
  pair.server = new_socket();
  const sockaddr_in address = loopback(server_port_);
  if (::connect(pair.server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(pair.client);
    close(pair.server);
  }
  pairs_.push_back(pair);
  ++accepted_;
}

void SeveringProxy::from_client(Pair& pair) {
  if (pair.client < 0) return;
  Buffer buffer;
  const std::size_t size = receive(pair.client, buffer);
  const Cut cut = size > 0 ? cut_.exchange(Cut::kNone) : Cut::kBefore;
  if (cut == Cut::kNone || cut == Cut::kAfter) send_all(pair.server, buffer, size);
  if (cut == Cut::kNone) return;
  if (cut == Cut::kAfter) {
    pair.drops_answer = true;
    return;
  }
  close(pair.client);
  if (cut == Cut::kLate) {
    late_.assign(buffer.data(), size);
    late_server_ = std::exchange(pair.server, -1);
  } else {
    close(pair.server);
  }
}

void SeveringProxy::from_server(Pair& pair) {
  if (pair.server < 0) return;
  Buffer buffer;
  const std::size_t size = receive(pair.server, buffer);
  if (size > 0 && !pair.drops_answer) {
    send_all(pair.client, buffer, size);
    return;
  }
  close(pair.client);
  close(pair.server);
}

void SeveringProxy::deliver_late() {
  Buffer buffer;
  std::ranges::copy(late_, buffer.begin());
  send_all(late_server_, buffer, late_.size());
  ::shutdown(late_server_, SHUT_WR);
  while (receive(late_server_, buffer) > 0) continue;
  close(late_server_);
}

void SeveringProxy::close(int& socket) {
  if (socket >= 0) ::close(socket);
  socket = -1;
}

}  // namespace waybill::store
