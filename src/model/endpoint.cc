#include "model/endpoint.h"

#include "model/names.h"

namespace waybill::model {
namespace {
constexpr Names<EndpointState, 4> kStates{{{EndpointState::kActive, "active"},
                                           {EndpointState::kPaused, "paused"},
                                           {EndpointState::kDeactivated, "deactivated"},
                                           {EndpointState::kDeleted, "deleted"}}};
constexpr Names<Channel, kChannels> kChannelNames{{{Channel::kWebhook, "webhook"},
                                                   {Channel::kHttp, "http"},
                                                   {Channel::kCommand, "command"},
                                                   {Channel::kFile, "file"},
                                                   {Channel::kRedis, "redis"},
                                                   {Channel::kAmqp, "amqp"},
                                                   {Channel::kKafka, "kafka"},
                                                   {Channel::kSql, "sql"},
                                                   {Channel::kPublish, "publish"},
                                                   {Channel::kFetch, "fetch"}}};
}  // namespace

std::string_view channel_name(Channel channel) { return kChannelNames.name(channel); }
std::optional<Channel> parse_channel(std::string_view name) { return kChannelNames.parse(name); }
std::string_view endpoint_state_name(EndpointState state) { return kStates.name(state); }
std::optional<EndpointState> parse_endpoint_state(std::string_view name) {
  return kStates.parse(name);
}

}  // namespace waybill::model
