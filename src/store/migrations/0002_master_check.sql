-- A known text, sealed with the master key that has sealed every secret in these tables. One row,
-- which belongs to the hub itself, whose workspace_id is all zero.

CREATE TABLE master_check (
  workspace_id {bytes} PRIMARY KEY,
  sealed {bytes} NOT NULL
);
