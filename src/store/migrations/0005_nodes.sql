-- The hubs that run on this database, or have lately. Their rows belong to the hub itself, whose
-- workspace_id is all zero. `boot` is another one each time a node starts: two that write by turns share
-- an id.

CREATE TABLE nodes (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  boot {bytes} NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  address TEXT NOT NULL,
  started_at {bigint} NOT NULL,
  seen_at {bigint} NOT NULL,
  shared_at {bigint},
  stopped_at {bigint},
  PRIMARY KEY (workspace_id, id)
) {clustered};

-- The name of the node that made the attempt; null for older ones.
ALTER TABLE attempts ADD COLUMN node TEXT;
