#include "delivery/channels/broker_line.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace waybill::delivery {
namespace {

// Between two looks whether the line was cut.
constexpr std::chrono::milliseconds kLook{20};

Error unreachable(const std::string& host, std::uint16_t port, std::string_view why) {
  return {Code::kUnavailable, "broker_unreachable",
          fmt::format("{} port {} cannot be reached: {}.", host, port, why)};
}

// One look-up. It outlives whoever has given up waiting for it.
struct LookedUp {
  LookedUp(std::string h, std::uint16_t p) : host(std::move(h)), port(std::to_string(p)) {}

  const std::string host;
  const std::string port;
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;  // Guarded, as are the next two.
  int code = 0;
  BrokerLine::Addresses found;
};

std::atomic<int>& look_ups() {
  static std::atomic<int> count{0};
  return count;
}

// False: the system has no thread left for it.
bool begin_look_up(const std::shared_ptr<LookedUp>& asked, BrokerLine::LookUp look_up) {
  try {
    std::thread([asked, look_up] {
      addrinfo wanted{};
      wanted.ai_socktype = SOCK_STREAM;
      addrinfo* found = nullptr;
      const int code = look_up(asked->host.c_str(), asked->port.c_str(), &wanted, &found);
      --look_ups();
      const std::lock_guard lock(asked->mutex);
      asked->code = code;
      if (code == 0) asked->found.reset(found);
      asked->done = true;
      asked->changed.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

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

Result<BrokerLine::Addresses> BrokerLine::resolve(const std::string& host, std::uint16_t port,
                                                  Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* raw = nullptr;
  // An address asks nobody.
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw) == 0) {
    return Addresses(raw);
  }
  if (++look_ups() > kLookUpsMax) {
    --look_ups();
    return fail(unreachable(host, port, "too many names are being looked up"));
  }
  const auto asked = std::make_shared<LookedUp>(host, port);
  if (!begin_look_up(asked, look_up_)) {
    --look_ups();
    return fail(unreachable(host, port, "no thread is left to look it up"));
  }
  std::unique_lock lock(asked->mutex);
  while (!asked->done) {
    if (is_cut() || deadline.passed()) return fail(broker_silent("The name server"));
    asked->changed.wait_for(lock, kLook);
  }
  if (asked->code != 0) return fail(unreachable(host, port, ::gai_strerror(asked->code)));
  return std::move(asked->found);
}

Result<int> BrokerLine::connect(const std::string& host, std::uint16_t port, Deadline deadline) {
  auto found = resolve(host, port, deadline);
  if (!found) return fail(found.error());

  int left = 0;
  for (const addrinfo* each = found->get(); each; each = each->ai_next) ++left;
  Result<int> made = fail(unreachable(host, port, "it has no address"));
  for (const addrinfo* each = found->get(); each && !made; each = each->ai_next) {
    // One whose packets are lost leaves the others their share of the time.
    const Deadline by = std::min(deadline, Deadline::after(deadline.left() / left--));
    made = connect_to(*each, by);
    if (!made && made.error().code != Code::kTimeout) {
      made = fail(unreachable(host, port, made.error().message));
    }
    if (is_cut()) break;
  }
  return made;
}

Result<int> BrokerLine::connect_to(const addrinfo& address, Deadline deadline) {
  const int socket =
      ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return fail(Code::kUnavailable, std::strerror(errno));
  if (!hold(socket)) {
    ::close(socket);
    return fail(broker_silent());
  }
  int error = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  Result<void> waited;
  if (error == EINPROGRESS) {
    waited = wait(socket, POLLOUT, deadline);
    error = connection_error(socket);
  }
  if (waited && error == 0) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return socket;
  }
  release();
  ::close(socket);
  if (!waited) return fail(waited.error());
  return fail(Code::kUnavailable, std::strerror(error));
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
