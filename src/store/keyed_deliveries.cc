#include "store/keyed_deliveries.h"

#include <algorithm>

#include <fmt/format.h>

#include "store/delivery_rows.h"

namespace waybill::store::deliveries {
namespace {

// $1 is the workspace, $2 the endpoint, $3 a key, $4 now. Where a plain = would do, SQLite walks
// the primary key, past all that is finished: BETWEEN, and an order that only the index has, lead
// it there.

// The key after `key`: a step from one to the next, so that nothing else is read.
#define WAYBILL_KEY_AFTER(key)                                                              \
  "(SELECT n.order_key FROM deliveries n WHERE n.workspace_id = $1 AND n.endpoint_id = $2 " \
  "AND n.order_key > " key " AND n.due_at IS NOT NULL ORDER BY n.order_key LIMIT 1)"
#define WAYBILL_KEYS_AFTER_3 \
  "WITH RECURSIVE keys(k) AS (SELECT " WAYBILL_KEY_AFTER(                                      \
      "$3") " UNION ALL SELECT " WAYBILL_KEY_AFTER("keys.k") " FROM keys WHERE keys.k IS NOT " \
                                                             "NULL)"
// The oldest unfinished delivery of `key`.
#define WAYBILL_HEAD_OF(key)                                                         \
  "(SELECT h.id FROM deliveries h WHERE h.workspace_id = $1 AND h.endpoint_id = $2 " \
  "AND h.order_key BETWEEN " key " AND " key                                         \
  " AND h.due_at IS NOT NULL "                                                       \
  "ORDER BY h.order_key, h.id LIMIT 1)"
// The end of the lease under which somebody is making one of `key` now. The plus keeps SQLite from
// the index of what is due.
#define WAYBILL_LEASE_OF(key)                                                            \
  "(SELECT l.due_at FROM deliveries l WHERE l.workspace_id = $1 AND l.endpoint_id = $2 " \
  "AND l.order_key BETWEEN " key " AND " key                                             \
  " AND l.lease IS NOT NULL AND +l.due_at > $4 "                                         \
  "ORDER BY l.order_key LIMIT 1)"
#define WAYBILL_IS_CLAIMABLE(key) \
  "d.due_at <= $4 AND NOT EXISTS " WAYBILL_LEASE_OF(key) " AND EXISTS (SELECT 1 FROM endpoints e " \
  "WHERE e.workspace_id = $1 AND e.id = $2 AND e.state = 'active')"
#define WAYBILL_LEASE_THE_DUE                                            \
  "UPDATE deliveries SET state = 'delivering', lease = $5, due_at = $6 " \
  "WHERE workspace_id = $1 AND id IN (SELECT id FROM due) RETURNING " WAYBILL_DELIVERY_COLUMNS

}  // namespace

Result<std::vector<model::Delivery>> claim_next_by_key(Connection& connection,
                                                       const model::WorkspaceId& workspace,
                                                       const model::EndpointId& endpoint,
                                                       Timestamp now, const Lease& lease, int limit,
                                                       std::int64_t after) {
  const std::string sql = fmt::format(
      WAYBILL_KEYS_AFTER_3
      ", due AS MATERIALIZED (SELECT d.id FROM keys CROSS JOIN deliveries d "
      "WHERE d.workspace_id = $1 AND d.id = " WAYBILL_HEAD_OF(
          "keys.k") " AND " WAYBILL_IS_CLAIMABLE("keys.k") " LIMIT $7 {}) " WAYBILL_LEASE_THE_DUE,
      connection.claim_lock());
  std::vector<model::Delivery> claimed;
  WAYBILL_TRY(connection.query(sql,
                               {workspace, endpoint, after, now, lease.node, lease.until, limit},
                               [&](const Row& row) { claimed.push_back(read(row)); }));
  // RETURNING has no order.
  std::ranges::sort(claimed, {}, &model::Delivery::id);
  return claimed;
}

Result<std::optional<model::Delivery>> claim_next_of_key(Connection& connection,
                                                         const model::WorkspaceId& workspace,
                                                         const model::EndpointId& endpoint,
                                                         std::int64_t key, Timestamp now,
                                                         const Lease& lease) {
  const std::string sql = fmt::format(
      "WITH due AS MATERIALIZED (SELECT d.id FROM deliveries d "
      "WHERE d.workspace_id = $1 AND d.id = " WAYBILL_HEAD_OF("$3") " AND " WAYBILL_IS_CLAIMABLE(
          "$3") " {}) " WAYBILL_LEASE_THE_DUE,
      connection.claim_lock());
  std::optional<model::Delivery> claimed;
  WAYBILL_TRY(connection.query(sql, {workspace, endpoint, key, now, lease.node, lease.until},
                               [&](const Row& row) { claimed = read(row); }));
  return claimed;
}

Result<KeysDue> next_due_by_key(Connection& connection, const model::WorkspaceId& workspace,
                                const model::EndpointId& endpoint, Timestamp now) {
  KeysDue found;
  WAYBILL_TRY(connection.query(
      WAYBILL_KEYS_AFTER_3 " SELECT count(*), min(COALESCE(" WAYBILL_LEASE_OF(
          "keys.k") ", d.due_at)) "
                    "FROM keys CROSS JOIN deliveries d "
                    "WHERE d.workspace_id = $1 AND d.id = " WAYBILL_HEAD_OF("keys.k"),
      {workspace, endpoint, kBeforeAllKeys, now}, [&](const Row& row) {
        found.keys = row.integer(0);
        found.due_at = row.time_or_null(1);
      }));
  return found;
}

Result<std::optional<Timestamp>> next_due_of_key(Connection& connection,
                                                 const model::WorkspaceId& workspace,
                                                 const model::EndpointId& endpoint,
                                                 std::int64_t key, Timestamp now) {
  std::optional<Timestamp> due;
  WAYBILL_TRY(connection.query(
      "SELECT COALESCE(" WAYBILL_LEASE_OF(
          "$3") ", d.due_at) FROM deliveries d "
                "WHERE d.workspace_id = $1 AND d.id = " WAYBILL_HEAD_OF("$3"),
      {workspace, endpoint, key, now}, [&](const Row& row) { due = row.time(0); }));
  return due;
}

}  // namespace waybill::store::deliveries
