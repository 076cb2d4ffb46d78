-- How an endpoint is sent to: with headers of its own, sealed; in strict order; and whether it is
-- known to fail.
ALTER TABLE endpoints ADD COLUMN header_names TEXT NOT NULL DEFAULT '[]';
ALTER TABLE endpoints ADD COLUMN headers {bytes};
ALTER TABLE endpoints ADD COLUMN in_order {bigint} NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN failing {bigint} NOT NULL DEFAULT 0;

-- 1 if its endpoint is sent to in order. Those that are unfinished, oldest first.
ALTER TABLE deliveries ADD COLUMN in_order {bigint};
CREATE INDEX deliveries_in_order ON deliveries (workspace_id, endpoint_id, id)
  WHERE in_order = 1 AND due_at IS NOT NULL;
