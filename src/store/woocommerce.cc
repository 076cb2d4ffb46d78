#include "store/woocommerce.h"

#include <utility>

#include "base/check.h"

namespace waybill::store::woocommerce {
namespace {

using model::woocommerce::Action;

Action read_action(const Row& row, int column) {
  const auto action = model::woocommerce::parse_action(row.text(column));
  WAYBILL_CHECK(action.has_value(), "a stored action is one of the hub's");
  return *action;
}

// In the order of read_shop().
#define WAYBILL_SHOP_COLUMNS                                                          \
  "workspace_id, store_id, url, consumer_key, consumer_secret, enabled, good_until, " \
  "last_run_at, last_success_at, failure_reason, failure, last_read, last_changed, "  \
  "created_at, updated_at"

Shop read_shop(const Row& row) {
  Shop shop;
  shop.workspace_id = row.id<model::WorkspaceId>(0);
  shop.store_id = row.id<model::StoreId>(1);
  shop.url = row.string(2);
  shop.consumer_key = row.string(3);
  shop.sealed_consumer_secret = row.byte_string(4);
  shop.is_enabled = row.integer(5) != 0;
  shop.good_until = row.time_or_null(6);
  shop.last_run_at = row.time_or_null(7);
  shop.last_success_at = row.time_or_null(8);
  shop.failure_reason = row.string(9);
  shop.failure = row.string(10);
  shop.last_read = row.integer(11);
  shop.last_changed = row.integer(12);
  shop.created_at = row.time(13);
  shop.updated_at = row.time(14);
  return shop;
}

}  // namespace

Result<std::map<std::string, Action>> list_actions(Connection& connection,
                                                   const model::WorkspaceId& workspace) {
  std::map<std::string, Action> actions;
  WAYBILL_TRY(connection.query(
      "SELECT status, action FROM woocommerce_statuses WHERE workspace_id = $1", {workspace},
      [&](const Row& row) { actions.emplace(row.string(0), read_action(row, 1)); }));
  return actions;
}

Result<Action> find_action(Connection& connection, const model::WorkspaceId& workspace,
                           std::string_view status) {
  const auto actions = list_actions(connection, workspace);
  if (!actions) return fail(actions.error());
  if (const auto found = actions->find(std::string(status)); found != actions->end()) {
    return found->second;
  }
  for (const auto& rule : model::woocommerce::default_statuses()) {
    if (rule.status == status) return rule.action;
  }
  const auto other = actions->find(std::string(model::woocommerce::kAnyStatus));
  if (other != actions->end()) return other->second;
  return model::woocommerce::default_action(status);
}

Result<void> set_action(Connection& connection, const model::WorkspaceId& workspace,
                        std::string_view status, Action action) {
  return connection.write(
      "INSERT INTO woocommerce_statuses (workspace_id, status, action) VALUES ($1, $2, $3) "
      "ON CONFLICT (workspace_id, status) DO UPDATE SET action = excluded.action",
      {workspace, status, model::woocommerce::action_name(action)});
}

Result<bool> reset_action(Connection& connection, const model::WorkspaceId& workspace,
                          std::string_view status) {
  const auto removed =
      connection.execute("DELETE FROM woocommerce_statuses WHERE workspace_id = $1 AND status = $2",
                         {workspace, status});
  if (!removed) return fail(removed.error());
  return *removed > 0;
}

Result<std::optional<model::woocommerce::OrderState>> find_state(Connection& connection,
                                                                 const Key& order) {
  std::optional<std::string> text;
  WAYBILL_TRY(
      connection.query("SELECT state FROM woocommerce_orders "
                       "WHERE workspace_id = $1 AND store_id = $2 AND external_id = $3",
                       {order.workspace_id, order.store_id, order.external_id},
                       [&](const Row& row) { text = row.string(0); }));
  if (!text) return std::optional<model::woocommerce::OrderState>();
  auto state = model::woocommerce::read_state(*text);
  if (!state) return fail(state.error());
  return std::optional(*std::move(state));
}

Result<void> put_state(Connection& connection, const Key& order,
                       const model::woocommerce::OrderState& state) {
  return connection.write(
      "INSERT INTO woocommerce_orders (workspace_id, store_id, external_id, state) "
      "VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (workspace_id, store_id, external_id) DO UPDATE SET state = excluded.state",
      {order.workspace_id, order.store_id, order.external_id,
       model::woocommerce::write_state(state)});
}

Result<bool> note_client(Connection& connection, const Key& client, Timestamp modified,
                         std::string_view digest) {
  const auto noted = connection.execute(
      "INSERT INTO woocommerce_clients (workspace_id, store_id, external_id, modified, digest) "
      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, store_id, external_id) "
      "DO UPDATE SET modified = excluded.modified, digest = excluded.digest "
      "WHERE (woocommerce_clients.modified, woocommerce_clients.digest) "
      "< (excluded.modified, excluded.digest)",
      {client.workspace_id, client.store_id, client.external_id, modified, digest});
  if (!noted) return fail(noted.error());
  return *noted > 0;
}

Result<std::optional<Shop>> find_shop(Connection& connection, const model::WorkspaceId& workspace,
                                      const model::StoreId& store) {
  std::optional<Shop> found;
  WAYBILL_TRY(connection.query("SELECT " WAYBILL_SHOP_COLUMNS
                               " FROM woocommerce_shops WHERE workspace_id = $1 AND store_id = $2",
                               {workspace, store},
                               [&](const Row& row) { found = read_shop(row); }));
  return found;
}

Result<void> put_shop(Connection& connection, const Shop& shop) {
  return connection.write(
      "INSERT INTO woocommerce_shops (" WAYBILL_SHOP_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
      "ON CONFLICT (workspace_id, store_id) DO UPDATE SET url = excluded.url, "
      "consumer_key = excluded.consumer_key, consumer_secret = excluded.consumer_secret, "
      "enabled = excluded.enabled, good_until = excluded.good_until, "
      "last_run_at = excluded.last_run_at, last_success_at = excluded.last_success_at, "
      "failure_reason = excluded.failure_reason, failure = excluded.failure, "
      "last_read = excluded.last_read, last_changed = excluded.last_changed, "
      "updated_at = excluded.updated_at",
      {shop.workspace_id, shop.store_id, shop.url, shop.consumer_key, shop.sealed_consumer_secret,
       shop.is_enabled ? 1 : 0, shop.good_until, shop.last_run_at, shop.last_success_at,
       shop.failure_reason, shop.failure, shop.last_read, shop.last_changed, shop.created_at,
       shop.updated_at});
}

Result<bool> remove_shop(Connection& connection, const model::WorkspaceId& workspace,
                         const model::StoreId& store) {
  const auto removed =
      connection.execute("DELETE FROM woocommerce_shops WHERE workspace_id = $1 AND store_id = $2",
                         {workspace, store});
  if (!removed) return fail(removed.error());
  return *removed > 0;
}

Result<std::vector<Shop>> due_shops(Connection& connection, Timestamp before) {
  std::vector<Shop> shops;
  WAYBILL_TRY(connection.query(
      "SELECT " WAYBILL_SHOP_COLUMNS
      " FROM woocommerce_shops WHERE enabled = 1 "
      "AND (last_run_at IS NULL OR last_run_at <= $1) ORDER BY workspace_id, store_id",
      {before}, [&](const Row& row) { shops.push_back(read_shop(row)); }));
  return shops;
}

Result<void> note_run(Connection& connection, const Shop& shop) {
  return connection.write(
      "UPDATE woocommerce_shops SET good_until = $4, last_run_at = $5, last_success_at = $6, "
      "failure_reason = $7, failure = $8, last_read = $9, last_changed = $10 "
      "WHERE workspace_id = $1 AND store_id = $2 AND updated_at = $3",
      {shop.workspace_id, shop.store_id, shop.updated_at, shop.good_until, shop.last_run_at,
       shop.last_success_at, shop.failure_reason, shop.failure, shop.last_read, shop.last_changed});
}

}  // namespace waybill::store::woocommerce
