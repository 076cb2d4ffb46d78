// The settings of a handler that publishes to RabbitMQ:
//
//   {"url": "amqp://user:password@host:5672/vhost", "exchange": "orders", "routing_key": "new",
//    "payload": …}
//
// "exchange": "" is the default exchange: the routing key is then the name of a queue.

#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "delivery/channels/broker_settings.h"
#include "delivery/channels/handler_settings.h"

namespace waybill::delivery {

struct AmqpSettings {
  BrokerUrl url;      // amqps:// is TLS, verified with the system's certificates.
  std::string vhost;  // "/" unless the URL has a path.
  std::string exchange;
  std::string routing_key;
  Payload payload = Payload::kMessage;
};

// Fails with kInvalid (handler_settings_invalid) and the path of the fault.
Result<AmqpSettings> read_amqp_settings(const json::object& settings);

}  // namespace waybill::delivery
