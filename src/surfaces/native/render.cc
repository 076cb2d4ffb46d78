#include "surfaces/native/render.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "delivery/custom_headers.h"

namespace waybill::surfaces::native {
namespace {

std::string_view secret_rule_name(dialect::EndpointRules::SecretRule rule) {
  using enum dialect::EndpointRules::SecretRule;
  switch (rule) {
    case kNone: return "none";
    case kOptional: return "optional";
    case kGenerated: return "generated";
  }
  return "none";
}

// An empty text is null.
std::optional<std::string_view> if_any(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

void write_effective(ObjectText& object, const model::Endpoint& endpoint,
                     const dialect::Dialect* dialect) {
  if (!dialect) {
    object.add_json("effective", "null");
    return;
  }
  const auto& overrides = endpoint.overrides;
  std::vector<model::RetrySchedule::Delay> retry =
      overrides.retry.value_or(dialect->delivery.retry.delays());
  const int listed =
      overrides.retry ? static_cast<int>(retry.size()) + 1 : dialect->delivery.attempts_max;
  const int attempts_max =
      std::min(overrides.attempts_max.value_or(listed), static_cast<int>(retry.size()) + 1);
  retry.resize(static_cast<std::size_t>(attempts_max - 1));
  ObjectText effective(object.member("effective"));
  effective.add("retry", retry)
      .add("timeout", endpoint.overrides.timeout.value_or(dialect->delivery.timeout))
      .add("attempts_max", attempts_max)
      .add("deactivate_after",
           overrides.deactivate_after.value_or(dialect->endpoint.deactivate_after))
      .add("exhausted", exhausted_name(overrides.exhausted_deactivates.value_or(
                            dialect->delivery.exhausted_deactivates)));
  std::optional<model::CoalescingOverride> coalescing = overrides.coalescing;
  if (!coalescing && dialect->coalescing) {
    using Edge = dialect::CoalescingRules::Edge;
    coalescing = {dialect->coalescing->window, dialect->coalescing->edge == Edge::kTrailing};
  }
  effective.add_json("coalescing",
                     coalescing_text(dialect->coalescing ? coalescing : std::nullopt));
  effective.end();
}

}  // namespace

std::string coalescing_text(const std::optional<model::CoalescingOverride>& coalescing) {
  if (!coalescing) return "null";
  std::string text;
  ObjectText(text)
      .add("window", coalescing->window)
      .add("edge", coalescing->trailing ? "trailing" : "leading")
      .end();
  return text;
}

std::string_view exhausted_name(bool deactivates) {
  return deactivates ? kExhaustedDeactivated : kExhaustedDropped;
}

void write(ObjectText& object, const model::Workspace& workspace) {
  object.add("id", workspace.id)
      .add("slug", workspace.slug)
      .add("name", workspace.name)
      .add("environment", model::environment_name(workspace.environment))
      .add("created_at", workspace.created_at);
}

void write(ObjectText& object, const model::ApiKey& key, const store::key_usage::Usage& usage,
           Timestamp now) {
  const bool is_integration = key.kind == model::KeyKind::kIntegration;
  const auto& previous_until = key.previous_signing_secret_expires_at;
  const bool overlaps = previous_until && now < *previous_until;
  object.add("id", key.id)
      .add("platform", model::key_platform_name(key.platform))
      .add("name", key.name)
      .add("prefix", key.prefix)
      .add("scopes", key.scopes)
      .add("user_id", key.user_id)
      .add("kind", key.kind == model::KeyKind::kNone
                       ? std::nullopt
                       : std::optional(model::key_kind_name(key.kind)))
      .add("store_id", key.store_id)
      .add("source", is_integration ? std::optional(key.source) : std::nullopt)
      .add("payload_format", is_integration
                                 ? std::optional(model::payload_format_name(key.payload_format))
                                 : std::nullopt)
      .add("require_signature", key.require_signature)
      .add("previous_signing_secret_expires_at", overlaps ? previous_until : std::nullopt)
      .add("allowed_networks", key.allowed_networks)
      .add("calls_per_minute", key.calls_per_minute)
      .add("created_at", key.created_at)
      .add("expires_at", key.expires_at)
      .add("revoked_at", key.revoked_at)
      .add("last_used_at", usage.last_used_at ? usage.last_used_at : key.last_used_at)
      .add("requests_24h", usage.requests_24h)
      .add("errors_24h", usage.errors_24h);
}

void write(ObjectText& object, const model::User& user) {
  object.add("id", user.id)
      .add("email", user.email)
      .add("name", user.name)
      .add("roles", user.roles)
      .add("created_at", user.created_at)
      .add("updated_at", user.updated_at);
}

void write(ObjectText& object, const model::Supplier& supplier) {
  object.add("id", supplier.id)
      .add("uuid", supplier.id.uuid().text())
      .add("name", supplier.name)
      .add("email", supplier.email)
      .add("phone", supplier.phone)
      .add("claimed_at", supplier.claimed_at)
      .add("created_at", supplier.created_at)
      .add("updated_at", supplier.updated_at);
}

void write(ObjectText& object, const model::Order& order) {
  object.add("id", order.id)
      .add("uuid", order.id.uuid().text())
      .add("surface", order.surface)
      .add("number", order.number)
      .add("order_date", order.order_date)
      .add("currency", order.currency)
      .add("supplier_id", order.supplier_id)
      .add("supplier_name", order.supplier_name)
      .add("status", model::order_status_name(order.status))
      .add_json("lines", model::write_lines(order.lines))
      .add("created_at", order.created_at);
}

void write(ObjectText& object, const model::Document& document) {
  object.add("kind", document.kind)
      .add("id", document.id)
      .add("uuid", document.uuid.text())
      .add("idn", document.idn)
      .add("created_by", document.created_by)
      .add("status", document.status)
      .add("approved_on", document.approved_on)
      .add("supplier_id", document.supplier_id)
      .add("enabled", document.enabled)
      .add("created_at", document.created_at)
      .add("modified_at", document.modified_at);
}

void write(ObjectText& object, const store::events::Routed& routed) {
  const model::Event& event = routed.event;
  object.add("id", event.id)
      .add("uuid", event.id.uuid().text())
      .add("type", event.type)
      .add("occurred_at", event.occurred_at)
      .add("subject", event.subject)
      .add_json("data", event.data)
      .add("matched", routed.matched)
      .add("unmatched_reason", routed.unmatched_reason)
      .add_json("withheld", routed.withheld.empty() ? "[]" : routed.withheld);
}

void write(ObjectText& object, const model::Delivery& delivery) {
  // Of one that is on its way `due_at` is the end of its lease, which is nobody's business here.
  const bool waits = delivery.state == model::DeliveryState::kPending ||
                     delivery.state == model::DeliveryState::kRetrying;
  object.add("id", delivery.id)
      .add("event_id", delivery.event_id)
      .add("endpoint_id", delivery.endpoint_id)
      .add("event_type", delivery.event_type)
      .add("kind", model::delivery_kind_name(delivery.kind))
      .add("state", model::delivery_state_name(delivery.state))
      .add("attempts_made", delivery.attempts_made)
      .add("due_at", waits ? delivery.due_at : std::nullopt)
      .add("created_at", delivery.created_at)
      .add("finished_at", delivery.finished_at)
      .add("reason", if_any(delivery.reason));
}

void write(ObjectText& object, const model::Attempt& attempt) {
  object.add("number", attempt.number)
      .add("node", if_any(attempt.node))
      .add("started_at", attempt.started_at)
      .add("latency_ms", static_cast<double>(attempt.latency.count()) / 1000.0)
      .add("outcome", model::outcome_name(attempt.outcome))
      .add("status_code", attempt.status_code)
      .add("error", if_any(attempt.error))
      .add("response_body", replace_invalid_utf8(attempt.response_body));
}

void write(ObjectText& object, const model::Replay& replay) {
  const model::ReplaySelection& selection = replay.selection;
  object.add("id", replay.id)
      .add("state", model::replay_state_name(replay.state))
      .add("reason", if_any(replay.reason))
      .add("endpoint_id", replay.endpoint_id)
      .add("only", model::replay_only_name(selection.only))
      .add("event_types", selection.event_types)
      .add_json("filter", selection.filter.empty() ? "null" : selection.filter)
      .add("subject", if_any(selection.subject))
      .add("since", selection.since)
      .add("until", selection.until)
      .add("looked_at", replay.looked_at)
      .add("made", replay.made)
      .add("skipped", replay.skipped)
      .add("reached", replay.looked_at > 0 ? std::optional(replay.position.time()) : std::nullopt)
      .add("made_by", replay.made_by)
      .add("created_at", replay.created_at)
      .add("updated_at", replay.updated_at)
      .add("finished_at", replay.finished_at);
}

void write(ObjectText& object, const store::audit_log::Entry& entry) {
  object.add("id", entry.id)
      .add("at", entry.at)
      .add("actor", entry.actor)
      .add("action", entry.action)
      .add("subject", entry.subject)
      .add_json("detail", entry.detail);
}

void write(ObjectText& object, const model::LoggedRequest& request) {
  object.add("id", request.id)
      .add("at", request.at)
      .add("key_id", request.key_id)
      .add("method", request.method)
      .add("path", request.path)
      .add("status", request.status)
      .add("error_code", if_any(request.error_code))
      .add("latency_ms", static_cast<double>(request.latency.count()) / 1000.0)
      .add("request_id", request.request_id)
      .add("request_bytes", request.request_bytes)
      .add("response_bytes", request.response_bytes);
}

void write(ObjectText& object, const model::Node& node, Timestamp now,
           std::chrono::milliseconds believed) {
  object.add("id", node.id.text())
      .add("name", node.name)
      .add("state", model::node_state_name(model::node_state(node, now, believed)))
      .add("address", node.address)
      .add("version", node.version)
      .add("started_at", node.started_at)
      .add("seen_at", node.seen_at)
      .add("stopped_at", node.stopped_at);
}

void write(ObjectText& object, const dialect::EventType& event) {
  object.add("name", event.name)
      .add("canonical", event.canonical)
      .add("module", event.module)
      .add("description", event.description);
  append_json(object.member("schema"), event.schema);
  append_json(object.member("example"), event.example);
}

void write(ObjectText& object, const dialect::Dialect& dialect) {
  object.add("name", dialect.name)
      .add("title", dialect.title)
      .add("description", dialect.description)
      .add("documentation", dialect.documentation)
      .add("editable", dialect.endpoint.editable)
      .add("https_required", dialect.endpoint.https_required)
      .add("secret", secret_rule_name(dialect.endpoint.secret))
      .add("deactivate_after", dialect.endpoint.deactivate_after)
      .add("endpoints_max", dialect.endpoint.endpoints_max)
      .add("timeout", dialect.delivery.timeout)
      .add("retry", dialect.delivery.retry.delays())
      .add("attempts_max", dialect.delivery.attempts_max)
      .add("open_catalogue", dialect.open_catalogue)
      .add("sends", !dialect.receives_only)
      .add("receives", dialect.receipt.has_value())
      .add("fetch_settings", dialect.receipt && dialect.receipt->fetch
                                 ? dialect.receipt->fetch->settings
                                 : std::vector<std::string>());
  append_records(object.member("events"), dialect.events);
}

void add_pace(ObjectText& object, const model::EndpointOverrides& overrides) {
  object.add("retry", overrides.retry)
      .add("attempts_max", overrides.attempts_max)
      .add("timeout", overrides.timeout)
      .add("rate_per_second", overrides.rate_per_second)
      .add("in_flight_max", overrides.in_flight_max);
}

void write(ObjectText& object, const model::Endpoint& endpoint,
           const dialect::DialectRegistry& dialects, Timestamp now) {
  const auto& previous_until = endpoint.secrets.previous_expires_at;
  const bool overlaps = previous_until && now < *previous_until;
  object.add("id", endpoint.id)
      .add("dialect", endpoint.dialect)
      .add("url", endpoint.url)
      .add("name", endpoint.name)
      .add("description", endpoint.description)
      .add("event_types", endpoint.event_types)
      .add_json("filter", endpoint.filter.empty() ? "null" : endpoint.filter)
      .add("owner_id", endpoint.owner_id)
      .add("state", model::endpoint_state_name(endpoint.state))
      .add("state_reason", endpoint.state_reason)
      .add("has_secret", !endpoint.secrets.current.empty())
      .add("previous_secret_expires_at", overlaps ? previous_until : std::nullopt);
  add_pace(object, endpoint.overrides);
  object.add_json("coalescing", coalescing_text(endpoint.overrides.coalescing))
      .add("deactivate_after", endpoint.overrides.deactivate_after)
      .add("exhausted", endpoint.overrides.exhausted_deactivates.transform(exhausted_name));
  ObjectText headers(object.member("headers"));
  for (const std::string& name : endpoint.headers.names) headers.add(name, delivery::kHeaderMask);
  headers.end();
  object.add("in_order", endpoint.in_order).add("failing", endpoint.failing);
  write_effective(object, endpoint, dialects.find(endpoint.dialect));
  object.add("consecutive_failures", endpoint.consecutive_failures)
      .add("created_at", endpoint.created_at)
      .add("updated_at", endpoint.updated_at);
}

}  // namespace waybill::surfaces::native
