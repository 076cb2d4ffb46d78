#include "surfaces/proign/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "dialect/event_message.h"
#include "surfaces/platform_records.h"
#include "surfaces/proign/operations.h"

namespace waybill::surfaces::proign {

const dialect::Dialect& dialect_of(const native::Call& call) {
  const dialect::Dialect* dialect = call.services.dialects.find(kDialect);
  WAYBILL_CHECK(dialect != nullptr, "the dialect proign is built in");
  return *dialect;
}

std::string text_of(const model::Endpoint& endpoint) {
  std::string out;
  ObjectText object(out);
  object
      .add("id", id_as(kSubscriptionPrefix, endpoint.id))
      // One, unless the management API gave it more.
      .add("event_type", fmt::format("{}", fmt::join(endpoint.event_types, ",")))
      .add("target_module", "external")
      .add("webhook_url", endpoint.url)
      .add_json("filter", endpoint.filter.empty() ? "{}" : endpoint.filter)
      .add("status", model::endpoint_state_name(endpoint.state))
      .add("status_reason", endpoint.state_reason)
      .add("created_at", iso_seconds(endpoint.created_at))
      .add("updated_at", iso_seconds(endpoint.updated_at))
      .end();
  return out;
}

std::string delivery_id(const model::DeliveryId& id, int attempt) {
  return fmt::format("{}-{}", id.uuid().text(), attempt);
}

std::string text_of(const store::deliveries::Try& tried, const dialect::Dialect& dialect) {
  const model::Attempt& attempt = tried.attempt;
  const bool delivered = attempt.outcome == model::Outcome::kSucceeded;
  // A sentence where there was no answer; elsewhere the status code says it.
  const std::optional<std::string> error =
      attempt.error.empty() ? std::nullopt : std::optional(replace_invalid_utf8(attempt.error));
  std::string out;
  ObjectText(out)
      .add("id", delivery_id(tried.delivery_id, attempt.number))
      .add("event_id", tried.event_id)
      .add("event_type", event_name(dialect, tried.event_type))
      .add("attempt", attempt.number)
      .add("status", delivered ? "delivered" : "failed")
      .add("status_code", attempt.status_code)
      .add("error", error)
      .add("sent_at", iso_seconds(attempt.started_at))
      .add("duration_ms", attempt.latency.count() / 1000)
      .end();
  return out;
}

Result<std::string> envelope_of(const native::Call& call, const dialect::Dialect& dialect,
                                const model::Event& event) {
  const auto data = parse_json(event.data);
  WAYBILL_CHECK(data.has_value(), "an event's data is the JSON we wrote");
  const std::string id = event.id.uuid().text();
  dialect::Message message = dialect::message_about(event, id);
  message.workspace_slug = call.caller.key->workspace_slug;
  message.data = &*data;
  return dialect::render_body(dialect, message);
}

std::string text_of(const native::Call& call, const dialect::Dialect& dialect,
                    const model::Event& event) {
  if (auto envelope = envelope_of(call, dialect, event)) return *std::move(envelope);
  std::string out;
  ObjectText(out)
      .add("id", event.id)
      .add("type", event_name(dialect, event.type))
      .add("timestamp", iso_seconds(event.occurred_at))
      .add("tenant_id", call.caller.key->workspace_slug)
      .add_json("data", event.data)
      .end();
  return out;
}

std::string text_of_data(std::string_view json) {
  std::string out;
  ObjectText(out).add_json("data", json).end();
  return out;
}

}  // namespace waybill::surfaces::proign
