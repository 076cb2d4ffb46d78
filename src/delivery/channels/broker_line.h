// A BrokerLine is the socket behind a connection to a broker, so that the thread that waits on it
// can be ended by another: cut() shuts the socket down, and whatever library reads or writes it
// returns at once.
//
// connect(), hold(), release() and wait() belong to the thread that uses the connection; cut() and
// is_cut() to any.

#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace waybill::delivery {

class BrokerLine {
 public:
  // A connected, non-blocking TCP socket, which the caller owns and has to release() before it is
  // closed. Names are resolved by the system, in its own time.
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
  mutable std::mutex mutex_;
  int socket_ = -1;
  bool cut_ = false;
};

// The server has not answered in time. `server`: "Redis" …
Error broker_silent(std::string_view server = "The server");

}  // namespace waybill::delivery
