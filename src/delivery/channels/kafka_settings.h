// The settings of a handler that produces to Kafka:
//
//   {"brokers": "host:9092,host:9092", "topic": "orders", "key": "{body.id}", "payload": …}

#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "delivery/channels/handler_settings.h"
#include "dialect/template.h"

namespace waybill::delivery {

struct KafkaSettings {
  std::string brokers;
  std::string topic;
  dialect::Template key;  // Of what was received (dialect/receipt.h). Empty: no key.
  Payload payload = Payload::kMessage;
};

// Fails with kInvalid (handler_settings_invalid) and the path of the fault.
Result<KafkaSettings> read_kafka_settings(const json::object& settings);

}  // namespace waybill::delivery
