#include "store/events.h"

namespace waybill::store::events {
namespace {

constexpr std::string_view kSelect =
    "SELECT id, workspace_id, type, occurred_at, subject, data, matched, unmatched_reason, "
    "traceparent, tracestate, withheld, narrowed FROM events";

Routed read(const Row& row) {
  Routed routed;
  routed.event.id = row.id<model::EventId>(0);
  routed.event.workspace_id = row.id<model::WorkspaceId>(1);
  routed.event.type = row.string(2);
  routed.event.occurred_at = row.time(3);
  routed.event.subject = row.string(4);
  routed.event.data = row.string(5);
  routed.matched = static_cast<int>(row.integer(6));
  routed.unmatched_reason = row.string_or_null(7);
  routed.event.trace = {row.string_or_null(8).value_or(""), row.string_or_null(9).value_or("")};
  routed.withheld = row.string(10);
  routed.narrowed = row.integer(11) != 0;
  return routed;
}

// Calls `use` with the statement for what passes `filter`.
template <class Use>
auto select(const model::WorkspaceId& workspace, const Filter& filter, Use use) {
  Select select(kSelect);
  // What sources received is listed by store/messages.h.
  select.where("type NOT IN ('message.received', 'message.fetched') AND workspace_id =", workspace);
  select.where_if("type =", filter.type);
  select.where_if("subject =", filter.subject);
  if (!filter.types.empty()) select.where_in("type", filter.types);
  // The moments are in the ids, so that the primary key serves.
  const auto since = filter.since.transform(Uuid::lowest_at);
  const auto until = filter.until.transform(Uuid::lowest_at);
  select.where_if("id >=", since);
  select.where_if("id <", until);
  return use(select);
}

constexpr const char* kOne = " WHERE workspace_id = $1 AND id = $2";

Result<Routed> find_by(Connection& connection, std::string_view sql,
                       const model::WorkspaceId& workspace, const model::EventId& id) {
  std::optional<Routed> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "event_not_found", "There is no such event.");
  return *std::move(found);
}

}  // namespace

Result<void> insert(Connection& connection, const Routed& routed) {
  const model::Event& event = routed.event;
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Param(std::nullopt) : Param(text);
  };
  WAYBILL_TRY(connection.write(
      "INSERT INTO events (workspace_id, id, type, occurred_at, subject, data, matched, "
      "unmatched_reason, traceparent, tracestate, withheld, narrowed) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
      {event.workspace_id, event.id, event.type, event.occurred_at, event.subject, event.data,
       routed.matched, routed.unmatched_reason, or_null(event.trace.parent),
       or_null(event.trace.state), routed.withheld, routed.narrowed ? 1 : 0}));
  return {};
}

Result<Routed> find(Connection& connection, const model::WorkspaceId& workspace,
                    const model::EventId& id) {
  static const std::string sql = std::string(kSelect) + kOne;
  return find_by(connection, sql, workspace, id);
}

Result<Routed> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                              const model::EventId& id) {
  const std::string sql = std::string(kSelect) + kOne + " " + std::string(connection.row_lock());
  return find_by(connection, sql, workspace, id);
}

Result<void> withdraw(Connection& connection, const model::WorkspaceId& workspace,
                      const model::EventId& id, std::string_view withheld) {
  const auto changed = connection.execute(
      "UPDATE events SET matched = matched - 1, withheld = $3 WHERE workspace_id = $1 AND id = $2",
      {workspace, id, withheld});
  if (!changed) return fail(changed.error());
  if (*changed == 0) return fail(Code::kNotFound, "event_not_found", "There is no such event.");
  return {};
}

Result<Page<Routed>> list(Connection& connection, const model::WorkspaceId& workspace,
                          const Filter& filter, const PageRequest& page) {
  return select(workspace, filter, [&](Select& found) {
    return found.page<Routed>(connection, page, read,
                              [](const Routed& row) { return row.event.id.uuid(); });
  });
}

Result<std::int64_t> count(Connection& connection, const model::WorkspaceId& workspace,
                           const Filter& filter) {
  return select(workspace, filter, [&](const Select& found) { return found.count(connection); });
}

}  // namespace waybill::store::events
