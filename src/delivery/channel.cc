#include "delivery/channel.h"

#include <utility>

#include <fmt/format.h>

namespace waybill::delivery {

void Channels::add(model::Channel kind, Channel& channel) {
  all_[static_cast<std::size_t>(kind)] = &channel;
}

Task<Tried> Channels::attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                              OutgoingEvent& event) {
  const model::Channel kind = target->endpoint.channel;
  if (Channel* channel = all_[static_cast<std::size_t>(kind)]) {
    return channel->attempt(delivery, std::move(target), event);
  }
  return [](int number, model::Channel missing) -> Task<Tried> {
    Tried tried;
    tried.attempt.number = number;
    tried.attempt.outcome = model::Outcome::kUnsendable;
    tried.attempt.error =
        fmt::format("This hub has no handlers of kind {}.", model::channel_name(missing));
    co_return tried;
  }(delivery.attempts_made + 1, kind);
}

void Channels::forget(const model::EndpointId& endpoint) {
  for (Channel* channel : all_) {
    if (channel) channel->forget(endpoint);
  }
}

void Channels::stop() {
  for (Channel* channel : all_) {
    if (channel) channel->stop();
  }
}

}  // namespace waybill::delivery
