#include "store/idempotency.h"

#include <algorithm>

namespace waybill::store::idempotency {

Result<std::optional<Entry>> find(Connection& connection, const Key& key, Timestamp now) {
  std::optional<Entry> found;
  WAYBILL_TRY(connection.query(
      "SELECT fingerprint, status, response FROM idempotency "
      "WHERE workspace_id = $1 AND scope = $2 AND key_hash = $3 AND expires_at > $4",
      {key.workspace_id, key.scope, ByteView(key.hash), now}, [&](const Row& row) {
        Entry entry;
        const ByteView fingerprint = row.bytes(0);
        WAYBILL_CHECK(fingerprint.size() == entry.fingerprint.size(), "a fingerprint is a SHA-256");
        std::copy(fingerprint.begin(), fingerprint.end(), entry.fingerprint.begin());
        entry.status = static_cast<int>(row.integer(1));
        entry.response = row.byte_string(2);
        found = std::move(entry);
      }));
  return found;
}

Result<std::optional<Entry>> claim(Connection& connection, const Key& key, const Entry& entry,
                                   Timestamp now) {
  const auto written = connection.execute(
      "INSERT INTO idempotency (workspace_id, scope, key_hash, fingerprint, status, response, "
      "created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
      "ON CONFLICT (workspace_id, scope, key_hash) DO UPDATE SET "
      "fingerprint = excluded.fingerprint, status = excluded.status, response = excluded.response, "
      "created_at = excluded.created_at, expires_at = excluded.expires_at "
      "WHERE idempotency.expires_at <= excluded.created_at",
      {key.workspace_id, key.scope, ByteView(key.hash), ByteView(entry.fingerprint), entry.status,
       entry.response, now, now + kKept});
  if (!written) return fail(written.error());
  if (*written == 1) return std::optional<Entry>();
  return find(connection, key, now);
}

}  // namespace waybill::store::idempotency
