// Handlers that append to a Redis stream (R-PQ-43): XADD with the fields `id` (the message's) and
// `message` (the payload), many in one journey. A message is handled once Redis has answered with
// the entry's id; whether it then survives a crash of Redis is said by Redis' own `appendfsync`.

#pragma once

#include "delivery/channels/broker_channel.h"

namespace waybill::delivery {

// Fails as read_redis_settings().
Result<BrokerPlan> redis_plan(const json::object& settings);

}  // namespace waybill::delivery
