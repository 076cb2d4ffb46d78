// The operations of the API, in one table: what is routed, who may call it, and what answers.
//
// To add one: a line in the table of operations.cc, a function declared below and written in its
// resource's file, and its path in openapi.json. operations_test.cc compares the two.

#pragma once

#include <string_view>
#include <vector>

#include "surfaces/native/call.h"

namespace waybill::surfaces::native {

struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view id;     // operationId of the document.
  std::string_view scope;  // Of model::known_scopes(), or kNoToken, kAnyToken, kAdminToken.
  Operate operate;
  std::vector<std::string_view> query = {};  // The parameters it takes; others are refused.
};

const std::vector<Operation>& operations();

// workspaces.cc
Task<Result<Reply>> create_workspace(Call& call);
Task<Result<Reply>> list_workspaces(Call& call);
Task<Result<Reply>> get_workspace(Call& call);
// keys.cc
Task<Result<Reply>> create_key(Call& call);
Task<Result<Reply>> list_keys(Call& call);
Task<Result<Reply>> get_key(Call& call);
Task<Result<Reply>> revoke_key(Call& call);
Task<Result<Reply>> rotate_key_secret(Call& call);
// users.cc
Task<Result<Reply>> create_user(Call& call);
Task<Result<Reply>> list_users(Call& call);
Task<Result<Reply>> get_user(Call& call);
Task<Result<Reply>> update_user(Call& call);
Task<Result<Reply>> delete_user(Call& call);
// suppliers.cc
Task<Result<Reply>> create_supplier(Call& call);
Task<Result<Reply>> list_suppliers(Call& call);
Task<Result<Reply>> get_supplier(Call& call);
Task<Result<Reply>> update_supplier(Call& call);
Task<Result<Reply>> claim_supplier(Call& call);
// stores.cc
Task<Result<Reply>> create_store(Call& call);
Task<Result<Reply>> list_stores(Call& call);
Task<Result<Reply>> get_store(Call& call);
// products.cc
Task<Result<Reply>> put_product(Call& call);
Task<Result<Reply>> list_products(Call& call);
Task<Result<Reply>> get_product(Call& call);
// sales_orders.cc
Task<Result<Reply>> list_sales_orders(Call& call);
Task<Result<Reply>> get_sales_order(Call& call);
Task<Result<Reply>> ship_sales_order(Call& call);
Task<Result<Reply>> deliver_sales_order(Call& call);
Task<Result<Reply>> cancel_sales_order(Call& call);
Task<Result<Reply>> update_shipment(Call& call);
// orders.cc
Task<Result<Reply>> list_orders(Call& call);
Task<Result<Reply>> get_order(Call& call);
// documents.cc
Task<Result<Reply>> list_documents(Call& call);
Task<Result<Reply>> put_document(Call& call);
Task<Result<Reply>> get_document(Call& call);
// endpoints.cc
Task<Result<Reply>> create_endpoint(Call& call);
Task<Result<Reply>> list_endpoints(Call& call);
Task<Result<Reply>> get_endpoint(Call& call);
Task<Result<Reply>> update_endpoint(Call& call);
Task<Result<Reply>> delete_endpoint(Call& call);
// endpoint_actions.cc
Task<Result<Reply>> pause_endpoint(Call& call);
Task<Result<Reply>> resume_endpoint(Call& call);
Task<Result<Reply>> test_endpoint(Call& call);
Task<Result<Reply>> rotate_endpoint_secret(Call& call);
// endpoint_dry_run.cc
Task<Result<Reply>> dry_run_endpoint(Call& call);
// sources.cc
Task<Result<Reply>> create_source(Call& call);
Task<Result<Reply>> list_sources(Call& call);
Task<Result<Reply>> get_source(Call& call);
Task<Result<Reply>> update_source(Call& call);
Task<Result<Reply>> delete_source(Call& call);
// source_secrets.cc
Task<Result<Reply>> add_source_secret(Call& call);
Task<Result<Reply>> remove_source_secret(Call& call);
Task<Result<Reply>> rotate_source_token(Call& call);
// handlers.cc
Task<Result<Reply>> create_handler(Call& call);
Task<Result<Reply>> list_handlers(Call& call);
Task<Result<Reply>> get_handler(Call& call);
Task<Result<Reply>> update_handler(Call& call);
Task<Result<Reply>> delete_handler(Call& call);
Task<Result<Reply>> pause_handler(Call& call);
Task<Result<Reply>> resume_handler(Call& call);
// messages.cc
Task<Result<Reply>> list_messages(Call& call);
Task<Result<Reply>> get_message(Call& call);
Task<Result<Reply>> replay_message(Call& call);
// source_replays.cc
Task<Result<Reply>> replay_source(Call& call);
Task<Result<Reply>> foresee_source_replay(Call& call);
// events.cc
Task<Result<Reply>> publish_event(Call& call);
Task<Result<Reply>> publish_events(Call& call);
Task<Result<Reply>> list_events(Call& call);
Task<Result<Reply>> get_event(Call& call);
Task<Result<Reply>> replay_event(Call& call);
// deliveries.cc
Task<Result<Reply>> list_deliveries(Call& call);
Task<Result<Reply>> get_delivery(Call& call);
Task<Result<Reply>> retry_delivery(Call& call);
// dead_letters.cc
Task<Result<Reply>> retry_dropped_deliveries(Call& call);
Task<Result<Reply>> dismiss_delivery(Call& call);
Task<Result<Reply>> dismiss_dropped_deliveries(Call& call);
// replays.cc
Task<Result<Reply>> create_replay(Call& call);
Task<Result<Reply>> foresee_replay(Call& call);
Task<Result<Reply>> list_replays(Call& call);
Task<Result<Reply>> get_replay(Call& call);
Task<Result<Reply>> cancel_replay(Call& call);
// pulled.cc
Task<Result<Reply>> list_endpoint_requests(Call& call);
Task<Result<Reply>> record_attempt(Call& call);
// requests.cc
Task<Result<Reply>> list_requests(Call& call);
Task<Result<Reply>> get_request(Call& call);
// woocommerce.cc
Task<Result<Reply>> list_woocommerce_statuses(Call& call);
Task<Result<Reply>> set_woocommerce_status(Call& call);
Task<Result<Reply>> reset_woocommerce_status(Call& call);
Task<Result<Reply>> connect_woocommerce(Call& call);
Task<Result<Reply>> get_woocommerce(Call& call);
Task<Result<Reply>> disconnect_woocommerce(Call& call);
Task<Result<Reply>> reconcile_woocommerce(Call& call);
// catalogue.cc
Task<Result<Reply>> list_event_types(Call& call);
// hub.cc
Task<Result<Reply>> list_audit_log(Call& call);
Task<Result<Reply>> list_dialects(Call& call);
Task<Result<Reply>> get_dialect(Call& call);
Task<Result<Reply>> list_nodes(Call& call);
Task<Result<Reply>> get_status(Call& call);
Task<Result<Reply>> make_backup(Call& call);
Task<Result<Reply>> get_openapi(Call& call);

}  // namespace waybill::surfaces::native
