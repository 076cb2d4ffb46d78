#include "delivery/webhook_channel.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dialect/event_message.h"

namespace waybill::delivery {
namespace {

dialect::Message message_of(const model::Event& event, std::string_view id, const Target& target) {
  dialect::Message message = dialect::message_about(event, id);
  message.workspace_slug = target.workspace_slug;
  message.environment = target.environment;
  return message;
}

}  // namespace

Result<net::ClientRequest> make_request(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock) {
  const std::string event_id = event.event().id.uuid().text();
  const std::string delivery_id = delivery.id.uuid().text();
  dialect::Message message = message_of(event.event(), event_id, target);
  message.data = &event.data();
  const dialect::AttemptView attempt{delivery_id, number, clock.wall_now()};

  net::ClientRequest request;
  auto headers = dialect::request_headers(*target.dialect, message, attempt);
  if (!headers) return fail(headers.error());
  request.headers = *std::move(headers);
  for (const CustomHeader& header : target.headers) {
    request.headers.push_back({header.name, header.value.reveal()});
  }
  auto body = event.body(*target.dialect, message);
  if (!body) return fail(body.error());
  request.body = **body;
  const std::vector<Secret> secrets = target.secrets_at(clock.now());
  auto signature =
      dialect::sign(*target.dialect, request.headers, request.body, attempt.sent_at, secrets);
  if (!signature) return fail(signature.error());
  std::move(signature->begin(), signature->end(), std::back_inserter(request.headers));

  add_trace(event.event().trace, delivery.id, number, request.headers);

  request.url = target.url;
  request.deadlines = net::Deadlines::within(target.timeout);
  return request;
}

Task<Tried> WebhookChannel::attempt(const model::Delivery& delivery,
                                    std::shared_ptr<const Target> target, OutgoingEvent& event) {
  const int number = delivery.attempts_made + 1;
  // A template that does not fit, a secret that cannot sign: never the receiver's fault.
  auto request = make_request(delivery, *target, event, number, clock_);
  return try_over_http(clock_, send_, number, std::move(request),
                       [target = std::move(target)](const auto& answer, Timestamp wall_now) {
                         return judge(answer, target->dialect->delivery, wall_now);
                       });
}

}  // namespace waybill::delivery
