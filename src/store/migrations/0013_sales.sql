-- What shops push in and middleware reads out again. Amounts are whole minor units of their currency.

-- The latest updated_at of each workspace (store/list_clock.h).
CREATE TABLE list_clocks (
  workspace_id {bytes} NOT NULL,
  at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id)
) {clustered};

CREATE TABLE stores (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL,
  currency TEXT NOT NULL,
  number_prefix TEXT NOT NULL,
  last_number {bigint} NOT NULL,
  created_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX stores_name ON stores (workspace_id, name_folded);

CREATE TABLE clients (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  external_id TEXT,
  email TEXT,
  email_folded TEXT,
  name TEXT,
  phone TEXT,
  source TEXT NOT NULL,
  said_at {bigint},
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX clients_external ON clients (workspace_id, store_id, external_id);
CREATE INDEX clients_email ON clients (workspace_id, store_id, email_folded);
CREATE INDEX clients_updated ON clients (workspace_id, updated_at, id);

-- `details` is a JSON object of what is not searched by.
CREATE TABLE sales_orders (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  source TEXT NOT NULL,
  external_id TEXT NOT NULL,
  number TEXT NOT NULL,
  placed_at {bigint} NOT NULL,
  currency TEXT NOT NULL,
  client_id {bytes},
  status TEXT NOT NULL,
  total {bigint} NOT NULL,
  paid {bigint} NOT NULL,
  refunded {bigint} NOT NULL,
  details TEXT NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX sales_orders_external ON sales_orders (workspace_id, store_id, external_id);
CREATE INDEX sales_orders_updated ON sales_orders (workspace_id, updated_at, id);

CREATE TABLE payments (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  order_id {bytes} NOT NULL,
  external_id TEXT,
  method TEXT NOT NULL,
  amount {bigint} NOT NULL,
  currency TEXT NOT NULL,
  reference TEXT,
  state TEXT NOT NULL,
  paid_at {bigint} NOT NULL,
  created_at {bigint} NOT NULL,
  refunded_at {bigint},
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE INDEX payments_order ON payments (workspace_id, order_id);
CREATE UNIQUE INDEX payments_external ON payments (workspace_id, store_id, external_id)
  WHERE external_id IS NOT NULL;

CREATE TABLE shipments (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  order_id {bytes} NOT NULL,
  carrier TEXT,
  tracking_number TEXT,
  tracking_url TEXT,
  shipped_at {bigint} NOT NULL,
  delivered_at {bigint},
  created_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE INDEX shipments_order ON shipments (workspace_id, order_id);

CREATE TABLE products (
  workspace_id {bytes} NOT NULL,
  id {bytes} NOT NULL,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  currency TEXT NOT NULL,
  price {bigint} NOT NULL,
  published {bigint} NOT NULL,
  supplier_id {bytes},
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, id)
) {clustered};
CREATE UNIQUE INDEX products_sku ON products (workspace_id, sku);
CREATE INDEX products_updated ON products (workspace_id, updated_at, id);

ALTER TABLE suppliers ADD COLUMN email TEXT;
ALTER TABLE suppliers ADD COLUMN phone TEXT;
ALTER TABLE suppliers ADD COLUMN claimed_at {bigint};
ALTER TABLE suppliers ADD COLUMN updated_at {bigint} NOT NULL DEFAULT 0;
UPDATE suppliers SET updated_at = created_at;
CREATE INDEX suppliers_updated ON suppliers (workspace_id, updated_at, id);
