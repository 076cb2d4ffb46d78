#include "app/handler_channels.h"

#include <utility>

#include "delivery/channels/amqp_channel.h"
#include "delivery/channels/kafka_channel.h"
#include "delivery/channels/redis_channel.h"
#include "delivery/channels/sql_channel.h"

namespace waybill::app {

HandlerChannels::HandlerChannels(Parts parts)
    : broker_workers_(parts.context),
      amqp_(parts.clock, broker_workers_, delivery::amqp_plan),
      commands_(parts.context, parts.clock, parts.log,
                {.folder = parts.settings.handler_commands,
                 .at_once_max = parts.settings.handler_commands_max}),
      fetches_(parts.clock, parts.ids, parts.dialects, parts.send),
      files_(parts.context, parts.clock,
             parts.settings.handler_files.empty() ? parts.data / "handled"
                                                  : parts.settings.handler_files),
      http_(parts.clock, std::move(parts.send)),
      kafka_(parts.clock, broker_workers_, delivery::kafka_plan),
      publishes_(parts.clock, parts.ids, parts.dialects),
      redis_(parts.clock, broker_workers_, delivery::redis_plan),
      sql_(parts.clock, broker_workers_, delivery::sql_plan) {}

void HandlerChannels::add_to(delivery::Channels& channels) {
  using model::Channel;
  channels.add(Channel::kAmqp, amqp_);
  channels.add(Channel::kCommand, commands_);
  channels.add(Channel::kFetch, fetches_);
  channels.add(Channel::kFile, files_);
  channels.add(Channel::kHttp, http_);
  channels.add(Channel::kKafka, kafka_);
  channels.add(Channel::kPublish, publishes_);
  channels.add(Channel::kRedis, redis_);
  channels.add(Channel::kSql, sql_);
}

void HandlerChannels::begin_stop(std::chrono::milliseconds within) { commands_.begin_stop(within); }

}  // namespace waybill::app
