// The SQL of lists that are read by (updated_at, id), the latest change last: store/list_clock.h.

#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "store/list_clock.h"

namespace waybill::store::list_clock {

// `select` up to its table, and its further conditions, which begin with AND. A statement whose
// parameters are those of read_page(): its text is made once.
inline std::string page_sql(std::string_view select, std::string_view conditions = {}) {
  std::string sql(select);
  sql += " WHERE workspace_id = $1 AND (updated_at, id) > ($2, $3)";
  sql += conditions;
  sql += " ORDER BY updated_at, id LIMIT $4";
  return sql;
}

// `read` makes a T of a row.
template <class T, class Read>
Result<Page<T>> read_page(Connection& connection, const std::string& sql,
                          const model::WorkspaceId& workspace, const Request& request, Read read) {
  // Before every row, where the list is read from its beginning.
  const auto after = request.after.value_or(
      Position{from_unix_millis(std::numeric_limits<std::int64_t>::min()), Uuid()});
  Page<T> page;
  // One more than asked for tells whether there is another page.
  WAYBILL_TRY(connection.query(sql, {workspace, after.at, after.id, request.limit + 1},
                               [&](const Row& row) { page.rows.push_back(read(row)); }));
  if (page.rows.size() > static_cast<std::size_t>(request.limit)) {
    page.rows.pop_back();
    page.next = Position{page.rows.back().updated_at, page.rows.back().id.uuid()};
  }
  return page;
}

}  // namespace waybill::store::list_clock
