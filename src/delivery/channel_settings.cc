#include "delivery/channel_settings.h"

#include <fmt/format.h>

#include "delivery/channels/command_channel.h"
#include "delivery/channels/file_channel.h"
#include "delivery/channels/http_channel.h"

#include "delivery/channels/fetch_settings.h"

namespace waybill::delivery {
namespace {

auto unknown(model::Channel channel) {
  return fail(Code::kInvalid, "channel_unknown",
              fmt::format("This hub has no handlers of kind {}.", model::channel_name(channel)));
}

// Whether `Settings` can be read of them.
template <class Settings>
Result<void> check(const json::object& settings) {
  const auto read = Settings::read(settings);
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
    case model::Channel::kHttp: return check<HttpSettings>(settings);
    case model::Channel::kCommand: return check<CommandSettings>(settings);
    case model::Channel::kFile: return check<FileSettings>(settings);
    case model::Channel::kRedis: return unknown(channel);
    case model::Channel::kAmqp: return unknown(channel);
    case model::Channel::kKafka: return unknown(channel);
    case model::Channel::kSql: return unknown(channel);
    case model::Channel::kPublish: return check_publish_settings(settings);
    case model::Channel::kFetch: return check_fetch_settings(settings);
  }
  return unknown(channel);
}

std::string shown_channel_settings(model::Channel channel, const json::object& settings) {
  if (channel == model::Channel::kFetch) return shown_fetch_settings(settings);
  return write_json(settings);
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
