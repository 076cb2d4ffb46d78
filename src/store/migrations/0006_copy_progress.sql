-- How far `waybill copy` has come with each table that it moves here from another database, and with
-- all of them (the row whose table_name is empty). They belong to the hub itself, whose workspace_id is
-- all zero. `last_key` is the primary key of the last row that came, as store/copy.cc writes it.

CREATE TABLE copy_progress (
  workspace_id {bytes} NOT NULL,
  table_name TEXT NOT NULL,
  source {bytes} NOT NULL,
  last_key {bytes} NOT NULL,
  row_count {bigint} NOT NULL,
  finished_at {bigint},
  PRIMARY KEY (workspace_id, table_name)
) {clustered};
