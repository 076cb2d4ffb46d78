#include "surfaces/procureiq/render.h"

#include "base/check.h"
#include "store/endpoints.h"
#include "surfaces/platform_records.h"
#include "surfaces/procureiq/operations.h"

namespace waybill::surfaces::procureiq {
namespace {

constexpr std::string_view kWebhookPrefix = "wh";

Error no_webhook() { return {Code::kNotFound, "webhook_not_found", "Webhook not found"}; }

Result<model::Endpoint> check_webhook(Result<model::Endpoint> endpoint) {
  if (!endpoint && endpoint.error().code != Code::kNotFound) return endpoint;
  const bool good = endpoint && !endpoint->is_handler() && endpoint->dialect == kDialect &&
                    endpoint->state != model::EndpointState::kDeleted;
  if (!good) return fail(no_webhook());
  return endpoint;
}

}  // namespace

const dialect::Dialect& dialect_of(const native::Call& call) {
  const dialect::Dialect* dialect = call.services.dialects.find(kDialect);
  WAYBILL_CHECK(dialect != nullptr, "the dialect procureiq is built in");
  return *dialect;
}

std::string webhook_id(const model::EndpointId& id) { return id_as(kWebhookPrefix, id); }

Result<model::EndpointId> path_webhook_id(const native::Call& call) {
  const auto id = parse_id_as<model::EndpointId>(kWebhookPrefix, call.request.param("webhook"));
  if (!id) return fail(no_webhook());
  return *id;
}

Result<model::Endpoint> find_webhook(store::Connection& connection, const native::Call& call,
                                     const model::EndpointId& id) {
  return check_webhook(store::endpoints::find(connection, call.workspace_id, id));
}

Result<model::Endpoint> find_webhook_to_change(store::Connection& connection,
                                               const native::Call& call,
                                               const model::EndpointId& id) {
  return check_webhook(store::endpoints::find_to_change(connection, call.workspace_id, id));
}

std::string text_of(const model::Endpoint& endpoint, const Secret& secret) {
  std::string out;
  ObjectText object(out);
  object.add("id", webhook_id(endpoint.id))
      .add("name", endpoint.name)
      .add("url", endpoint.url)
      .add("events", endpoint.event_types)
      .add("active", endpoint.state == model::EndpointState::kActive)
      .add("status", model::endpoint_state_name(endpoint.state))
      .add("statusReason", endpoint.state_reason);
  if (!secret.empty()) object.add("secret", secret.reveal());
  object.add("createdAt", endpoint.created_at).add("updatedAt", endpoint.updated_at).end();
  return out;
}

std::string text_of(const DeliveryRow& row, const dialect::Dialect& dialect) {
  const model::Delivery& delivery = row.delivery;
  const bool waits = delivery.state == model::DeliveryState::kPending ||
                     delivery.state == model::DeliveryState::kRetrying;
  std::optional<int> status_code;
  std::optional<std::string> error;
  std::optional<Timestamp> last_at;
  if (row.last) {
    status_code = row.last->status_code;
    if (!row.last->error.empty()) error = replace_invalid_utf8(row.last->error);
    last_at = row.last->started_at;
  }
  std::string out;
  ObjectText(out)
      .add("id", delivery.id)
      .add("eventId", delivery.event_id)
      .add("eventType", event_name(dialect, delivery.event_type))
      .add("status", model::delivery_state_name(delivery.state))
      .add("attempts", delivery.attempts_made)
      .add("statusCode", status_code)
      .add("error", error)
      .add("createdAt", delivery.created_at)
      .add("lastAttemptAt", last_at)
      .add("nextAttemptAt", waits ? delivery.due_at : std::nullopt)
      .add("finishedAt", delivery.finished_at)
      .end();
  return out;
}

std::string text_of_data(std::string_view json) {
  std::string out;
  ObjectText(out).add("success", true).add_json("data", json).end();
  return out;
}

}  // namespace waybill::surfaces::procureiq
