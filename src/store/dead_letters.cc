// What was given up, sent again or dismissed: a part of store/deliveries.h.

#include <fmt/format.h>

#include "store/deliveries.h"
#include "store/delivery_filter.h"
#include "store/delivery_rows.h"

namespace waybill::store::deliveries {
namespace {

// Changes the dead letters that pass `filter` as `set` says, whose parameters are $1 and $2.
// `which`: more conditions.
struct Revision {
  std::string_view set;
  std::string_view which;
  Param first;
  Param second;
};
Result<std::vector<model::Delivery>> revise_dropped(Connection& connection,
                                                    const model::WorkspaceId& workspace,
                                                    Filter filter, const Revision& revision,
                                                    int limit) {
  filter.state = model::DeliveryState::kDropped;
  const auto use = [&](const Select& found) -> Result<std::vector<model::Delivery>> {
    std::vector<Param> params = found.params();
    const std::size_t own = params.size();
    params.insert(params.end(), {limit, workspace, revision.first, revision.second});
    const std::string sql = fmt::format(
        "WITH dropped AS MATERIALIZED ({}{} ORDER BY id DESC LIMIT ${} {}) "
        "UPDATE deliveries SET {} WHERE workspace_id = ${} AND id IN (SELECT id FROM dropped) "
        "RETURNING " WAYBILL_DELIVERY_COLUMNS,
        found.sql(), revision.which, own + 1, connection.claim_lock(),
        fmt::format(fmt::runtime(revision.set), own + 3, own + 4), own + 2);
    std::vector<model::Delivery> revised;
    WAYBILL_TRY(
        connection.query(sql, params, [&](const Row& row) { revised.push_back(read(row)); }));
    return revised;
  };
  return select(workspace, filter, use, "SELECT id FROM deliveries");
}

// A dismissed one is over, as one whose endpoint was deleted.
constexpr std::string_view kDismissed = "state = 'cancelled', finished_at = ${}, reason = ${}";

}  // namespace

Result<std::vector<model::Delivery>> retry_dropped(Connection& connection,
                                                   const model::WorkspaceId& workspace,
                                                   const Filter& filter, Timestamp now, int limit) {
  // A deleted endpoint's dead letters stay: revived, they would wait for it forever.
  return revise_dropped(
      connection, workspace, filter,
      {"state = 'pending', due_at = ${}, finished_at = ${}, attempts_before_retry = attempts_made",
       " AND EXISTS (SELECT 1 FROM endpoints e WHERE e.workspace_id = deliveries.workspace_id "
       "AND e.id = deliveries.endpoint_id AND e.state <> 'deleted')",
       now, std::nullopt},
      limit);
}

Result<model::Delivery> dismiss(Connection& connection, const model::WorkspaceId& workspace,
                                const model::DeliveryId& id, std::string_view reason,
                                Timestamp now) {
  const std::string sql =
      fmt::format("{} WHERE workspace_id = $1 AND id = $2 {}", kSelect, connection.row_lock());
  std::optional<model::Delivery> delivery;
  WAYBILL_TRY(
      connection.query(sql, {workspace, id}, [&](const Row& row) { delivery = read(row); }));
  if (!delivery) return fail(Code::kNotFound, "delivery_not_found", "There is no such delivery.");
  if (delivery->state != model::DeliveryState::kDropped) {
    return fail(Code::kConflict, "delivery_not_dropped",
                "This delivery is no dead letter: there is nothing to dismiss.");
  }
  WAYBILL_TRY(
      connection.write("UPDATE deliveries SET state = 'cancelled', finished_at = $3, reason = $4 "
                       "WHERE workspace_id = $1 AND id = $2",
                       {workspace, id, now, reason}));
  delivery->state = model::DeliveryState::kCancelled;
  delivery->finished_at = now;
  delivery->reason = reason;
  return *std::move(delivery);
}

Result<std::int64_t> dismiss_dropped(Connection& connection, const model::WorkspaceId& workspace,
                                     const Filter& filter, std::string_view reason, Timestamp now,
                                     int limit) {
  const auto dismissed =
      revise_dropped(connection, workspace, filter, {kDismissed, "", now, reason}, limit);
  if (!dismissed) return fail(dismissed.error());
  return std::ssize(*dismissed);
}

}  // namespace waybill::store::deliveries
