// The BrokerChannel makes the attempts of the handlers that write to one kind of broker: what the
// message says and the settings ask becomes a BrokerMessage, and a BrokerWorker publishes it.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "delivery/channel.h"
#include "delivery/channels/broker_worker.h"
#include "delivery/channels/handler_settings.h"
#include "dialect/template.h"

namespace waybill::delivery {

// What a handler's settings mean for one message.
struct BrokerPlan {
  Payload payload = Payload::kMessage;
  dialect::Template key;  // dialect::parse_message_template(). Empty: none.
  BrokerWorkers::Make make;
  std::vector<Secret> hidden;  // What no error may repeat.
};

// BrokerPlan::make of a class that is made of its settings.
template <class Made, class Settings>
BrokerWorkers::Make maker(Settings settings) {
  return [kept = std::move(settings)]() -> std::unique_ptr<Broker> {
    return std::make_unique<Made>(kept);
  };
}

class BrokerChannel final : public Channel {
 public:
  // redis_plan() and its like. Fails as check_channel_settings().
  using ReadPlan = Result<BrokerPlan> (*)(const json::object& settings);

  // The workers may serve several channels, and outlive them.
  BrokerChannel(const Clock& clock, BrokerWorkers& workers, ReadPlan read_plan)
      : clock_(clock), workers_(workers), read_plan_(read_plan) {}

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;
  void forget(const model::EndpointId& endpoint) override { workers_.forget(endpoint); }
  void stop() override { workers_.stop(); }

 private:
  Result<BrokerMessage> make_message(const model::Delivery& delivery, OutgoingEvent& event,
                                     const BrokerPlan& plan) const;

  const Clock& clock_;
  BrokerWorkers& workers_;
  const ReadPlan read_plan_;
};

}  // namespace waybill::delivery
