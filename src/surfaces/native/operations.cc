#include "surfaces/native/operations.h"

#include "surfaces/native/access.h"

namespace waybill::surfaces::native {

// clang-format off
const std::vector<Operation>& operations() {
  static const std::vector<Operation> table = {
    {"POST",   "/hub/v1/workspaces",
     "createWorkspace", kAdminToken, create_workspace},
    {"GET",    "/hub/v1/workspaces",
     "listWorkspaces", kAdminToken, list_workspaces, {"limit", "cursor"}},
    {"GET",    "/hub/v1/workspaces/{workspace}",
     "getWorkspace", "workspace:read", get_workspace},

    {"POST",   "/hub/v1/workspaces/{workspace}/keys",
     "createKey", "keys:write", create_key},
    {"GET",    "/hub/v1/workspaces/{workspace}/keys",
     "listKeys", "keys:read", list_keys, {"limit", "cursor"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/keys/{key}",
     "getKey", "keys:read", get_key},
    {"DELETE", "/hub/v1/workspaces/{workspace}/keys/{key}",
     "revokeKey", "keys:write", revoke_key},

    {"POST",   "/hub/v1/workspaces/{workspace}/users",
     "createUser", "users:write", create_user},
    {"GET",    "/hub/v1/workspaces/{workspace}/users",
     "listUsers", "users:read", list_users, {"limit", "cursor"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/users/{user}",
     "getUser", "users:read", get_user},
    {"PATCH",  "/hub/v1/workspaces/{workspace}/users/{user}",
     "updateUser", "users:write", update_user},
    {"DELETE", "/hub/v1/workspaces/{workspace}/users/{user}",
     "deleteUser", "users:write", delete_user},

    {"POST",   "/hub/v1/workspaces/{workspace}/suppliers",
     "createSupplier", "suppliers:write", create_supplier},
    {"GET",    "/hub/v1/workspaces/{workspace}/suppliers",
     "listSuppliers", "suppliers:read", list_suppliers, {"limit", "cursor"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/suppliers/{supplier}",
     "getSupplier", "suppliers:read", get_supplier},

    {"GET",    "/hub/v1/workspaces/{workspace}/orders",
     "listOrders", "orders:read", list_orders, {"limit", "cursor", "number", "since", "until"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/orders/{order}",
     "getOrder", "orders:read", get_order},

    {"GET",    "/hub/v1/workspaces/{workspace}/documents",
     "listDocuments", "documents:read", list_documents, {"limit", "cursor", "kind"}},
    {"PUT",    "/hub/v1/workspaces/{workspace}/documents/{kind}/{document}",
     "putDocument", "documents:write", put_document},
    {"GET",    "/hub/v1/workspaces/{workspace}/documents/{kind}/{document}",
     "getDocument", "documents:read", get_document},

    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints",
     "createEndpoint", "endpoints:write", create_endpoint},
    {"GET",    "/hub/v1/workspaces/{workspace}/endpoints",
     "listEndpoints", "endpoints:read", list_endpoints, {"limit", "cursor", "state", "dialect"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}",
     "getEndpoint", "endpoints:read", get_endpoint},
    {"PATCH",  "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}",
     "updateEndpoint", "endpoints:write", update_endpoint},
    {"DELETE", "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}",
     "deleteEndpoint", "endpoints:write", delete_endpoint},
    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}/pause",
     "pauseEndpoint", "endpoints:write", pause_endpoint},
    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}/resume",
     "resumeEndpoint", "endpoints:write", resume_endpoint},
    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints/dry-run",
     "dryRunEndpoint", "events:read", dry_run_endpoint},
    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}/test",
     "testEndpoint", "endpoints:write", test_endpoint},
    {"POST",   "/hub/v1/workspaces/{workspace}/endpoints/{endpoint}/rotate-secret",
     "rotateEndpointSecret", "endpoints:write", rotate_endpoint_secret},

    {"POST",   "/hub/v1/workspaces/{workspace}/events",
     "publishEvent", "events:write", publish_event},
    {"POST",   "/hub/v1/workspaces/{workspace}/events/batch",
     "publishEvents", "events:write", publish_events},
    {"GET",    "/hub/v1/workspaces/{workspace}/events",
     "listEvents", "events:read", list_events,
     {"limit", "cursor", "type", "subject", "since", "until"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/events/{event}",
     "getEvent", "events:read", get_event},
    {"POST",   "/hub/v1/workspaces/{workspace}/events/{event}/replay",
     "replayEvent", "events:write", replay_event},

    {"GET",    "/hub/v1/workspaces/{workspace}/deliveries",
     "listDeliveries", "deliveries:read", list_deliveries,
     {"limit", "cursor", "endpoint", "state", "type", "since", "until"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/deliveries/{delivery}",
     "getDelivery", "deliveries:read", get_delivery},
    {"POST",   "/hub/v1/workspaces/{workspace}/deliveries/{delivery}/retry",
     "retryDelivery", "deliveries:write", retry_delivery},
    {"POST",   "/hub/v1/workspaces/{workspace}/deliveries/retry-dropped",
     "retryDroppedDeliveries", "deliveries:write", retry_dropped_deliveries},

    {"POST",   "/hub/v1/workspaces/{workspace}/replays",
     "createReplay", "deliveries:write", create_replay},
    {"POST",   "/hub/v1/workspaces/{workspace}/replays/dry-run",
     "foreseeReplay", "deliveries:read", foresee_replay},
    {"GET",    "/hub/v1/workspaces/{workspace}/replays",
     "listReplays", "deliveries:read", list_replays, {"limit", "cursor", "endpoint", "state"}},
    {"GET",    "/hub/v1/workspaces/{workspace}/replays/{replay}",
     "getReplay", "deliveries:read", get_replay},
    {"POST",   "/hub/v1/workspaces/{workspace}/replays/{replay}/cancel",
     "cancelReplay", "deliveries:write", cancel_replay},

    {"GET",    "/hub/v1/workspaces/{workspace}/audit",
     "listAuditLog", "audit:read", list_audit_log, {"limit", "cursor", "action", "subject"}},

    {"GET",    "/hub/v1/dialects",
     "listDialects", kAnyToken, list_dialects},
    {"GET",    "/hub/v1/dialects/{dialect}",
     "getDialect", kAnyToken, get_dialect},
    {"GET",    "/hub/v1/event-types",
     "listEventTypes", kAnyToken, list_event_types, {"dialect", "canonical", "module"}},
    {"GET",    "/hub/v1/nodes",
     "listNodes", kAdminToken, list_nodes},
    {"GET",    "/hub/v1/status",
     "getStatus", kAdminToken, get_status},
    {"PUT",    "/hub/v1/backup",
     "makeBackup", kAdminToken, make_backup},
    {"GET",    "/hub/v1/openapi.json",
     "getOpenApi", kNoToken, get_openapi},
  };
  return table;
}
// clang-format on

}  // namespace waybill::surfaces::native
