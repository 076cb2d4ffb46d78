// SQL of what the hub keeps of WooCommerce: the table of statuses, what was said of each order and
// client, and the shops that are asked.
//
// States and clients are changed by units that hold the workspace's list clock
// (store/list_clock.h).

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/woocommerce.h"
#include "store/connection.h"

namespace waybill::store::woocommerce {

// What an operator says a status means; the hub's own table is not in here. By status.
Result<std::map<std::string, model::woocommerce::Action>> list_actions(
    Connection& connection, const model::WorkspaceId& workspace);
// What `status` means in a workspace: what an operator says of it, or what the hub says where it
// names it, or else what "*" means.
Result<model::woocommerce::Action> find_action(Connection& connection,
                                               const model::WorkspaceId& workspace,
                                               std::string_view status);
Result<void> set_action(Connection& connection, const model::WorkspaceId& workspace,
                        std::string_view status, model::woocommerce::Action action);
// False: nothing was said of it.
Result<bool> reset_action(Connection& connection, const model::WorkspaceId& workspace,
                          std::string_view status);

struct Key {
  model::WorkspaceId workspace_id;
  model::StoreId store_id;
  std::string external_id;
};
// Fails also as model::woocommerce::read_state().
Result<std::optional<model::woocommerce::OrderState>> find_state(Connection& connection,
                                                                 const Key& order);
Result<void> put_state(Connection& connection, const Key& order,
                       const model::woocommerce::OrderState& state);

// True if this is a newer word about a client than any before: then it is remembered as the newest.
Result<bool> note_client(Connection& connection, const Key& client, Timestamp modified,
                         std::string_view digest);

using model::woocommerce::Shop;
Result<std::optional<Shop>> find_shop(Connection& connection, const model::WorkspaceId& workspace,
                                      const model::StoreId& store);
// Replaces all of what is there, if anything is.
Result<void> put_shop(Connection& connection, const Shop& shop);
// False: there was none.
Result<bool> remove_shop(Connection& connection, const model::WorkspaceId& workspace,
                         const model::StoreId& store);
// Of all workspaces: those that are enabled, and were not asked since `before`.
Result<std::vector<Shop>> due_shops(Connection& connection, Timestamp before);
// How a run went: good_until, last_… and failure… of `shop`. Nothing if it is not there any more,
// or was put anew since: updated_at tells.
Result<void> note_run(Connection& connection, const Shop& shop);

}  // namespace waybill::store::woocommerce
