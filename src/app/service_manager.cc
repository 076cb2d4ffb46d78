#include "app/service_manager.h"

#include <algorithm>
#include <cstddef>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

namespace waybill::app {

bool tell_service_manager(const Environment& environment, std::string_view state) {
  const auto name = environment("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (!name || name->size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  std::ranges::copy(*name, address.sun_path);
  // An abstract one begins with a zero byte, which the variable writes as @.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name->size());
  const ssize_t sent = ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
  ::close(descriptor);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace waybill::app
