-- What a key of an integration has beside others; what keys were used for; what was asked of the hub.

ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN store_id {bytes};
ALTER TABLE api_keys ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN payload_format TEXT NOT NULL DEFAULT 'peptideclients';
ALTER TABLE api_keys ADD COLUMN require_signature {bigint} NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN allowed_networks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN calls_per_minute {bigint};
-- As of when its rows of api_key_usage were deleted; later uses are there.
ALTER TABLE api_keys ADD COLUMN last_used_at {bigint};
ALTER TABLE api_keys ADD COLUMN signing_secret {bytes};
ALTER TABLE api_keys ADD COLUMN previous_signing_secret {bytes};
ALTER TABLE api_keys ADD COLUMN previous_signing_secret_expires_at {bigint};
CREATE INDEX api_keys_woocommerce ON api_keys (workspace_id, id)
  WHERE payload_format = 'woocommerce' AND revoked_at IS NULL;

-- Which key a signature of WooCommerce belongs to is told by its secret alone, so no two keys share
-- one. Rows belong to the hub itself, as those of workspace_slugs. `expires_at`: of a former secret.
CREATE TABLE signing_secrets (
  workspace_id {bytes} NOT NULL,
  digest {bytes} NOT NULL,
  owner_workspace_id {bytes} NOT NULL,
  owner_id {bytes} NOT NULL,
  expires_at {bigint},
  PRIMARY KEY (workspace_id, digest)
) {clustered};
CREATE INDEX signing_secrets_owner ON signing_secrets (workspace_id, owner_id);

-- Each node counts for itself, so that none waits for another's row. `hour` is when it began.
CREATE TABLE api_key_usage (
  workspace_id {bytes} NOT NULL,
  key_id {bytes} NOT NULL,
  hour {bigint} NOT NULL,
  node {bytes} NOT NULL,
  requests {bigint} NOT NULL,
  errors {bigint} NOT NULL,
  last_used_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, key_id, hour, node)
) {clustered};
CREATE INDEX api_key_usage_hour ON api_key_usage (workspace_id, hour);

-- Not clustered: rows are large, and are only ever added at the end.
CREATE TABLE request_log (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  at {bigint} NOT NULL,
  key_id {bytes},
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  status {bigint} NOT NULL,
  error_code TEXT NOT NULL,
  latency_us {bigint} NOT NULL,
  request_id TEXT NOT NULL,
  request_bytes {bigint} NOT NULL,
  response_bytes {bigint} NOT NULL,
  row_bytes {bigint} NOT NULL,
  request_body {bytes},
  response_body {bytes},
  PRIMARY KEY (workspace_id, id)
);
-- Also what was taken and noted with a reason, as of WooCommerce, is answered with 200.
CREATE INDEX request_log_failed ON request_log (workspace_id, id)
  WHERE status >= 400 OR error_code <> '';

-- How much of request_log came when, for its bound.
CREATE TABLE request_log_hours (
  workspace_id {bytes} NOT NULL,
  hour {bigint} NOT NULL,
  node {bytes} NOT NULL,
  bytes {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, hour, node)
) {clustered};
CREATE INDEX request_log_oldest ON request_log_hours (hour);
