#include "delivery/channels/broker_line.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace waybill::delivery {
namespace {

Error unreachable(const std::string& host, std::uint16_t port, std::string_view why) {
  return {Code::kUnavailable, "broker_unreachable",
          fmt::format("{} port {} cannot be reached: {}.", host, port, why)};
}

struct FreeAddresses {
  void operator()(addrinfo* found) const { ::freeaddrinfo(found); }
};

// 0, or the error number of a connection that is being made.
int connection_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Error broker_silent(std::string_view server) {
  return {Code::kTimeout, "broker_silent", fmt::format("{} did not answer in time.", server)};
}

Result<int> BrokerLine::connect(const std::string& host, std::uint16_t port, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw)) {
    return fail(unreachable(host, port, ::gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> found(raw);
  std::string why = "it has no address";
  for (const addrinfo* each = raw; each; each = each->ai_next) {
    const int socket =
        ::socket(each->ai_family, each->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0 || !hold(socket)) {
      if (socket < 0) return fail(unreachable(host, port, std::strerror(errno)));
      ::close(socket);
      return fail(broker_silent());
    }
    int error = ::connect(socket, each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      auto waited = wait(socket, POLLOUT, deadline);
      error = connection_error(socket);
      if (!waited) {
        release();
        ::close(socket);
        return fail(waited.error());
      }
    }
    if (error == 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return socket;
    }
    release();
    ::close(socket);
    why = std::strerror(error);
  }
  return fail(unreachable(host, port, why));
}

bool BrokerLine::hold(int socket) {
  const std::lock_guard lock(mutex_);
  if (cut_) return false;
  socket_ = socket;
  return true;
}

void BrokerLine::release() {
  const std::lock_guard lock(mutex_);
  socket_ = -1;
}

Result<void> BrokerLine::wait(int socket, short events, Deadline deadline) {
  pollfd waited{socket, events, 0};
  for (;;) {
    if (is_cut()) return fail(broker_silent());
    const int ready = ::poll(&waited, 1, static_cast<int>(deadline.left().count()));
    if (ready > 0) return is_cut() ? Result<void>(fail(broker_silent())) : Result<void>();
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && !deadline.passed()) continue;
    return fail(broker_silent());
  }
}

void BrokerLine::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  // Not close(): the number would be given to another socket while the other thread still uses it.
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

void BrokerLine::mend() {
  const std::lock_guard lock(mutex_);
  cut_ = false;
}

bool BrokerLine::is_cut() const {
  const std::lock_guard lock(mutex_);
  return cut_;
}

}  // namespace waybill::delivery
