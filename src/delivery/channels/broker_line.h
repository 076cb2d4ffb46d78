// A BrokerLine is the socket behind a connection to a broker, so that the thread that waits on it
// can be ended by another: cut() shuts the socket down, and whatever library reads or writes it
// returns at once.
//
// connect(), hold(), release() and wait() belong to the thread that uses the connection; resolve(),
// cut() and is_cut() to any.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace waybill::delivery {

class BrokerLine {
 public:
  // getaddrinfo(3), or a test's stand-in.
  using LookUp = int (*)(const char* host, const char* port, const addrinfo* hints,
                         addrinfo** found);
  // Of all lines together: what hangs longer than anybody waits for it.
  static constexpr int kLookUpsMax = 64;

  explicit BrokerLine(LookUp look_up = ::getaddrinfo) : look_up_(look_up) {}

  struct FreeAddresses {
    void operator()(addrinfo* found) const { ::freeaddrinfo(found); }
  };
  using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;
  // What the system says of a name. A look-up cannot be ended: it has a thread of its own, and what
  // comes of it after the deadline, or after cut(), is dropped.
  // Fails with kUnavailable (broker_unreachable) and kTimeout (broker_silent).
  Result<Addresses> resolve(const std::string& host, std::uint16_t port, Deadline deadline);

  // A connected, non-blocking TCP socket, which the caller owns and has to release() before it is
  // closed. Each address of the host has its share of the time that those before it have left.
  // Fails with kUnavailable (broker_unreachable) and kTimeout (broker_silent).
  Result<int> connect(const std::string& host, std::uint16_t port, Deadline deadline);

  // From now on cut() ends what waits on `socket`. False if the line is cut already.
  bool hold(int socket);
  void release();

  // Until one of poll(2)'s `events` is there, or the other side is gone.
  // Fails with kTimeout (broker_silent): the deadline has passed, or the line was cut.
  Result<void> wait(int socket, short events, Deadline deadline);

  void cut();
  void mend();
  bool is_cut() const;

 private:
  // Fails with kUnavailable, saying why alone, and kTimeout (broker_silent).
  Result<int> connect_to(const addrinfo& address, Deadline deadline);

  const LookUp look_up_;
  mutable std::mutex mutex_;
  int socket_ = -1;
  bool cut_ = false;
};

// The server has not answered in time. `server`: "Redis" …
Error broker_silent(std::string_view server = "The server");

}  // namespace waybill::delivery
