-- Doors for foreign platforms' webhooks. token and secrets are sealed for the source's id.
CREATE TABLE sources (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  name TEXT NOT NULL,
  dialect TEXT NOT NULL,
  state TEXT NOT NULL,
  token_hash {bytes} NOT NULL,
  token {bytes} NOT NULL,
  secrets {bytes},
  settings TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
-- Found by its token before its workspace is known.
CREATE INDEX sources_token ON sources (token_hash);
CREATE UNIQUE INDEX sources_name ON sources (workspace_id, name) WHERE state <> 'deleted';

-- What was received: by what it is known again. Its bytes are in the event with the same id.
CREATE TABLE messages (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  source_id {bytes} NOT NULL,
  external_id TEXT NOT NULL,
  type TEXT NOT NULL,
  key {bytes},
  body_hash {bytes} NOT NULL,
  body_bytes {bigint} NOT NULL,
  address TEXT NOT NULL,
  received_at {bigint} NOT NULL,
  duplicates {bigint} NOT NULL,
  differing {bigint} NOT NULL,
  last_duplicate_at {bigint},
  fetched_event_id {bytes},
  published_event_id {bytes},
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX messages_key ON messages (workspace_id, source_id, key) WHERE key IS NOT NULL;
CREATE INDEX messages_source ON messages (workspace_id, source_id, id);
CREATE INDEX messages_type ON messages (workspace_id, type, id);
CREATE INDEX messages_external ON messages (workspace_id, external_id, id)
  WHERE external_id <> '';
CREATE INDEX messages_fetched ON messages (workspace_id, fetched_event_id)
  WHERE fetched_event_id IS NOT NULL;

-- Handlers are destinations beside the endpoints, of what a source received.
ALTER TABLE endpoints ADD COLUMN channel TEXT NOT NULL DEFAULT 'webhook';
ALTER TABLE endpoints ADD COLUMN source_id {bytes};
ALTER TABLE endpoints ADD COLUMN channel_settings {bytes};
ALTER TABLE endpoints ADD COLUMN order_by TEXT;

-- Those with the same are made in order.
ALTER TABLE deliveries ADD COLUMN order_key {bigint};
-- Why it was dismissed.
ALTER TABLE deliveries ADD COLUMN reason TEXT;
CREATE INDEX deliveries_keyed ON deliveries (workspace_id, endpoint_id, order_key, id)
  WHERE order_key IS NOT NULL AND due_at IS NOT NULL;
-- Those of them that somebody is making now.
CREATE INDEX deliveries_keyed_leased ON deliveries (workspace_id, endpoint_id, order_key)
  WHERE order_key IS NOT NULL AND lease IS NOT NULL;
