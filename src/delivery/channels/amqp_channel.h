// Handlers that publish to RabbitMQ (AMQP 0-9-1): persistent messages, with publisher confirms. A
// message is handled once RabbitMQ has confirmed it, which for a durable queue is after it was
// written, and for a quorum queue after most of its nodes have. What no queue is bound for is
// returned, and counts as a failure. Exchanges and queues are the operator's to make.

#pragma once

#include "delivery/channels/broker_channel.h"

namespace waybill::delivery {

// Fails as read_amqp_settings().
Result<BrokerPlan> amqp_plan(const json::object& settings);

}  // namespace waybill::delivery
