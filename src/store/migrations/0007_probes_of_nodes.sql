-- Each node finds out by a row of its own whether it can write: one that stands still in the middle
-- of that must not hold up the others.

DROP TABLE write_probes;
CREATE TABLE write_probes (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
