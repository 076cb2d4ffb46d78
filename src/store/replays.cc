#include "store/replays.h"

#include <algorithm>

#include "base/json.h"

namespace waybill::store::replays {
namespace {

#define WAYBILL_REPLAY_COLUMNS                                                               \
  "id, workspace_id, endpoint_id, selection, state, reason, position, until_id, looked_at, " \
  "made, skipped, made_by, created_at, updated_at, finished_at"

constexpr std::string_view kSelect = "SELECT " WAYBILL_REPLAY_COLUMNS " FROM replays";

std::string selection_to_column(const model::ReplaySelection& selection) {
  json::object object;
  object["only"] = model::replay_only_name(selection.only);
  object["event_types"] = json::value_from(selection.event_types);
  object["filter"] = selection.filter;
  object["subject"] = selection.subject;
  if (selection.since) object["since"] = unix_millis(*selection.since);
  if (selection.until) object["until"] = unix_millis(*selection.until);
  return write_json(object);
}

model::ReplaySelection selection_from_column(std::string_view column) {
  const auto value = parse_json(column);
  WAYBILL_CHECK(value && value->is_object(), "a stored selection is the object we wrote");
  const json::object& object = value->get_object();
  const auto time = [&](std::string_view name) -> std::optional<Timestamp> {
    const json::value* millis = object.if_contains(name);
    if (!millis) return std::nullopt;
    return from_unix_millis(millis->to_number<std::int64_t>());
  };
  model::ReplaySelection selection;
  const auto only = model::parse_replay_only(object.at("only").as_string());
  WAYBILL_CHECK(only.has_value(), "a stored selection has the words we wrote");
  selection.only = *only;
  selection.event_types = json::value_to<std::vector<std::string>>(object.at("event_types"));
  selection.filter = std::string(object.at("filter").as_string());
  selection.subject = std::string(object.at("subject").as_string());
  selection.since = time("since");
  selection.until = time("until");
  return selection;
}

Uuid read_uuid(const Row& row, int column) {
  const auto uuid = Uuid::from_bytes(row.bytes(column));
  WAYBILL_CHECK(uuid.has_value(), "a stored id has 16 bytes");
  return *uuid;
}

model::Replay read(const Row& row) {
  model::Replay replay;
  replay.id = row.id<model::ReplayId>(0);
  replay.workspace_id = row.id<model::WorkspaceId>(1);
  replay.endpoint_id = row.id<model::EndpointId>(2);
  replay.selection = selection_from_column(row.text(3));
  const auto state = model::parse_replay_state(row.text(4));
  WAYBILL_CHECK(state.has_value(), "a stored replay has the words we wrote");
  replay.state = *state;
  replay.reason = row.string(5);
  replay.position = read_uuid(row, 6);
  replay.until = read_uuid(row, 7);
  replay.looked_at = row.integer(8);
  replay.made = row.integer(9);
  replay.skipped = row.integer(10);
  replay.made_by = row.string(11);
  replay.created_at = row.time(12);
  replay.updated_at = row.time(13);
  replay.finished_at = row.time_or_null(14);
  return replay;
}

constexpr std::string_view kOne = " WHERE workspace_id = $1 AND id = $2";

Result<model::Replay> find_by(Connection& connection, std::string_view sql,
                              const model::WorkspaceId& workspace, const model::ReplayId& id) {
  std::optional<model::Replay> found;
  WAYBILL_TRY(connection.query(sql, {workspace, id}, [&](const Row& row) { found = read(row); }));
  if (!found) return fail(Code::kNotFound, "replay_not_found", "There is no such replay.");
  return *std::move(found);
}

}  // namespace

Result<void> insert(Connection& connection, const model::Replay& replay) {
  WAYBILL_TRY(connection.execute(
      "INSERT INTO replays (" WAYBILL_REPLAY_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
      {replay.id, replay.workspace_id, replay.endpoint_id, selection_to_column(replay.selection),
       model::replay_state_name(replay.state), replay.reason, replay.position, replay.until,
       replay.looked_at, replay.made, replay.skipped, replay.made_by, replay.created_at,
       replay.updated_at, replay.finished_at}));
  return {};
}

Result<model::Replay> find(Connection& connection, const model::WorkspaceId& workspace,
                           const model::ReplayId& id) {
  static const std::string sql = std::string(kSelect) + std::string(kOne);
  return find_by(connection, sql, workspace, id);
}

Result<model::Replay> find_to_change(Connection& connection, const model::WorkspaceId& workspace,
                                     const model::ReplayId& id) {
  const std::string sql =
      std::string(kSelect) + std::string(kOne) + " " + std::string(connection.row_lock());
  return find_by(connection, sql, workspace, id);
}

Result<Page<model::Replay>> list(Connection& connection, const model::WorkspaceId& workspace,
                                 const Filter& filter, const PageRequest& page) {
  Select select(kSelect);
  select.where("workspace_id =", workspace);
  select.where_if("endpoint_id =", filter.endpoint);
  if (filter.state) select.where("state =", model::replay_state_name(*filter.state));
  return select.page<model::Replay>(connection, page, read,
                                    [](const model::Replay& row) { return row.id.uuid(); });
}

Result<std::vector<Running>> running(Connection& connection, int limit) {
  std::vector<Running> all;
  WAYBILL_TRY(connection.query(
      "SELECT workspace_id, id FROM replays WHERE state = 'running' ORDER BY workspace_id, id "
      "LIMIT $1",
      {limit}, [&](const Row& row) {
        all.push_back({row.id<model::WorkspaceId>(0), row.id<model::ReplayId>(1)});
      }));
  return all;
}

Result<int> count_running(Connection& connection, const model::WorkspaceId& workspace) {
  int count = 0;
  WAYBILL_TRY(connection.query(
      "SELECT count(*) FROM replays WHERE workspace_id = $1 AND state = 'running'", {workspace},
      [&](const Row& row) { count = static_cast<int>(row.integer(0)); }));
  return count;
}

Result<void> update(Connection& connection, const model::Replay& replay) {
  WAYBILL_TRY(connection.execute(
      "UPDATE replays SET state = $3, reason = $4, position = $5, looked_at = $6, made = $7, "
      "skipped = $8, updated_at = $9, finished_at = $10 WHERE workspace_id = $1 AND id = $2",
      {replay.workspace_id, replay.id, model::replay_state_name(replay.state), replay.reason,
       replay.position, replay.looked_at, replay.made, replay.skipped, replay.updated_at,
       replay.finished_at}));
  return {};
}

Result<std::vector<NextEvent>> next_events(Connection& connection,
                                           const model::WorkspaceId& workspace, const Uuid& after,
                                           const Uuid& until, int limit) {
  std::vector<NextEvent> events;
  WAYBILL_TRY(connection.query(
      "SELECT id, type, subject FROM events WHERE workspace_id = $1 AND id > $2 AND id < $3 "
      "AND narrowed = 0 ORDER BY id LIMIT $4",
      {workspace, after, until, limit}, [&](const Row& row) {
        events.push_back({row.id<model::EventId>(0), row.string(1), row.string(2)});
      }));
  return events;
}

Result<Past> past_of(Connection& connection, const model::WorkspaceId& workspace,
                     const model::EventId& event, const model::EndpointId& endpoint) {
  Past past;
  WAYBILL_TRY(connection.query(
      "SELECT id, endpoint_id, kind, state FROM deliveries WHERE workspace_id = $1 "
      "AND event_id = $2 AND (endpoint_id = $3 OR kind = 'test') ORDER BY id",
      {workspace, event, endpoint}, [&](const Row& row) {
        past.is_test = past.is_test || row.text(2) == "test";
        if (row.id<model::EndpointId>(1) != endpoint) return;
        const auto state = model::parse_delivery_state(row.text(3));
        WAYBILL_CHECK(state.has_value(), "a stored delivery has the words we wrote");
        past.deliveries.push_back({row.id<model::DeliveryId>(0), *state});
      }));
  return past;
}

Result<Owed> owed(Connection& connection, const model::WorkspaceId& workspace,
                  const model::EndpointId& endpoint, Timestamp now, int limit) {
  Owed owed;
  WAYBILL_TRY(connection.query(
      "SELECT due_at, lease FROM deliveries WHERE workspace_id = $1 AND endpoint_id = $2 "
      "AND due_at IS NOT NULL AND (lease IS NOT NULL OR due_at <= $4 OR attempts_made > 0) "
      "ORDER BY due_at LIMIT $3",
      {workspace, endpoint, limit, now}, [&](const Row& row) {
        ++owed.all;
        if (!row.is_null(1) || row.time(0) <= now) ++owed.now;
      }));
  return owed;
}

}  // namespace waybill::store::replays
