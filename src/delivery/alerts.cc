#include "delivery/alerts.h"

#include <utility>

#include "base/json_text.h"
#include "model/message.h"
#include "store/messages.h"

namespace waybill::delivery {
namespace {

// Of an error or a reason, as an alert tells it.
constexpr std::size_t kTextBytesMax = 500;

std::string told(std::string_view text) {
  return replace_invalid_utf8(text.substr(0, kTextBytesMax));
}

// Due, and leased to nobody: the unit may run again, and its node need not be the one that sends
// it.
intake::LeaseTerms due_terms() {
  intake::LeaseTerms terms;
  terms.all_congested = true;
  return terms;
}

}  // namespace

Result<intake::Accepted> Alerts::accept(store::Connection& connection,
                                        const model::WorkspaceId& workspace, std::string_view type,
                                        const model::EndpointId& about, std::string data,
                                        Timestamp now) const {
  model::Event event;
  event.id = ids_.next_id<model::EventId>();
  event.workspace_id = workspace;
  event.type = type;
  event.occurred_at = now;
  event.subject = about.text();
  event.data = std::move(data);
  return acceptance_.accept(connection, std::move(event), due_terms(), now);
}

Result<Alerts::Followed> Alerts::follow(store::Connection& connection,
                                        const model::Delivery& delivery, const FollowUp& follow_up,
                                        Timestamp now) const {
  namespace messages = store::messages;
  const model::Event& event = follow_up.event;
  const bool fetched = event.type == model::kMessageFetched;
  const bool again = delivery.kind == model::DeliveryKind::kReplay;
  const auto set = !fetched ? messages::set_published
                   : again  ? messages::replace_fetched
                            : messages::set_fetched;
  const auto is_set = set(connection, event.workspace_id, follow_up.of, event.id);
  if (!is_set) return fail(is_set.error());
  Followed followed;
  if (*is_set) {
    auto accepted = acceptance_.accept(connection, event, due_terms(), now);
    if (!accepted) return fail(accepted.error());
    followed.accepted = *std::move(accepted);
  } else if (!fetched) {
    const auto message = messages::find_by_event(connection, event.workspace_id,
                                                 model::EventId(follow_up.of.uuid()));
    if (!message) return fail(message.error());
    if (*message) followed.there = (*message)->published_event_id;
  }
  return followed;
}

Result<intake::Accepted> Alerts::deactivated(store::Connection& connection,
                                             const model::Endpoint& endpoint, Timestamp now) const {
  std::string data;
  ObjectText(data)
      .add("endpoint_id", endpoint.id)
      .add("url", endpoint.url)
      .add("dialect", endpoint.dialect)
      .add("reason", told(endpoint.state_reason))
      .add("consecutive_failures", endpoint.consecutive_failures)
      .end();
  return accept(connection, endpoint.workspace_id, model::kEndpointDeactivated, endpoint.id,
                std::move(data), now);
}

Result<intake::Accepted> Alerts::failing(store::Connection& connection,
                                         const model::Endpoint& endpoint, const FailureRate& rate,
                                         Timestamp now) const {
  std::string data;
  ObjectText(data)
      .add("endpoint_id", endpoint.id)
      .add("url", endpoint.url)
      .add("dialect", endpoint.dialect)
      .add("attempts", rate.attempts)
      .add("failed", rate.failed)
      .add("consecutive_failures", endpoint.consecutive_failures)
      .end();
  return accept(connection, endpoint.workspace_id, model::kEndpointFailing, endpoint.id,
                std::move(data), now);
}

Result<intake::Accepted> Alerts::dropped(store::Connection& connection,
                                         const model::Delivery& delivery,
                                         const model::Attempt& last, Timestamp now) const {
  const auto error =
      last.error.empty() ? std::optional<std::string>() : std::optional(told(last.error));
  std::string data;
  ObjectText(data)
      .add("delivery_id", delivery.id)
      .add("endpoint_id", delivery.endpoint_id)
      .add("event_id", delivery.event_id)
      .add("event_type", delivery.event_type)
      .add("attempts", delivery.attempts_made)
      .add_if("last_status", last.status_code)
      .add_if("last_error", error)
      .end();
  return accept(connection, delivery.workspace_id, model::kDeliveryDropped, delivery.endpoint_id,
                std::move(data), now);
}

}  // namespace waybill::delivery
