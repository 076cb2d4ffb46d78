// Handlers that produce to Kafka: an idempotent producer with acks=all. A message is handled once
// the delivery report says that all replicas in sync have it. The headers `waybill-message-id`,
// `waybill-delivery-id` and `waybill-type` are beside it; messages of one key stay in one
// partition.

#pragma once

#include "delivery/channels/broker_channel.h"

namespace waybill::delivery {

// Fails as read_kafka_settings().
Result<BrokerPlan> kafka_plan(const json::object& settings);

}  // namespace waybill::delivery
