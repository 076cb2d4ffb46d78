// The settings of a handler that appends to a Redis stream:
//
//   {"url": "redis://:password@host:6379/0", "stream": "orders", "maxlen": 100000, "payload": …}

#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "delivery/channels/broker_settings.h"
#include "delivery/channels/handler_settings.h"

namespace waybill::delivery {

struct RedisSettings {
  BrokerUrl url;
  int database = 0;
  std::string stream;
  std::int64_t length_max = 0;  // About so many entries are kept. 0: all.
  Payload payload = Payload::kMessage;
};

// Fails with kInvalid (handler_settings_invalid) and the path of the fault. TLS (rediss://) is
// refused: Debian's client has none.
Result<RedisSettings> read_redis_settings(const json::object& settings);

}  // namespace waybill::delivery
