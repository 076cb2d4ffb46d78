-- Jobs that send an endpoint the events of a selection. `position` is the id of the last event that was
-- looked at; those from `until_id` on are none of the job's business.

CREATE TABLE replays (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  endpoint_id {bytes} NOT NULL,
  selection TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  position {bytes} NOT NULL,
  until_id {bytes} NOT NULL,
  looked_at {bigint} NOT NULL,
  made {bigint} NOT NULL,
  skipped {bigint} NOT NULL,
  made_by TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  finished_at {bigint},
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE INDEX replays_running ON replays (workspace_id, id) WHERE state = 'running';
