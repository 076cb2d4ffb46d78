// Migrations bring a database's tables to what this binary needs. They are
// store/migrations/NNNN_*.sql, embedded, applied in order, each once, all in one transaction.
//
// Their text is shared by all drivers; {words} in it are the driver's own
// (Connection::migration_word):
//   {bytes} {bigint} {clustered}

#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"

namespace waybill::store {

// Fails with kInvalid (database_newer) if a later Waybill has written this database, kInternal
// (migration_changed) if a migration was applied with another text, or as Connection::execute().
Result<void> migrate(Connection& connection, Timestamp now);

// How many of this binary's migrations are missing. Requires: there is a table schema_migrations.
// Fails as migrate(), and changes nothing.
Result<std::int64_t> pending_migrations(Connection& connection);

}  // namespace waybill::store
