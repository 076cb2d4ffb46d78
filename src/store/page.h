// Keyset paging: newest first, by id, so that nothing is shown twice or left out while rows are
// added. Platforms that page by number have offsets and totals too, which cost more the more there
// is.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "store/connection.h"

namespace waybill::store {

struct PageRequest {
  int limit = 50;             // 1 to 200.
  std::optional<Uuid> after;  // The last id of the page before.
  std::int64_t offset = 0;    // So many rows are passed over.
};

template <class T>
struct Page {
  std::vector<T> rows;
  std::optional<Uuid> next;  // What `after` of the next page is; nothing on the last page.
};

// Builds "SELECT … WHERE a = $1 AND b = $2 …" from the filters that are set. The texts are
// literals: each combination of filters is one statement, prepared once.
class Select {
 public:
  explicit Select(std::string_view columns_and_table) : sql_(columns_and_table) {}

  // `condition` ends before its parameter: "workspace_id =". `rest` follows it.
  void where(std::string_view condition, Param value, std::string_view rest = {}) {
    sql_ += params_.empty() ? " WHERE " : " AND ";
    sql_ += condition;
    sql_ += " $" + std::to_string(params_.size() + 1);
    sql_ += rest;
    params_.push_back(value);
  }
  template <class T>
  void where_if(std::string_view condition, const std::optional<T>& value) {
    if (value) where(condition, *value);
  }

  // A text that begins with `prefix`. (LIKE differs from driver to driver.)
  void where_begins(std::string_view column, const std::string& prefix) {
    const std::string number = std::to_string(params_.size() + 1);
    std::string condition = "substr(";
    condition.append(column).append(", 1, length(CAST($").append(number);
    where(condition.append(" AS TEXT))) ="), prefix);
  }

  // One of `values`.
  void where_in(std::string_view column, const std::vector<std::string>& values) {
    std::string condition(column);
    condition += " IN (";
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
      params_.push_back(values[i]);
      condition += "$" + std::to_string(params_.size()) + ", ";
    }
    where(condition, values.back(), ")");
  }

  // As far as it was built: for a statement that holds it.
  const std::string& sql() const { return sql_; }
  const std::vector<Param>& params() const { return params_; }

  // Another condition than "id <" keeps the page before out, ending before the id as well.
  void bound_by(std::string_view condition) { bound_ = condition; }

  // Only rows with this value, and ids from `first` to below `end`, by the index of (workspace_id,
  // `column`, id). SQLite would walk the primary key if the two were conditions of their own.
  void walk(std::string_view column, Param value, const Uuid& first, const Uuid& end) {
    params_.push_back(value);
    const std::string pair = "(" + std::string(column) + ", id)";
    const std::string with = " ($" + std::to_string(params_.size()) + ",";
    walk_bound_ = pair + " <" + with;
    walk_order_ = std::string(column) + " DESC, ";
    where(pair + " >=" + with, first, ")");
    where(walk_bound_, end, ")");
  }

  // Runs it for one page. `read` makes a T of a row; `id_of` gives the id that the rows are ordered
  // by.
  template <class T, class Read, class IdOf>
  Result<Page<T>> page(Connection& connection, const PageRequest& request, Read read, IdOf id_of) {
    // The first page has a bound too: without one SQLite walks the whole primary key in search of
    // the few rows that an index would name at once.
    const Uuid below = request.after.value_or(highest());
    if (walk_bound_.empty()) {
      where(bound_, below);
    } else {
      where(walk_bound_, below, ")");
    }
    // One more than asked for tells whether there is another page.
    params_.push_back(request.limit + 1);
    std::string sql =
        sql_ + " ORDER BY " + walk_order_ + "id DESC LIMIT $" + std::to_string(params_.size());
    if (request.offset > 0) {
      params_.push_back(request.offset);
      sql += " OFFSET $" + std::to_string(params_.size());
    }
    Page<T> page;
    WAYBILL_TRY(
        connection.query(sql, params_, [&](const Row& row) { page.rows.push_back(read(row)); }));
    if (page.rows.size() > static_cast<std::size_t>(request.limit)) {
      page.rows.pop_back();
      page.next = id_of(page.rows.back());
    }
    return page;
  }

  // How many rows there are on all pages.
  Result<std::int64_t> count(Connection& connection) const {
    std::int64_t count = 0;
    WAYBILL_TRY(connection.query("SELECT count(*) FROM (" + sql_ + ") AS counted", params_,
                                 [&](const Row& row) { count = row.integer(0); }));
    return count;
  }

  // Above every id there is: those have a version and a variant.
  static Uuid highest() {
    constexpr std::array<std::uint8_t, Uuid::kSize> all = {255, 255, 255, 255, 255, 255, 255, 255,
                                                           255, 255, 255, 255, 255, 255, 255, 255};
    return *Uuid::from_bytes(all);
  }

 private:
  std::string sql_;
  std::string_view bound_ = "id <";
  std::string walk_bound_;  // As far as its last parameter. Empty: by id alone.
  std::string walk_order_;
  std::vector<Param> params_;
};

}  // namespace waybill::store
