// The PostgreSQL driver: several writers, many nodes on one database.
//
// Durable means durable: a commit is answered once the server has it on its disk, and on that of a
// synchronous standby if there is one. A commit whose answer was lost is looked up, never guessed.
//
// A connection that breaks is made anew when it is next needed, at most every kReconnectPause;
// until then its transactions fail with kUnavailable (database_unavailable) at once.

#pragma once

#include <chrono>
#include <memory>

#include "store/connection.h"
#include "store/postgres/postgres_address.h"

namespace waybill::store {

struct PostgresOptions {
  // Connections that write; each takes its own batch of units. While one waits for its commit the
  // other runs: with one, a third of the orders; with three, smaller batches and a fifth less.
  int writers = 2;
  // What one statement may take, a commit apart. Longer, and its units fail with kUnavailable.
  std::chrono::milliseconds statement_timeout{std::chrono::seconds(30)};
  std::chrono::seconds connect_timeout{3};  // For each host.
};

class PostgresDriver final : public Driver {
 public:
  explicit PostgresDriver(PostgresAddress address, PostgresOptions options = {});

  Result<std::unique_ptr<Connection>> connect(Connection::Access access) override;
  int writers() const override { return options_.writers; }
  std::unique_ptr<Listener> listen(Hearing hearing) override;

 private:
  PostgresAddress address_;
  PostgresOptions options_;
};

}  // namespace waybill::store
