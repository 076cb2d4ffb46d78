#include "store/retention.h"

namespace waybill::store::retention {
namespace {

// Runs `sql` with the workspace as $1 and each of `ids` as $2; returns how many rows it deleted.
Result<std::int64_t> delete_each(Connection& connection, const model::WorkspaceId& workspace,
                                 const std::vector<Uuid>& ids, std::string_view sql) {
  std::int64_t deleted = 0;
  for (const Uuid& id : ids) {
    const auto gone = connection.execute(sql, {workspace, id});
    if (!gone) return gone;
    deleted += *gone;
  }
  return deleted;
}

}  // namespace

Result<Found<Uuid>> find_deliveries(Connection& connection, const model::WorkspaceId& workspace,
                                    Timestamp before, const Uuid& after, int limit) {
  Found<Uuid> found;
  WAYBILL_TRY(connection.query(
      "SELECT id, finished_at FROM deliveries WHERE workspace_id = $1 AND id > $2 AND id < $3 "
      "ORDER BY id LIMIT $4",
      {workspace, after, Uuid::lowest_at(before), limit}, [&](const Row& row) {
        found.last = row.id<model::DeliveryId>(0).uuid();
        const auto finished_at = row.time_or_null(1);
        if (finished_at && *finished_at < before) found.expired.push_back(*found.last);
      }));
  return found;
}

Result<std::int64_t> delete_deliveries(Connection& connection, const model::WorkspaceId& workspace,
                                       const std::vector<Uuid>& ids) {
  std::int64_t deleted = 0;
  for (const Uuid& id : ids) {
    auto gone = connection.execute(
        "DELETE FROM deliveries WHERE workspace_id = $1 AND id = $2 AND due_at IS NULL",
        {workspace, id});
    if (!gone) return gone;
    if (*gone == 0) continue;
    ++deleted;
    WAYBILL_TRY(connection.execute(
        "DELETE FROM attempts WHERE workspace_id = $1 AND delivery_id = $2", {workspace, id}));
  }
  return deleted;
}

Result<Found<Uuid>> find_events(Connection& connection, const model::WorkspaceId& workspace,
                                Timestamp before, const Uuid& after, int limit) {
  Found<Uuid> found;
  WAYBILL_TRY(connection.query(
      "SELECT e.id, EXISTS (SELECT 1 FROM deliveries d WHERE d.workspace_id = e.workspace_id "
      "AND d.event_id = e.id) FROM events e "
      "WHERE e.workspace_id = $1 AND e.id > $2 AND e.id < $3 ORDER BY e.id LIMIT $4",
      {workspace, after, Uuid::lowest_at(before), limit}, [&](const Row& row) {
        found.last = row.id<model::EventId>(0).uuid();
        if (row.integer(1) == 0) found.expired.push_back(*found.last);
      }));
  return found;
}

Result<std::int64_t> delete_events(Connection& connection, const model::WorkspaceId& workspace,
                                   const std::vector<Uuid>& ids) {
  return delete_each(connection, workspace, ids,
                     "DELETE FROM events WHERE workspace_id = $1 AND id = $2 AND NOT EXISTS "
                     "(SELECT 1 FROM deliveries d WHERE d.workspace_id = $1 AND d.event_id = $2)");
}

Result<Found<Uuid>> find_replays(Connection& connection, const model::WorkspaceId& workspace,
                                 Timestamp before, const Uuid& after, int limit) {
  Found<Uuid> found;
  WAYBILL_TRY(connection.query(
      "SELECT id, finished_at FROM replays WHERE workspace_id = $1 AND id > $2 AND id < $3 "
      "ORDER BY id LIMIT $4",
      {workspace, after, Uuid::lowest_at(before), limit}, [&](const Row& row) {
        found.last = row.id<model::ReplayId>(0).uuid();
        const auto finished_at = row.time_or_null(1);
        if (finished_at && *finished_at < before) found.expired.push_back(*found.last);
      }));
  return found;
}

Result<std::int64_t> delete_replays(Connection& connection, const model::WorkspaceId& workspace,
                                    const std::vector<Uuid>& ids) {
  return delete_each(connection, workspace, ids,
                     "DELETE FROM replays WHERE workspace_id = $1 AND id = $2");
}

Result<Found<Uuid>> find_messages(Connection& connection, const model::WorkspaceId& workspace,
                                  Timestamp before, const Remembered& remembered, const Uuid& after,
                                  int limit) {
  Found<Uuid> found;
  WAYBILL_TRY(connection.query(
      "SELECT m.id, m.source_id, m.received_at, EXISTS (SELECT 1 FROM events e "
      "WHERE e.workspace_id = m.workspace_id AND e.id = m.id), EXISTS (SELECT 1 FROM messages n "
      "WHERE n.workspace_id = m.workspace_id AND n.source_id = m.source_id AND n.id > m.id) "
      "FROM messages m WHERE m.workspace_id = $1 AND m.id > $2 AND m.id < $3 ORDER BY m.id LIMIT "
      "$4",
      {workspace, after, Uuid::lowest_at(before), limit}, [&](const Row& row) {
        found.last = row.id<model::MessageId>(0).uuid();
        const auto since = remembered.find(row.id<model::SourceId>(1));
        // The newest of a source tells since when the source is quiet.
        const bool is_newest = row.integer(4) == 0;
        const bool is_known =
            since != remembered.end() && (is_newest || row.time(2) >= since->second);
        if (row.integer(3) == 0 && !is_known) found.expired.push_back(*found.last);
      }));
  return found;
}

Result<std::int64_t> delete_messages(Connection& connection, const model::WorkspaceId& workspace,
                                     const std::vector<Uuid>& ids) {
  return delete_each(connection, workspace, ids,
                     "DELETE FROM messages WHERE workspace_id = $1 AND id = $2 AND NOT EXISTS "
                     "(SELECT 1 FROM events e WHERE e.workspace_id = $1 AND e.id = $2)");
}

Result<Found<IdempotencyKey>> find_idempotency(Connection& connection,
                                               const model::WorkspaceId& workspace, Timestamp now,
                                               const IdempotencyKey& after, int limit) {
  Found<IdempotencyKey> found;
  WAYBILL_TRY(
      connection.query("SELECT scope, key_hash, expires_at FROM idempotency "
                       "WHERE workspace_id = $1 AND (scope, key_hash) > ($2, $3) "
                       "ORDER BY scope, key_hash LIMIT $4",
                       {workspace, after.scope, after.hash, limit}, [&](const Row& row) {
                         found.last = IdempotencyKey{row.string(0), row.byte_string(1)};
                         if (row.time(2) <= now) found.expired.push_back(*found.last);
                       }));
  return found;
}

Result<std::int64_t> delete_idempotency(Connection& connection, const model::WorkspaceId& workspace,
                                        const std::vector<IdempotencyKey>& keys, Timestamp now) {
  std::int64_t deleted = 0;
  for (const IdempotencyKey& key : keys) {
    const auto gone = connection.execute(
        "DELETE FROM idempotency WHERE workspace_id = $1 AND scope = $2 AND key_hash = $3 "
        "AND expires_at <= $4",
        {workspace, key.scope, key.hash, now});
    if (!gone) return gone;
    deleted += *gone;
  }
  return deleted;
}

}  // namespace waybill::store::retention
