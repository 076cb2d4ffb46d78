#include "store/deliveries.h"

#include <algorithm>

#include <fmt/format.h>

#include "store/delivery_filter.h"
#include "store/delivery_rows.h"

namespace waybill::store::deliveries {
namespace {

// What a delivery waits as once nobody is working on it.
#define WAYBILL_WAITING_STATE \
  "CASE WHEN attempts_made = attempts_before_retry THEN 'pending' ELSE 'retrying' END"

model::Attempt read_attempt(const Row& row) {
  model::Attempt attempt;
  attempt.number = static_cast<int>(row.integer(0));
  attempt.started_at = row.time(1);
  attempt.latency = std::chrono::microseconds(row.integer(2));
  const auto outcome = model::parse_outcome(row.text(3));
  WAYBILL_CHECK(outcome.has_value(), "a stored outcome is one we wrote");
  attempt.outcome = *outcome;
  if (!row.is_null(4)) attempt.status_code = static_cast<int>(row.integer(4));
  attempt.error = row.string(5);
  attempt.response_body = std::string(as_text(row.bytes(6)));
  attempt.node = row.string_or_null(7).value_or("");
  return attempt;
}

Result<void> insert_attempt(Connection& connection, const model::Delivery& delivery,
                            const model::Attempt& attempt) {
  WAYBILL_TRY(connection.write(
      "INSERT INTO attempts (workspace_id, delivery_id, number, started_at, latency_us, outcome, "
      "status_code, error, response_body, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      {delivery.workspace_id, delivery.id, attempt.number, attempt.started_at,
       attempt.latency.count(), model::outcome_name(attempt.outcome), attempt.status_code,
       attempt.error, waybill::as_bytes(attempt.response_body),
       attempt.node.empty() ? Param(std::nullopt) : Param(attempt.node)}));
  return {};
}

Result<model::Delivery> find_by(Connection& connection, std::string_view sql,
                                const model::WorkspaceId& workspace, const model::DeliveryId& id) {
  std::optional<model::Delivery> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "delivery_not_found", "There is no such delivery.");
  return *std::move(found);
}

}  // namespace

Result<void> insert(Connection& connection, const model::Delivery& delivery,
                    const std::optional<Lease>& lease) {
  const std::optional<Uuid> node = lease ? std::optional(lease->node) : std::nullopt;
  WAYBILL_TRY(connection.write(
      "INSERT INTO deliveries (workspace_id, id, event_id, endpoint_id, event_type, kind, state, "
      "attempts_made, attempts_before_retry, due_at, lease, created_at, finished_at, in_order, "
      "order_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
      {delivery.workspace_id, delivery.id, delivery.event_id, delivery.endpoint_id,
       delivery.event_type, model::delivery_kind_name(delivery.kind),
       model::delivery_state_name(delivery.state), delivery.attempts_made,
       delivery.attempts_before_retry, delivery.due_at, node, delivery.created_at,
       delivery.finished_at, delivery.in_order ? Param(1) : Param(std::nullopt),
       delivery.order_key}));
  return {};
}

Result<model::Delivery> find(Connection& connection, const model::WorkspaceId& workspace,
                             const model::DeliveryId& id) {
  static const std::string sql = std::string(kSelect) + " WHERE workspace_id = $1 AND id = $2";
  return find_by(connection, sql, workspace, id);
}

Result<Page<model::Delivery>> list(Connection& connection, const model::WorkspaceId& workspace,
                                   const Filter& filter, const PageRequest& page) {
  return select(workspace, filter, [&](Select& found) {
    return found.page<model::Delivery>(connection, page, read,
                                       [](const model::Delivery& row) { return row.id.uuid(); });
  });
}

Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter) {
  return select(workspace, filter, [&](const Select& found) { return found.count(connection); });
}

Result<std::vector<model::Delivery>> of_event(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::EventId& event) {
  std::vector<model::Delivery> all;
  static const std::string sql =
      std::string(kSelect) + " WHERE workspace_id = $1 AND event_id = $2 ORDER BY id";
  WAYBILL_TRY(
      connection.query(sql, {workspace, event}, [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

Result<std::vector<model::Attempt>> attempts(Connection& connection,
                                             const model::WorkspaceId& workspace,
                                             const model::DeliveryId& id) {
  std::vector<model::Attempt> all;
  WAYBILL_TRY(connection.query(
      "SELECT number, started_at, latency_us, outcome, status_code, error, response_body, node "
      "FROM attempts WHERE workspace_id = $1 AND delivery_id = $2 ORDER BY number",
      {workspace, id}, [&](const Row& row) { all.push_back(read_attempt(row)); }));
  return all;
}

Result<std::vector<Try>> tries_at(Connection& connection, const model::WorkspaceId& workspace,
                                  const model::EndpointId& endpoint, int limit,
                                  std::int64_t offset) {
  std::vector<Try> all;
  WAYBILL_TRY(connection.query(
      "SELECT a.number, a.started_at, a.latency_us, a.outcome, a.status_code, a.error, "
      "a.response_body, a.node, d.id, d.event_id, d.event_type FROM deliveries d "
      "JOIN attempts a ON a.workspace_id = d.workspace_id AND a.delivery_id = d.id "
      "WHERE d.workspace_id = $1 AND d.endpoint_id = $2 "
      "ORDER BY d.id DESC, a.number DESC LIMIT $3 OFFSET $4",
      {workspace, endpoint, limit, offset}, [&](const Row& row) {
        all.push_back({row.id<model::DeliveryId>(8), row.id<model::EventId>(9), row.string(10),
                       read_attempt(row)});
      }));
  return all;
}

Result<std::int64_t> count_tries_at(Connection& connection, const model::WorkspaceId& workspace,
                                    const model::EndpointId& endpoint) {
  // Each attempt is counted in its delivery as it is written, and deleted with it.
  std::int64_t count = 0;
  WAYBILL_TRY(
      connection.query("SELECT CAST(COALESCE(SUM(attempts_made), 0) AS BIGINT) FROM deliveries "
                       "WHERE workspace_id = $1 AND endpoint_id = $2",
                       {workspace, endpoint}, [&](const Row& row) { count = row.integer(0); }));
  return count;
}

Result<std::vector<model::Delivery>> claim_due(Connection& connection,
                                               const model::WorkspaceId& workspace,
                                               const model::EndpointId& endpoint, Timestamp now,
                                               const Lease& lease, int limit) {
  // A server may run a subquery more than once, and so claim more than the limit: what is due is
  // found once.
  static const std::string head =
      "WITH due AS MATERIALIZED (SELECT id FROM deliveries "
      "WHERE workspace_id = $1 AND endpoint_id = $2 AND due_at <= $5 "
      "AND EXISTS (SELECT 1 FROM endpoints e WHERE e.workspace_id = $1 AND e.id = $2 "
      "AND e.state = 'active') ORDER BY due_at LIMIT $6 ";
  const std::string sql = fmt::format(
      "{}{}) UPDATE deliveries SET state = 'delivering', lease = $3, due_at = $4 "
      "WHERE workspace_id = $1 AND id IN (SELECT id FROM due) "
      "RETURNING " WAYBILL_DELIVERY_COLUMNS,
      head, connection.claim_lock());
  std::vector<model::Delivery> claimed;
  WAYBILL_TRY(connection.query(sql, {workspace, endpoint, lease.node, lease.until, now, limit},
                               [&](const Row& row) { claimed.push_back(read(row)); }));
  // RETURNING has no order.
  std::ranges::sort(claimed, {}, &model::Delivery::id);
  return claimed;
}

// The oldest unfinished delivery of an endpoint that is sent to in order. With a plain = SQLite
// would walk the primary key, past all that is finished, instead of the index of these.
#define WAYBILL_FIRST_IN_ORDER                                                 \
  "FROM deliveries WHERE workspace_id = $1 AND endpoint_id BETWEEN $2 AND $2 " \
  "AND in_order = 1 AND due_at IS NOT NULL ORDER BY endpoint_id, id LIMIT 1"
// Those of it that somebody is making now.
#define WAYBILL_LEASED_NOW                                                        \
  "FROM deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND due_at > $3 " \
  "AND lease IS NOT NULL"

Result<std::optional<model::Delivery>> claim_next_in_order(Connection& connection,
                                                           const model::WorkspaceId& workspace,
                                                           const model::EndpointId& endpoint,
                                                           Timestamp now, const Lease& lease) {
  const std::string sql = fmt::format(
      "WITH due AS MATERIALIZED (SELECT id FROM deliveries "
      "WHERE workspace_id = $1 AND id = (SELECT id " WAYBILL_FIRST_IN_ORDER
      ") AND due_at <= $3 AND NOT EXISTS (SELECT 1 " WAYBILL_LEASED_NOW
      ") AND EXISTS (SELECT 1 FROM endpoints e WHERE e.workspace_id = $1 AND e.id = $2 "
      "AND e.state = 'active') {}) UPDATE deliveries SET state = 'delivering', lease = $4, "
      "due_at = $5 WHERE workspace_id = $1 AND id IN (SELECT id FROM due) "
      "RETURNING " WAYBILL_DELIVERY_COLUMNS,
      connection.claim_lock());
  std::optional<model::Delivery> claimed;
  WAYBILL_TRY(connection.query(sql, {workspace, endpoint, now, lease.node, lease.until},
                               [&](const Row& row) { claimed = read(row); }));
  return claimed;
}

Result<std::optional<Timestamp>> next_due_in_order(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const model::EndpointId& endpoint,
                                                   Timestamp now) {
  std::optional<Timestamp> due;
  WAYBILL_TRY(connection.query("SELECT COALESCE((SELECT min(due_at) " WAYBILL_LEASED_NOW
                               "), (SELECT due_at " WAYBILL_FIRST_IN_ORDER "))",
                               {workspace, endpoint, now},
                               [&](const Row& row) { due = row.time_or_null(0); }));
  return due;
}

Result<std::optional<Timestamp>> next_due(Connection& connection,
                                          const model::WorkspaceId& workspace,
                                          const model::EndpointId& endpoint) {
  std::optional<Timestamp> due;
  WAYBILL_TRY(
      connection.query("SELECT due_at FROM deliveries WHERE workspace_id = $1 AND endpoint_id = $2 "
                       "AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
                       {workspace, endpoint}, [&](const Row& row) { due = row.time(0); }));
  return due;
}

Result<std::vector<Owed>> owed(Connection& connection) {
  std::vector<Owed> all;
  WAYBILL_TRY(connection.query(
      "SELECT workspace_id, id, due_at FROM (SELECT e.workspace_id, e.id, "
      "(SELECT d.due_at FROM deliveries d WHERE d.workspace_id = e.workspace_id "
      "AND d.endpoint_id = e.id AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1) AS due_at "
      "FROM endpoints e WHERE e.state IN ('active', 'deleted')) AS owed WHERE due_at IS NOT NULL",
      {}, [&](const Row& row) {
        all.push_back({row.id<model::WorkspaceId>(0), row.id<model::EndpointId>(1), row.time(2)});
      }));
  return all;
}

Result<void> finish_attempt(Connection& connection, const model::Delivery& delivery,
                            const Lease& lease, const model::Attempt& attempt,
                            const model::NextState& next, Timestamp now) {
  const std::optional<Timestamp> finished_at = next.due_at ? std::nullopt : std::optional(now);
  const auto changed = connection.execute(
      "UPDATE deliveries SET state = $3, attempts_made = $4, due_at = $5, lease = NULL, "
      "finished_at = $6, attempts_before_retry = $9 "
      "WHERE workspace_id = $1 AND id = $2 AND lease = $7 AND due_at = $8",
      {delivery.workspace_id, delivery.id, model::delivery_state_name(next.state),
       delivery.attempts_made, next.due_at, finished_at, lease.node, lease.until,
       delivery.attempts_before_retry});
  if (!changed) return fail(changed.error());
  if (*changed == 0) {
    return fail(Code::kConflict, "lease_over", "The lease of this delivery is over.");
  }
  return insert_attempt(connection, delivery, attempt);
}

Result<std::vector<model::Delivery>> due(Connection& connection,
                                         const model::WorkspaceId& workspace,
                                         const model::EndpointId& endpoint, Timestamp now,
                                         int limit) {
  std::vector<model::Delivery> all;
  static const std::string sql = std::string(kSelect) +
                                 " WHERE workspace_id = $1 AND endpoint_id = $2 "
                                 "AND due_at IS NOT NULL AND due_at <= $3 "
                                 "AND (in_order IS NULL OR id = (SELECT id " WAYBILL_FIRST_IN_ORDER
                                 ")) ORDER BY due_at, id LIMIT $4";
  WAYBILL_TRY(connection.query(sql, {workspace, endpoint, now, limit},
                               [&](const Row& row) { all.push_back(read(row)); }));
  return all;
}

Result<model::Delivery> find_to_attempt(Connection& connection, const model::WorkspaceId& workspace,
                                        const model::DeliveryId& id, int number, Timestamp now) {
  const std::string sql =
      fmt::format("{} WHERE workspace_id = $1 AND id = $2 {}", kSelect, connection.row_lock());
  auto delivery = find_by(connection, sql, workspace, id);
  if (!delivery) return delivery;
  if (!is_owed(delivery->state)) {
    return fail(Code::kConflict, "delivery_finished",
                "This delivery is over: no attempt at it is due any more.");
  }
  if (delivery->state == model::DeliveryState::kDelivering && delivery->due_at > now) {
    return fail(Code::kConflict, "delivery_in_flight",
                "The hub itself is making this delivery right now.");
  }
  if (number != delivery->attempts_made + 1) {
    return fail(Code::kConflict, "attempt_number_taken",
                fmt::format("The next attempt at this delivery is number {}.",
                            delivery->attempts_made + 1));
  }
  return delivery;
}

Result<void> record_attempt(Connection& connection, const model::Delivery& delivery,
                            const model::Attempt& attempt, const model::NextState& next,
                            Timestamp now) {
  const std::optional<Timestamp> finished_at = next.due_at ? std::nullopt : std::optional(now);
  WAYBILL_TRY(connection.write(
      "UPDATE deliveries SET state = $3, attempts_made = $4, due_at = $5, lease = NULL, "
      "finished_at = $6 WHERE workspace_id = $1 AND id = $2",
      {delivery.workspace_id, delivery.id, model::delivery_state_name(next.state),
       delivery.attempts_made, next.due_at, finished_at}));
  return insert_attempt(connection, delivery, attempt);
}

Result<void> release(Connection& connection, const model::Delivery& delivery, const Lease& lease,
                     Timestamp due_at) {
  WAYBILL_TRY(
      connection.write("UPDATE deliveries SET state = " WAYBILL_WAITING_STATE
                       ", due_at = $3, lease = NULL "
                       "WHERE workspace_id = $1 AND id = $2 AND lease = $4 AND due_at = $5",
                       {delivery.workspace_id, delivery.id, due_at, lease.node, lease.until}));
  return {};
}

Result<std::int64_t> release_all_of(Connection& connection, const Uuid& node, Timestamp now) {
  struct Holder {
    model::WorkspaceId workspace;
    model::EndpointId endpoint;
    bool deleted;
  };
  std::vector<Holder> holders;
  WAYBILL_TRY(
      connection.query("SELECT workspace_id, id, state FROM endpoints", {}, [&](const Row& row) {
        holders.push_back({row.id<model::WorkspaceId>(0), row.id<model::EndpointId>(1),
                           row.text(2) == "deleted"});
      }));
  std::int64_t released = 0;
  for (const Holder& holder : holders) {
    auto changed = connection.execute(
        "UPDATE deliveries SET state = " WAYBILL_WAITING_STATE
        ", due_at = $3, lease = NULL "
        "WHERE workspace_id = $1 AND endpoint_id = $2 AND due_at IS NOT NULL AND lease = $4",
        {holder.workspace, holder.endpoint, now, node});
    if (!changed) return changed;
    released += *changed;
    if (holder.deleted) {
      WAYBILL_TRY(cancel_waiting(connection, holder.workspace, holder.endpoint, now));
    }
  }
  return released;
}

Result<void> cancel(Connection& connection, const model::Delivery& delivery, Timestamp now) {
  WAYBILL_TRY(connection.execute(
      "UPDATE deliveries SET state = 'cancelled', due_at = NULL, lease = NULL, finished_at = $3 "
      "WHERE workspace_id = $1 AND id = $2",
      {delivery.workspace_id, delivery.id, now}));
  return {};
}

Result<std::int64_t> cancel_waiting(Connection& connection, const model::WorkspaceId& workspace,
                                    const model::EndpointId& endpoint, Timestamp now) {
  return connection.execute(
      "UPDATE deliveries SET state = 'cancelled', due_at = NULL, lease = NULL, finished_at = $3 "
      "WHERE workspace_id = $1 AND endpoint_id = $2 AND due_at IS NOT NULL "
      "AND (lease IS NULL OR due_at <= $3)",
      {workspace, endpoint, now});
}

namespace {

// Makes a delivery due at once with a fresh schedule.
Result<void> revive(Connection& connection, model::Delivery& delivery, Timestamp now) {
  WAYBILL_TRY(connection.execute(
      "UPDATE deliveries SET state = 'pending', due_at = $3, finished_at = NULL, "
      "attempts_before_retry = attempts_made WHERE workspace_id = $1 AND id = $2",
      {delivery.workspace_id, delivery.id, now}));
  delivery.state = model::DeliveryState::kPending;
  delivery.due_at = now;
  delivery.finished_at.reset();
  delivery.attempts_before_retry = delivery.attempts_made;
  return {};
}

}  // namespace

Result<model::Delivery> retry(Connection& connection, const model::WorkspaceId& workspace,
                              const model::DeliveryId& id, Timestamp now) {
  const std::string sql =
      fmt::format("{} WHERE workspace_id = $1 AND id = $2 {}", kSelect, connection.row_lock());
  auto delivery = find_by(connection, sql, workspace, id);
  if (!delivery) return delivery;
  switch (delivery->state) {
    case model::DeliveryState::kSucceeded:
      return fail(Code::kConflict, "delivery_succeeded",
                  "This delivery has succeeded; replay its event to send it again.");
    case model::DeliveryState::kDelivering:
      return fail(Code::kConflict, "delivery_in_flight",
                  "This delivery is being made right now; wait for what comes of it.");
    case model::DeliveryState::kCancelled:
      return fail(Code::kConflict, "delivery_cancelled",
                  delivery->reason.empty()
                      ? "This delivery was cancelled when its endpoint was deleted."
                      : "This delivery was dismissed; replay its event to send it again.");
    default: break;
  }
  WAYBILL_TRY(revive(connection, *delivery, now));
  return delivery;
}

}  // namespace waybill::store::deliveries
