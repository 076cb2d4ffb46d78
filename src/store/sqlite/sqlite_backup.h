// Copies a SQLite database that is in use. The copy is one moment of it: the snapshot that the
// source's open transaction reads. Writers are not held up; the WAL grows while it is made.

#pragma once

#include <filesystem>
#include <sqlite3.h>
#include <stop_token>

#include "base/result.h"

namespace waybill::store {

// As Connection::copy_to().
// Requires: `source` is in a transaction that has read something.
Result<void> copy_database(sqlite3* source, const std::filesystem::path& file,
                           const std::stop_token& stop);

}  // namespace waybill::store
