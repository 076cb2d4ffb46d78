-- The mark of the batch of units that a writer has committed last, by which it finds out what became of
-- a commit whose answer was lost. One row for each connection that writes; they belong to the hub itself, whose
-- workspace_id is all zero. Not used where the database is a file.

CREATE TABLE commit_marks (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  batch {bigint} NOT NULL,
  marked_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
