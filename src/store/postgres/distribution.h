// Spreads the tables over the servers of a Citus cluster: each table that has a workspace_id by it,
// so that all records of a workspace are on one server; the others are copied to all of them.
//
// It asks for two functions of the Citus extension and its list of tables, and knows nothing else
// about it. It has never been run on a real Citus: Debian has no package of it.

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/connection.h"

namespace waybill::store {

struct Distribution {
  enum class Kind { kDistributed, kReference };
  struct Table {
    std::string name;
    Kind kind = Kind::kDistributed;
    bool was_done = false;  // Before this call.
  };
  std::vector<Table> tables;
};

// Each table in a transaction of its own; called again, it goes on with what is missing.
// Requires: the tables are there (migrate()), and no hub works on them.
// Fails as Connection::query(), and with kInvalid (citus_missing), saying what to install.
Result<Distribution> distribute(Connection& connection);

}  // namespace waybill::store
