-- The tables of the spine. Every primary key and unique index starts with workspace_id, so that the
-- tables can be distributed by it. Times are milliseconds since 1970; ids are 16 bytes, sorted by time.

CREATE TABLE workspaces (
  workspace_id {bytes} PRIMARY KEY,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  environment TEXT NOT NULL,
  created_at {bigint} NOT NULL
);
-- Who owns a slug. Its rows belong to the hub itself, whose workspace_id is all zero, so that slugs are
-- unique among workspaces and the rule above holds.
CREATE TABLE workspace_slugs (
  workspace_id {bytes} NOT NULL,
  slug TEXT NOT NULL,
  owner_id {bytes} NOT NULL,
  PRIMARY KEY (workspace_id, slug)
) {clustered};

CREATE TABLE api_keys (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  platform TEXT NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash {bytes} NOT NULL,
  scopes TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  expires_at {bigint},
  revoked_at {bigint},
  PRIMARY KEY (workspace_id, id)
) {clustered};
-- Found by its hash before its workspace is known.
CREATE INDEX api_keys_hash ON api_keys (hash);

CREATE TABLE suppliers (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX suppliers_name ON suppliers (workspace_id, name_folded);

CREATE TABLE orders (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  surface TEXT NOT NULL,
  number TEXT,
  order_date TEXT,
  currency TEXT,
  supplier_id {bytes} NOT NULL,
  supplier_name TEXT NOT NULL,
  status TEXT NOT NULL,
  lines TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE INDEX orders_number ON orders (workspace_id, number);

-- A request that made something, by the key that makes its repeat the same request.
CREATE TABLE idempotency (
  workspace_id {bytes} NOT NULL,
  scope TEXT NOT NULL,
  key_hash {bytes} NOT NULL,
  fingerprint {bytes} NOT NULL,
  status {bigint} NOT NULL,
  response {bytes} NOT NULL,
  created_at {bigint} NOT NULL,
  expires_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, scope, key_hash)
) {clustered};

CREATE TABLE events (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  type TEXT NOT NULL,
  occurred_at {bigint} NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  matched {bigint} NOT NULL,
  unmatched_reason TEXT,
  PRIMARY KEY (workspace_id, id)
) {clustered};

CREATE TABLE endpoints (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  dialect TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  event_types TEXT NOT NULL,
  state TEXT NOT NULL,
  state_reason TEXT NOT NULL,
  secret {bytes},
  previous_secret {bytes},
  previous_secret_expires_at {bigint},
  overrides TEXT NOT NULL,
  consecutive_failures {bigint} NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};

CREATE TABLE deliveries (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  event_id {bytes} NOT NULL,
  endpoint_id {bytes} NOT NULL,
  event_type TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts_made {bigint} NOT NULL,
  attempts_before_retry {bigint} NOT NULL,
  due_at {bigint},
  lease {bytes},
  created_at {bigint} NOT NULL,
  finished_at {bigint},
  PRIMARY KEY (workspace_id, id)
) {clustered};
-- What is due at an endpoint, oldest first. Finished deliveries are not in it.
CREATE INDEX deliveries_due ON deliveries (workspace_id, endpoint_id, due_at)
  WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_endpoint ON deliveries (workspace_id, endpoint_id, id);
CREATE INDEX deliveries_event ON deliveries (workspace_id, event_id);
-- The dead letters.
CREATE INDEX deliveries_dropped ON deliveries (workspace_id, id) WHERE state = 'dropped';

CREATE TABLE attempts (
  workspace_id {bytes} NOT NULL,
  delivery_id {bytes} NOT NULL,
  number {bigint} NOT NULL,
  started_at {bigint} NOT NULL,
  latency_us {bigint} NOT NULL,
  outcome TEXT NOT NULL,
  status_code {bigint},
  error TEXT NOT NULL,
  response_body {bytes} NOT NULL,
  PRIMARY KEY (workspace_id, delivery_id, number)
) {clustered};

CREATE TABLE audit_log (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  at {bigint} NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
