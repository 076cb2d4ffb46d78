// Moves all records of a SQLite database that nobody uses into another, empty one, and proves that
// they are there.
//
//   auto tables = tables_to_copy(source);
//   begin_copy(source, target, tables, id);
//   for (…) copy_table(source, target, table, id, report);
//   for (…) verify_table(source, target, table, report);
//   finish_copy(target, id, now);
//
// Promises:
//
//  1. Which tables there are, and their columns and keys, is read from the source: a table of a
//     later migration comes along by itself. Left out are those that say something about the
//     database itself: schema_migrations, commit_marks, nodes, write_probes and copy_progress.
//  2. How far a table has come is written in the transaction of its rows. So a copy that is cut
//     short at any moment goes on where it was; nothing is there twice.
//  3. Until it is finished, check_copy_finished() fails, with which every hub begins.
//  4. verify_table() compares the number of rows and the sum of their SHA-256, which does not
//  depend
//     on their order: databases order texts differently.
//
// Both databases have this binary's tables. Memory is bounded, however large the rows are.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/connection.h"

namespace waybill::store {

enum class ColumnType { kInteger, kText, kBytes };

struct CopiedTable {
  struct Column {
    std::string name;
    ColumnType type = ColumnType::kBytes;
  };
  std::string name;
  std::vector<Column> columns;
  std::vector<std::size_t> key;  // Places in `columns`.
};

// How many rows of the table are done by now. Called after each page.
using CopyReport = std::function<void(const CopiedTable& table, std::int64_t rows)>;

// Of a whole table.
struct TableSum {
  std::int64_t rows = 0;
  std::array<std::uint8_t, 32> sum{};
  friend bool operator==(const TableSum&, const TableSum&) = default;
};

// In order of their names. `source` is a connection of SQLite's. Fails as Connection::query().
Result<std::vector<CopiedTable>> tables_to_copy(Connection& source);

Result<std::int64_t> count_rows(Connection& connection, const CopiedTable& table);

enum class CopyState {
  kNone,      // The target is empty.
  kUnderWay,  // A copy of this source was begun.
  kFinished,  // … and is verified.
};
// `source_id` names the source, the same each time.
// Fails with kConflict (copy_target_not_empty) if there are records in the target that came from
// elsewhere, and as Connection::query().
Result<CopyState> look_at_copy(Connection& target, const std::vector<CopiedTable>& tables,
                               const Uuid& source_id);

// Notes in an empty target that a copy is under way. Fails as look_at_copy().
Result<void> begin_copy(Connection& target, const std::vector<CopiedTable>& tables,
                        const Uuid& source_id);

// Copies what is missing of one table. Returns how many rows came now.
// Fails as Connection::execute(), and with kInvalid (copy_text_unsupported) for a text that holds
// NUL or is no UTF-8, which not every database takes; the message names the row.
Result<std::int64_t> copy_table(Connection& source, Connection& target, const CopiedTable& table,
                                const Uuid& source_id, const CopyReport& report);

// Fails with kInternal (copy_mismatch), naming the table and the difference, and as
// Connection::query().
Result<TableSum> verify_table(Connection& source, Connection& target, const CopiedTable& table,
                              const CopyReport& report);

Result<void> finish_copy(Connection& target, const Uuid& source_id, Timestamp now);

// Fails with kConflict (copy_unfinished), saying what to do.
Result<void> check_copy_finished(Connection& connection);

// What is copied and verified at once, at most.
inline constexpr std::int64_t kCopyRowsMax = 5'000;
inline constexpr std::size_t kCopyBytesMax = 8 * 1024 * 1024;

}  // namespace waybill::store
