#include "delivery/channels/broker_channel.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "delivery/handled_message.h"
#include "dialect/receipt.h"
#include "model/ids.h"

namespace waybill::delivery {
namespace {

Result<BrokerPlan> plan_of(const Target& target, BrokerChannel::ReadPlan read_plan) {
  const auto settings = settings_of(target);
  if (!settings) return fail(settings.error());
  return read_plan(*settings);
}

// A server may repeat what it was given.
std::string without(std::string text, const std::vector<Secret>& hidden) {
  static constexpr std::string_view kHidden = "…";
  for (const Secret& secret : hidden) {
    if (secret.empty()) continue;
    const std::string& word = secret.reveal();
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
      text.replace(at, word.size(), kHidden);
      at += kHidden.size();
    }
  }
  return text;
}

}  // namespace

Result<BrokerMessage> BrokerChannel::make_message(const model::Delivery& delivery,
                                                  OutgoingEvent& event,
                                                  const BrokerPlan& plan) const {
  auto content = content_of(event);
  if (!content) return fail(content.error());
  BrokerMessage message;
  message.id = content->id.text();
  message.delivery_id = delivery.id.text();
  message.attempt = delivery.attempts_made + 1;
  message.payload = payload_of(plan.payload, *content, delivery, message.attempt);
  message.content_type =
      plan.payload == Payload::kBody ? content->content_type : "application/json";
  if (!plan.key.empty()) {
    const dialect::ReceivedRequest request{content->headers, content->body};
    auto key = dialect::render_message_template(plan.key, request);
    if (!key) return fail(key.error());
    message.key = *std::move(key);
  }
  message.content = *std::move(content);
  return message;
}

Task<Tried> BrokerChannel::attempt(const model::Delivery& delivery,
                                   std::shared_ptr<const Target> target, OutgoingEvent& event) {
  Tried tried;
  tried.attempt.number = delivery.attempts_made + 1;
  tried.attempt.started_at = clock_.now();
  const Stopwatch stopwatch;
  auto plan = plan_of(*target, read_plan_);
  Result<BrokerMessage> message = fail(Code::kInternal, "");
  message = plan ? make_message(delivery, event, *plan) : fail(plan.error());
  BrokerOutcome outcome;
  if (message) {
    // What the connection is made of: another time limit makes another one, too.
    std::string identity =
        fmt::format("{} {}", target->timeout.count(), target->channel_settings.reveal());
    outcome = co_await workers_.publish(target->endpoint.id, std::move(identity), plan->make,
                                        *std::move(message), target->timeout);
  } else {
    outcome = {model::Outcome::kUnsendable, message.error().message, {}};
  }
  if (plan) {
    outcome.error = without(std::move(outcome.error), plan->hidden);
    outcome.answer = without(std::move(outcome.answer), plan->hidden);
  }
  tried.attempt.outcome = outcome.outcome;
  tried.attempt.error = std::move(outcome.error);
  tried.attempt.response_body = outcome.answer.substr(0, model::Attempt::kBodyBytesMax);
  if (outcome.outcome == model::Outcome::kLater) {
    // There was no room, or no time: the broker has not been asked.
    tried.attempt.unmade = true;
    tried.attempt.retry_after = std::chrono::seconds(1);
  }
  tried.attempt.latency = stopwatch.elapsed();
  co_return tried;
}

}  // namespace waybill::delivery
