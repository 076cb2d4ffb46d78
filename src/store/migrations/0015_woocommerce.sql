-- What statuses of WooCommerce mean in a workspace, where an operator says otherwise than the hub.
CREATE TABLE woocommerce_statuses (
  workspace_id {bytes} NOT NULL,
  status TEXT NOT NULL,
  action TEXT NOT NULL,
  PRIMARY KEY (workspace_id, status)
) {clustered};

-- What all messages about an order say together, as JSON (model/woocommerce.h).
CREATE TABLE woocommerce_orders (
  workspace_id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  external_id TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (workspace_id, store_id, external_id)
);

-- Which word about a client is the newest.
CREATE TABLE woocommerce_clients (
  workspace_id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  external_id TEXT NOT NULL,
  modified {bigint} NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (workspace_id, store_id, external_id)
) {clustered};

-- Shops that are asked for what was missed; consumer_secret is sealed for the context store_id.
CREATE TABLE woocommerce_shops (
  workspace_id {bytes} NOT NULL,
  store_id {bytes} NOT NULL,
  url TEXT NOT NULL,
  consumer_key TEXT NOT NULL,
  consumer_secret {bytes} NOT NULL,
  enabled {bigint} NOT NULL,
  good_until {bigint},
  last_run_at {bigint},
  last_success_at {bigint},
  failure_reason TEXT NOT NULL,
  failure TEXT NOT NULL,
  last_read {bigint} NOT NULL,
  last_changed {bigint} NOT NULL,
  created_at {bigint} NOT NULL,
  updated_at {bigint} NOT NULL,
  PRIMARY KEY (workspace_id, store_id)
) {clustered};
