#include "brokers/brokers.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <tuple>
#include <unistd.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

namespace waybill::delivery {
namespace {

std::string line_of(const char* variable, int number) {
  const char* const file = std::getenv(variable);
  std::ifstream in(file ? file : "");
  std::string line;
  for (int i = 0; i <= number; ++i) {
    if (!std::getline(in, line)) {
      throw std::runtime_error(fmt::format("{} names no server", variable));
    }
  }
  return line;
}

// A listening socket of this machine, and its port.
std::pair<int, std::uint16_t> listening() {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (made < 0 || ::bind(made, any, size) != 0 || ::listen(made, 16) != 0 ||
      ::getsockname(made, any, &size) != 0) {
    throw std::runtime_error("no socket can be made");
  }
  return {made, ntohs(address.sin_port)};
}

}  // namespace

std::string redis_url() { return line_of("WAYBILL_TEST_BROKERS_FILE", 0); }
std::string rabbit_url() { return line_of("WAYBILL_TEST_BROKERS_FILE", 1); }
std::string postgres_url() { return line_of("WAYBILL_TEST_POSTGRES_FILE", 0); }

std::string with_password(std::string_view url, std::string_view password) {
  const std::size_t colon = url.find(':', url.find("://") + 3);
  return fmt::format("{}:{}{}", url.substr(0, colon), password, url.substr(url.rfind('@')));
}

std::string fresh_name() {
  static const auto process = ::getpid();
  static int count = 0;
  return fmt::format("test-{}-{}", process, ++count);
}

SilentServer::SilentServer() { std::tie(socket_, port_) = listening(); }
SilentServer::~SilentServer() { ::close(socket_); }

std::uint16_t closed_port() {
  const auto [made, port] = listening();
  ::close(made);
  return port;
}

}  // namespace waybill::delivery
