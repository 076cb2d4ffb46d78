// The settings of a handler that inserts into a table of PostgreSQL:
//
//   {"url": "postgresql://user:password@host:5432/database", "table": "waybill_messages"}
//
// The table may be qualified: "schema.table".

#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "store/postgres/postgres_address.h"

namespace waybill::delivery {

struct SqlSettings {
  store::PostgresAddress address;
  std::string table;  // Quoted: "\"schema\".\"table\"".
};

// Fails with kInvalid (handler_settings_invalid) and the path of the fault.
Result<SqlSettings> read_sql_settings(const json::object& settings);

// The statement that makes the table (docs/handlers.md has it too).
std::string create_table(std::string_view quoted_table);

}  // namespace waybill::delivery
