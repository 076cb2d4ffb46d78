// Hears what the connections of this database say with Connection::notify(): a session of its own,
// on a thread of its own, made anew whenever it breaks.

#pragma once

#include <thread>

#include "store/connection.h"
#include "store/postgres/postgres_address.h"
#include "store/postgres/postgres_driver.h"

namespace waybill::store {

class PostgresListener final : public Listener {
 public:
  PostgresListener(PostgresAddress address, PostgresOptions options, Hearing hearing);
  ~PostgresListener() override;

 private:
  void run();
  // Until the session breaks, or it is time to end.
  void hear();
  // Waits for the server, or the end. False: nothing came in time.
  bool wait(int socket, std::chrono::milliseconds most) const;

  const PostgresAddress address_;
  const PostgresOptions options_;
  const Hearing hearing_;
  int stopping_;  // An eventfd: readable once it is time to end.
  std::thread thread_;
};

}  // namespace waybill::store
