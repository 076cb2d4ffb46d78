#include "store/request_log.h"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace waybill::store::request_log {
namespace {

// Rows of one INSERT: fewer statements, and a few texts of them.
constexpr std::size_t kRowsOfInsert = 32;
// What a row takes beside its texts: ids, numbers, and its place in the indexes.
constexpr std::int64_t kRowBytes = 160;

constexpr std::string_view kColumns =
    "id, workspace_id, at, key_id, method, path, status, error_code, latency_us, request_id, "
    "request_bytes, response_bytes";
constexpr std::size_t kColumnCount = 15;

std::string insert_of(std::size_t rows) {
  std::string sql = "INSERT INTO request_log (" + std::string(kColumns) +
                    ", row_bytes, request_body, response_body) VALUES ";
  std::size_t parameter = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (std::size_t column = 0; column < kColumnCount; ++column) {
      if (column > 0) sql += ", ";
      sql += "$" + std::to_string(++parameter);
    }
    sql += ")";
  }
  return sql;
}

Timestamp hour_of(Timestamp time) { return time - time.time_since_epoch() % std::chrono::hours(1); }

std::int64_t bytes_of(const model::LoggedRequest& row) {
  const auto size = [](const std::optional<std::string>& body) {
    return body ? body->size() : std::size_t{0};
  };
  return kRowBytes +
         static_cast<std::int64_t>(row.path.size() + row.error_code.size() + row.request_id.size() +
                                   size(row.request_body) + size(row.response_body));
}

Param body_param(const std::optional<std::string>& body) {
  return body ? Param(as_bytes(*body)) : Param(std::nullopt);
}

void add_params(std::vector<Param>& params, const model::LoggedRequest& row) {
  params.insert(params.end(), {row.id, row.workspace_id, row.at, row.key_id, row.method, row.path,
                               row.status, row.error_code, row.latency.count(), row.request_id,
                               row.request_bytes, row.response_bytes, bytes_of(row),
                               body_param(row.request_body), body_param(row.response_body)});
}

// By when rows were written: their ids tell.
using Sizes = std::map<std::pair<model::WorkspaceId, Timestamp>, std::int64_t>;

Result<void> add_sizes(Connection& connection, const Uuid& node, const Sizes& sizes) {
  for (const auto& [place, bytes] : sizes) {
    WAYBILL_TRY(connection.write(
        "INSERT INTO request_log_hours (workspace_id, hour, node, bytes) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (workspace_id, hour, node) DO UPDATE SET "
        "bytes = request_log_hours.bytes + excluded.bytes",
        {place.first, place.second, node, bytes}));
  }
  return {};
}

model::LoggedRequest read(const Row& row) {
  model::LoggedRequest request;
  request.id = row.id<model::LoggedRequestId>(0);
  request.workspace_id = row.id<model::WorkspaceId>(1);
  request.at = row.time(2);
  request.key_id = row.id_or_null<model::ApiKeyId>(3);
  request.method = row.string(4);
  request.path = row.string(5);
  request.status = static_cast<int>(row.integer(6));
  request.error_code = row.string(7);
  request.latency = std::chrono::microseconds(row.integer(8));
  request.request_id = row.string(9);
  request.request_bytes = row.integer(10);
  request.response_bytes = row.integer(11);
  return request;
}

std::optional<std::string> read_body(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return std::string(as_text(row.bytes(column)));
}

}  // namespace

Result<void> insert(Connection& connection, const Uuid& node,
                    std::span<const model::LoggedRequest> rows) {
  static const std::string many = insert_of(kRowsOfInsert);
  static const std::string one = insert_of(1);
  Sizes sizes;
  for (const model::LoggedRequest& row : rows) {
    sizes[{row.workspace_id, hour_of(row.id.uuid().time())}] += bytes_of(row);
  }
  std::vector<Param> params;
  params.reserve(kRowsOfInsert * kColumnCount);
  while (!rows.empty()) {
    const std::size_t count = rows.size() < kRowsOfInsert ? 1 : kRowsOfInsert;
    params.clear();
    for (const model::LoggedRequest& row : rows.first(count)) add_params(params, row);
    WAYBILL_TRY(connection.write(count == 1 ? one : many, Connection::Params(params)));
    rows = rows.subspan(count);
  }
  return add_sizes(connection, node, sizes);
}

Result<Page<model::LoggedRequest>> list(Connection& connection, const model::WorkspaceId& workspace,
                                        const Filter& filter, const PageRequest& page) {
  // Those that failed are few, and have an index of their own, by the same condition. What is noted
  // with a reason is answered with 200, so that WooCommerce goes on sending.
  constexpr int kFailed = 400;
  const bool only_failed = filter.error_code || filter.status.value_or(0) >= kFailed ||
                           filter.min_status.value_or(0) >= kFailed;
  static const std::string all = "SELECT " + std::string(kColumns) + " FROM request_log";
  static const std::string failed =
      "SELECT * FROM (" + all + " WHERE status >= 400 OR error_code <> '') AS failed";
  Select select(only_failed ? failed : all);
  select.where("workspace_id =", workspace);
  select.where_if("key_id =", filter.key);
  select.where_if("status =", filter.status);
  select.where_if("status >=", filter.min_status);
  select.where_if("method =", filter.method);
  select.where_if("error_code =", filter.error_code);
  select.where_if("request_id =", filter.request_id);
  select.where_if("at >=", filter.since);
  select.where_if("at <", filter.until);
  if (filter.path) select.where_begins("path", *filter.path);
  return select.page<model::LoggedRequest>(
      connection, page, read, [](const model::LoggedRequest& row) { return row.id.uuid(); });
}

Result<model::LoggedRequest> find(Connection& connection, const model::WorkspaceId& workspace,
                                  const model::LoggedRequestId& id) {
  std::optional<model::LoggedRequest> found;
  static const std::string sql = "SELECT " + std::string(kColumns) +
                                 ", request_body, response_body FROM request_log "
                                 "WHERE workspace_id = $1 AND id = $2";
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) {
    found = read(row);
    found->request_body = read_body(row, 12);
    found->response_body = read_body(row, 13);
  }));
  if (!found) return fail(Code::kNotFound, "request_not_found", "There is no such request.");
  return *std::move(found);
}

Result<std::optional<Oldest>> find_oldest(Connection& connection) {
  std::optional<Oldest> oldest;
  WAYBILL_TRY(connection.query(
      "SELECT workspace_id, hour, (SELECT CAST(SUM(bytes) AS BIGINT) FROM request_log_hours) "
      "FROM request_log_hours GROUP BY workspace_id, hour HAVING SUM(bytes) > 0 "
      "ORDER BY hour, workspace_id LIMIT 1",
      {}, [&](const Row& row) {
        oldest = Oldest{row.id<model::WorkspaceId>(0), row.time(1), row.integer(2)};
      }));
  return oldest;
}

Result<std::int64_t> erase(Connection& connection, const Uuid& node,
                           const model::WorkspaceId& workspace, Timestamp before, int limit) {
  Sizes sizes;
  std::optional<model::LoggedRequestId> last;
  const auto found = connection.query(
      "SELECT id, row_bytes FROM request_log WHERE workspace_id = $1 AND id < $2 "
      "ORDER BY id LIMIT $3",
      {workspace, Uuid::lowest_at(before), limit}, [&](const Row& row) {
        last = row.id<model::LoggedRequestId>(0);
        sizes[{workspace, hour_of(last->uuid().time())}] -= row.integer(1);
      });
  if (!found) return fail(found.error());
  if (!last) return 0;
  WAYBILL_TRY(connection.execute("DELETE FROM request_log WHERE workspace_id = $1 AND id <= $2",
                                 {workspace, *last}));
  WAYBILL_TRY(add_sizes(connection, node, sizes));
  return *found;
}

Result<void> forget_hours(Connection& connection, const model::WorkspaceId& workspace,
                          Timestamp hour) {
  WAYBILL_TRY(connection.execute(
      "DELETE FROM request_log_hours WHERE workspace_id = $1 AND hour <= $2", {workspace, hour}));
  return {};
}

}  // namespace waybill::store::request_log
