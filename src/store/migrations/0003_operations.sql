-- The trace that an event's request belonged to (W3C Trace Context), passed on with its webhooks.
ALTER TABLE events ADD COLUMN traceparent TEXT;
ALTER TABLE events ADD COLUMN tracestate TEXT;

-- One row, written anew to find out whether the hub can write.
CREATE TABLE write_probes (
  workspace_id {bytes} PRIMARY KEY,
  at {bigint} NOT NULL
);
