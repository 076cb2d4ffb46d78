#include "store/key_usage.h"

#include <vector>

namespace waybill::store::key_usage {
namespace {

// The first of the last 24 hours.
Timestamp first_hour(Timestamp now) { return hour_of(now) - std::chrono::hours(23); }

// What stands in a row for no time.
constexpr Timestamp kNever{};

}  // namespace

Timestamp hour_of(Timestamp time) { return time - time.time_since_epoch() % std::chrono::hours(1); }

Result<void> add(Connection& connection, const Uuid& node, const Use& use) {
  return connection.write(
      "INSERT INTO api_key_usage (workspace_id, key_id, hour, node, requests, errors, "
      "last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
      "ON CONFLICT (workspace_id, key_id, hour, node) DO UPDATE SET "
      "requests = api_key_usage.requests + excluded.requests, "
      "errors = api_key_usage.errors + excluded.errors, "
      "last_used_at = CASE WHEN excluded.last_used_at > api_key_usage.last_used_at "
      "THEN excluded.last_used_at ELSE api_key_usage.last_used_at END",
      {use.workspace_id, use.key_id, use.hour, node, use.requests, use.errors,
       use.last_used_at.value_or(kNever)});
}

Result<std::map<model::ApiKeyId, Usage>> find(Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::ApiKeyId& first,
                                              const model::ApiKeyId& last, Timestamp now) {
  std::map<model::ApiKeyId, Usage> found;
  const Timestamp counted_from = first_hour(now);
  WAYBILL_TRY(
      connection.query("SELECT key_id, hour, requests, errors, last_used_at FROM api_key_usage "
                       "WHERE workspace_id = $1 AND key_id >= $2 AND key_id <= $3",
                       {workspace, first, last}, [&](const Row& row) {
                         Usage& usage = found[row.id<model::ApiKeyId>(0)];
                         if (row.time(1) >= counted_from) {
                           usage.requests_24h += row.integer(2);
                           usage.errors_24h += row.integer(3);
                         }
                         const Timestamp used = row.time(4);
                         if (used > usage.last_used_at.value_or(kNever)) usage.last_used_at = used;
                       }));
  return found;
}

Result<std::int64_t> fold_old(Connection& connection, const model::WorkspaceId& workspace,
                              Timestamp now, int limit) {
  struct Old {
    model::ApiKeyId key;
    Timestamp hour;
    Uuid node;
    Timestamp last_used_at;
  };
  std::vector<Old> all;
  WAYBILL_TRY(
      connection.query("SELECT key_id, hour, node, last_used_at FROM api_key_usage "
                       "WHERE workspace_id = $1 AND hour < $2 ORDER BY hour LIMIT $3",
                       {workspace, first_hour(now), limit}, [&](const Row& row) {
                         all.push_back({row.id<model::ApiKeyId>(0), row.time(1),
                                        *Uuid::from_bytes(row.bytes(2)), row.time(3)});
                       }));
  for (const Old& old : all) {
    if (old.last_used_at > kNever) {
      WAYBILL_TRY(connection.write(
          "UPDATE api_keys SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2 "
          "AND (last_used_at IS NULL OR last_used_at < $3)",
          {workspace, old.key, old.last_used_at}));
    }
    WAYBILL_TRY(connection.write(
        "DELETE FROM api_key_usage WHERE workspace_id = $1 AND key_id = $2 AND hour = $3 "
        "AND node = $4",
        {workspace, old.key, old.hour, old.node}));
  }
  return std::ssize(all);
}

}  // namespace waybill::store::key_usage
