#include "delivery/channel_settings.h"

#include <fmt/format.h>

#include "delivery/channels/amqp_settings.h"
#include "delivery/channels/broker_settings.h"
#include "delivery/channels/command_channel.h"
#include "delivery/channels/fetch_settings.h"
#include "delivery/channels/file_channel.h"
#include "delivery/channels/http_channel.h"
#include "delivery/channels/kafka_settings.h"
#include "delivery/channels/redis_settings.h"
#include "delivery/channels/sql_settings.h"

namespace waybill::delivery {
namespace {

auto unknown(model::Channel channel) {
  return fail(Code::kInvalid, "channel_unknown",
              fmt::format("This hub has no handlers of kind {}.", model::channel_name(channel)));
}

template <class Settings>
Result<void> checked(const Result<Settings>& read) {
  if (!read) return fail(read.error());
  return {};
}

Result<void> check_publish_settings(const json::object& settings) {
  if (settings.empty()) return {};
  return fail(Code::kInvalid, "handler_settings_invalid",
              "A handler that publishes has no settings.",
              fmt::format("$.{}", std::string_view(settings.begin()->key())));
}

}  // namespace

Result<void> check_channel_settings(model::Channel channel, const json::object& settings) {
  switch (channel) {
    case model::Channel::kWebhook: return unknown(channel);
    case model::Channel::kHttp: return checked(HttpSettings::read(settings));
    case model::Channel::kCommand: return checked(CommandSettings::read(settings));
    case model::Channel::kFile: return checked(FileSettings::read(settings));
    case model::Channel::kRedis: return checked(read_redis_settings(settings));
    case model::Channel::kAmqp: return checked(read_amqp_settings(settings));
    case model::Channel::kKafka: return checked(read_kafka_settings(settings));
    case model::Channel::kSql: return checked(read_sql_settings(settings));
    case model::Channel::kPublish: return check_publish_settings(settings);
    case model::Channel::kFetch: return check_fetch_settings(settings);
  }
  return unknown(channel);
}

std::string shown_channel_settings(model::Channel channel, const json::object& settings) {
  json::object shown = settings;
  switch (channel) {
    case model::Channel::kFetch: return shown_fetch_settings(settings);
    case model::Channel::kRedis:
    case model::Channel::kAmqp:
    case model::Channel::kSql:
      if (json::value* url = shown.if_contains("url"); url && url->is_string()) {
        *url = hide_password(url->get_string());
      }
      break;
    default: break;
  }
  return write_json(shown);
}

bool is_operators(model::Channel channel) {
  switch (channel) {
    case model::Channel::kWebhook:
    case model::Channel::kHttp:
    case model::Channel::kPublish:
    case model::Channel::kFetch: return false;
    case model::Channel::kCommand:
    case model::Channel::kFile:
    case model::Channel::kRedis:
    case model::Channel::kAmqp:
    case model::Channel::kKafka:
    case model::Channel::kSql: return true;
  }
  return true;
}

}  // namespace waybill::delivery
