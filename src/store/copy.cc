#include "store/copy.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "store/copy_pages.h"

namespace waybill::store {
namespace {

constexpr std::string_view kLeftOut[] = {"schema_migrations", "commit_marks", "nodes",
                                         "write_probes", "copy_progress"};
// Of one INSERT. More rows save little, and a server takes 65,535 parameters.
constexpr std::size_t kRowsOfInsert = 40;
// The row of copy_progress that is about all tables.
constexpr std::string_view kAll;
// The hub itself.
const Uuid kHub{};

// A unit of its own.
template <class Unit>
auto in_transaction(Connection& connection, Connection::Access access, Unit unit)
    -> std::invoke_result_t<Unit&> {
  WAYBILL_TRY(connection.begin(access));
  auto done = unit();
  if (done) {
    if (auto committed = connection.commit(); !committed) done = fail(committed.error());
  }
  if (!done) connection.rollback();
  return done;
}

// --- Copying -------------------------------------------------------------------------------------

class Writer {
 public:
  Writer(Connection& connection, const CopiedTable& table)
      : connection_(connection),
        columns_(table.columns.size()),
        many_(insert(table, kRowsOfInsert)),
        one_(insert(table, 1)) {}

  Result<void> write(const CopiedPage& page) {
    const auto rows = static_cast<std::size_t>(page.rows);
    std::size_t row = 0;
    for (; row + kRowsOfInsert <= rows; row += kRowsOfInsert) {
      WAYBILL_TRY(write(many_, page, row, kRowsOfInsert));
    }
    for (; row < rows; ++row) WAYBILL_TRY(write(one_, page, row, 1));
    return {};
  }

 private:
  static std::string insert(const CopiedTable& table, std::size_t rows) {
    std::string text = fmt::format("INSERT INTO {} ({}) VALUES ", table.name, column_names(table));
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t first = row * table.columns.size() + 1;
      text += fmt::format("{}({})", row ? ", " : "", parameters_from(first, table.columns.size()));
    }
    return text;
  }
  Result<void> write(const std::string& sql, const CopiedPage& page, std::size_t row,
                     std::size_t rows) {
    std::vector<Param> params;
    params.reserve(rows * columns_);
    for (std::size_t i = row * columns_; i < (row + rows) * columns_; ++i) {
      params.push_back(param_of(page.values[i]));
    }
    return connection_.write(sql, params);
  }

  Connection& connection_;
  const std::size_t columns_;
  const std::string many_;
  const std::string one_;
};

std::string shown(const CopiedTable& table, const CopiedValues& key) {
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    text += fmt::format("{}{} ", text.empty() ? "" : ", ", table.columns[table.key[i]].name);
    if (const auto* number = std::get_if<std::int64_t>(&key[i])) text += std::to_string(*number);
    if (const auto* word = std::get_if<std::string>(&key[i])) text += *word;
    if (const auto* bytes = std::get_if<Bytes>(&key[i])) text += hex(*bytes);
  }
  return text;
}

Result<void> check_texts(const CopiedTable& table, const CopiedPage& page) {
  for (std::size_t i = 0; i < page.values.size(); ++i) {
    const auto* text = std::get_if<std::string>(&page.values[i]);
    if (!text || (text->find('\0') == std::string::npos && is_utf8(*text))) continue;
    const std::size_t place = i % table.columns.size();
    const std::size_t begin = i - place;
    return fail(Code::kInvalid, "copy_text_unsupported",
                fmt::format("The column {} of {} holds a NUL character or no UTF-8, which a server "
                            "does not take, in the row with {}.",
                            table.columns[place].name, table.name,
                            shown(table, key_of(table, page, begin))));
  }
  return {};
}

struct Progress {
  Bytes source;
  std::string last_key;
  std::int64_t rows = 0;
  bool finished = false;
};

Result<std::optional<Progress>> find_progress(Connection& connection, std::string_view table) {
  std::optional<Progress> found;
  WAYBILL_TRY(
      connection.query("SELECT source, last_key, row_count, finished_at FROM copy_progress "
                       "WHERE workspace_id = $1 AND table_name = $2",
                       {kHub, table}, [&](const Row& row) {
                         const ByteView key = row.bytes(1);
                         found = Progress{row.byte_string(0), std::string(as_text(key)),
                                          row.integer(2), !row.is_null(3)};
                       }));
  return found;
}

Result<void> set_progress(Connection& connection, std::string_view table, const Uuid& source_id,
                          const CopiedValues& last_key, std::int64_t rows) {
  std::string key;
  for (const CopiedValue& value : last_key) encode(value, key);
  return connection.write(
      "INSERT INTO copy_progress (workspace_id, table_name, source, last_key, row_count) "
      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, table_name) "
      "DO UPDATE SET last_key = excluded.last_key, row_count = excluded.row_count",
      {kHub, table, source_id, as_bytes(key), rows});
}

std::unexpected<Error> not_empty(std::string_view what) {
  return fail(Code::kConflict, "copy_target_not_empty",
              fmt::format("{}: a copy begins with an empty database, or goes on with its own "
                          "beginning. Make a new database for it.",
                          what));
}

// --- Comparing -----------------------------------------------------------------------------------

void add_to(TableSum& sum, const CopiedTable& table, const CopiedPage& page) {
  const std::size_t columns = table.columns.size();
  std::string encoded;
  for (std::size_t begin = 0; begin < page.values.size(); begin += columns) {
    encoded.clear();
    for (std::size_t i = begin; i < begin + columns; ++i) encode(page.values[i], encoded);
    const crypto::Digest digest = crypto::sha256(encoded);
    unsigned carry = 0;
    for (std::size_t i = digest.size(); i-- > 0;) {
      carry += unsigned{sum.sum[i]} + digest[i];
      sum.sum[i] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
  }
  sum.rows += page.rows;
}

// Of a table of the target, of which the source has as many rows on its page.
Result<void> add_rows(CopyReader& reader, const CopiedTable& table, std::int64_t rows,
                      TableSum& sum) {
  while (rows > 0) {
    const auto page = reader.read(rows);
    if (!page) return fail(page.error());
    if (page->rows == 0) return {};
    add_to(sum, table, *page);
    rows -= page->rows;
  }
  return {};
}

ColumnType type_of(std::string_view declared) {
  if (declared == "INTEGER") return ColumnType::kInteger;
  if (declared == "TEXT") return ColumnType::kText;
  WAYBILL_CHECK(declared == "BLOB", "a column is one of {bigint}, TEXT and {bytes}");
  return ColumnType::kBytes;
}

Result<CopiedTable> describe(Connection& source, std::string name) {
  CopiedTable table{std::move(name), {}, {}};
  std::vector<std::pair<std::int64_t, std::size_t>> key;
  WAYBILL_TRY(source.query("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid",
                           {table.name}, [&](const Row& row) {
                             const std::int64_t place_in_key = row.integer(2);
                             if (place_in_key > 0) {
                               key.emplace_back(place_in_key, table.columns.size());
                             }
                             table.columns.push_back({row.string(0), type_of(row.text(1))});
                           }));
  std::ranges::sort(key);
  for (const auto& [_, place] : key) table.key.push_back(place);
  WAYBILL_CHECK(!table.key.empty(), "every table has a primary key");
  return table;
}

}  // namespace

Result<std::vector<CopiedTable>> tables_to_copy(Connection& source) {
  std::vector<std::string> names;
  WAYBILL_TRY(source.query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' "
      "ORDER BY name",
      {}, [&](const Row& row) {
        if (std::ranges::find(kLeftOut, row.text(0)) == std::end(kLeftOut)) {
          names.push_back(row.string(0));
        }
      }));
  std::vector<CopiedTable> tables;
  for (std::string& name : names) {
    auto table = describe(source, std::move(name));
    if (!table) return fail(table.error());
    tables.push_back(std::move(*table));
  }
  return tables;
}

Result<std::int64_t> count_rows(Connection& connection, const CopiedTable& table) {
  std::int64_t count = 0;
  WAYBILL_TRY(connection.query(fmt::format("SELECT count(*) FROM {}", table.name), {},
                               [&](const Row& row) { count = row.integer(0); }));
  return count;
}

namespace {

Result<CopyState> look_at(Connection& target, const std::vector<CopiedTable>& tables,
                          const Uuid& source_id) {
  const auto whole = find_progress(target, kAll);
  if (!whole) return fail(whole.error());
  if (*whole) {
    const ByteView expected = source_id.bytes();
    if (!std::ranges::equal((*whole)->source, expected)) {
      return not_empty("Another data directory was copied to this database");
    }
    return (*whole)->finished ? CopyState::kFinished : CopyState::kUnderWay;
  }
  for (const CopiedTable& table : tables) {
    const auto rows =
        target.query(fmt::format("SELECT 1 FROM {} LIMIT 1", table.name), {}, [](const Row&) {});
    if (!rows) return fail(rows.error());
    if (*rows > 0) return not_empty(fmt::format("There are {} in this database", table.name));
  }
  return CopyState::kNone;
}

}  // namespace

Result<CopyState> look_at_copy(Connection& target, const std::vector<CopiedTable>& tables,
                               const Uuid& source_id) {
  return in_transaction(target, Connection::Access::kRead,
                        [&] { return look_at(target, tables, source_id); });
}

Result<void> begin_copy(Connection& target, const std::vector<CopiedTable>& tables,
                        const Uuid& source_id) {
  return in_transaction(target, Connection::Access::kWrite, [&]() -> Result<void> {
    // As no hub and no other copy begins meanwhile.
    WAYBILL_TRY(target.lock_migrations());
    const auto state = look_at(target, tables, source_id);
    if (!state) return fail(state.error());
    if (*state != CopyState::kNone) return {};
    return set_progress(target, kAll, source_id, {}, 0);
  });
}

Result<std::int64_t> copy_table(Connection& source, Connection& target, const CopiedTable& table,
                                const Uuid& source_id, const CopyReport& report) {
  const auto before = in_transaction(target, Connection::Access::kRead,
                                     [&] { return find_progress(target, table.name); });
  if (!before) return fail(before.error());
  auto after = *before ? decode((*before)->last_key) : CopiedValues();
  WAYBILL_CHECK(after.has_value(), "last_key is as it was written");
  const std::int64_t had = *before ? (*before)->rows : 0;
  std::int64_t rows = had;
  CopyReader reader(source, table, std::move(*after));
  Writer writer(target, table);
  for (;;) {
    const auto page = reader.read(kCopyRowsMax);
    if (!page) return fail(page.error());
    if (page->rows == 0) return rows - had;
    WAYBILL_TRY(check_texts(table, *page));
    rows += page->rows;
    const auto written = in_transaction(target, Connection::Access::kWrite, [&]() -> Result<void> {
      WAYBILL_TRY(writer.write(*page));
      WAYBILL_TRY(set_progress(target, table.name, source_id, reader.after(), rows));
      return target.flush();
    });
    if (!written && written.error().reason == "unique_violation") {
      return not_empty(fmt::format("There are other rows in {}", table.name));
    }
    if (!written) return fail(written.error());
    report(table, rows);
  }
}

Result<TableSum> verify_table(Connection& source, Connection& target, const CopiedTable& table,
                              const CopyReport& report) {
  TableSum expected;
  TableSum found;
  const auto compared = in_transaction(target, Connection::Access::kRead, [&]() -> Result<void> {
    CopyReader here(source, table);
    CopyReader there(target, table);
    for (;;) {
      const auto page = here.read(kCopyRowsMax);
      if (!page) return fail(page.error());
      add_to(expected, table, *page);
      // What is left over at the end is one row too many, or more.
      WAYBILL_TRY(add_rows(there, table, page->rows ? page->rows : 1, found));
      if (page->rows == 0) return {};
      report(table, expected.rows);
    }
  });
  if (!compared) return fail(compared.error());
  if (expected == found) return expected;
  const auto count = count_rows(target, table);
  return fail(
      Code::kInternal, "copy_mismatch",
      fmt::format("The table {} is not what it was: it has {} rows with the checksum {}, and "
                  "its copy has {} with {}. If the hub was started between two parts of the "
                  "copy, or something else writes to the target: make a new database and "
                  "copy again. The data directory is as it was.",
                  table.name, expected.rows, hex(expected.sum), count.value_or(found.rows),
                  hex(found.sum)));
}

Result<void> finish_copy(Connection& target, const Uuid& source_id, Timestamp now) {
  return in_transaction(target, Connection::Access::kWrite, [&]() -> Result<void> {
    const auto changed = target.execute(
        "UPDATE copy_progress SET finished_at = $3 "
        "WHERE workspace_id = $1 AND table_name = '' AND source = $2 AND finished_at IS NULL",
        {kHub, source_id, now});
    if (!changed) return fail(changed.error());
    return {};
  });
}

Result<void> check_copy_finished(Connection& connection) {
  const auto whole = in_transaction(connection, Connection::Access::kRead,
                                    [&] { return find_progress(connection, kAll); });
  if (!whole) return fail(whole.error());
  if (!*whole || (*whole)->finished) return {};
  return fail(Code::kConflict, "copy_unfinished",
              "`waybill copy` has begun to move a hub's records to this database and has not come "
              "to its end: run it again, and it goes on where it was.");
}

}  // namespace waybill::store
