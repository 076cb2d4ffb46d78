-- Whose endpoints and keys are, and what narrows what an endpoint is sent.

-- People of a workspace. An e-mail address is one user's, whatever its case.
CREATE TABLE users (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX users_email ON users (workspace_id, email_folded);

ALTER TABLE endpoints ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN filter TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN owner_id {bytes};
ALTER TABLE api_keys ADD COLUMN user_id {bytes};

-- Which endpoints an event was not sent to, and why: a JSON object, or empty.
ALTER TABLE events ADD COLUMN withheld TEXT NOT NULL DEFAULT '';

-- The windows in which the same thing is sent to an endpoint once. `delivery_id` is the delivery that
-- a trailing edge keeps waiting.
CREATE TABLE coalescing_windows (
  workspace_id {bytes} NOT NULL,
  endpoint_id {bytes} NOT NULL,
  key_hash {bytes} NOT NULL,
  ends_at {bigint} NOT NULL,
  delivery_id {bytes},
  PRIMARY KEY (workspace_id, endpoint_id, key_hash)
) {clustered};
