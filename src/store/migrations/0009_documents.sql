-- What other systems keep of orders, invoices, suppliers and the like: by kind and the keeper's own number.
-- What the content says of status, approval, supplier and whether it is enabled stands beside it, to be
-- searched by.

CREATE TABLE documents (
  workspace_id {bytes} NOT NULL,
  kind TEXT NOT NULL,
  id {bigint} NOT NULL,
  uuid {bytes} NOT NULL,
  idn {bigint},
  content TEXT NOT NULL,
  summary TEXT NOT NULL,
  created_by {bytes},
  status {bigint},
  approved_on TEXT,
  supplier_id {bigint},
  enabled {bigint},
  created_at {bigint} NOT NULL,
  modified_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, kind, id)
) {clustered};
CREATE UNIQUE INDEX documents_idn ON documents (workspace_id, kind, idn);
CREATE UNIQUE INDEX documents_uuid ON documents (workspace_id, uuid);
CREATE INDEX documents_modified ON documents (workspace_id, kind, modified_at);

-- The highest IDN that was given to a document of a kind, or brought by one.
CREATE TABLE document_sequences (
  workspace_id {bytes} NOT NULL,
  kind TEXT NOT NULL,
  last_idn {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, kind)
) {clustered};
