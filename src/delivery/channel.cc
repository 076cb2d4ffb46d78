#include "delivery/channel.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

namespace waybill::delivery {

void Channels::add(model::Channel kind, Channel& channel) {
  all_[static_cast<std::size_t>(kind)] = &channel;
}

Task<Tried> Channels::attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                              OutgoingEvent& event) {
  const model::Channel kind = target->endpoint.channel;
  Tried unmade;
  unmade.attempt.number = delivery.attempts_made + 1;
  unmade.attempt.outcome = model::Outcome::kUnsendable;
  try {
    if (Channel* channel = all_[static_cast<std::size_t>(kind)]) {
      co_return co_await channel->attempt(delivery, std::move(target), event);
    }
    unmade.attempt.error =
        fmt::format("This hub has no handlers of kind {}.", model::channel_name(kind));
  } catch (const std::exception& failure) {
    // The system has no more threads, say: no fault of the receiver, nor of the dispatcher.
    unmade.attempt.error = fmt::format("The hub could not make the attempt: {}.", failure.what());
  }
  co_return unmade;
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
