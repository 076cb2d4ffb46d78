#include "app/handler_channels.h"

#include <utility>

namespace waybill::app {

HandlerChannels::HandlerChannels(Parts parts)
    : commands_(parts.context, parts.clock, parts.log,
                {.folder = parts.settings.handler_commands,
                 .at_once_max = parts.settings.handler_commands_max}),
      files_(parts.context, parts.clock,
             parts.settings.handler_files.empty() ? parts.data / "handled"
                                                  : parts.settings.handler_files),
      http_(parts.clock, std::move(parts.send)) {}

void HandlerChannels::add_to(delivery::Channels& channels) {
  using model::Channel;
  channels.add(Channel::kCommand, commands_);
  channels.add(Channel::kFile, files_);
  channels.add(Channel::kHttp, http_);
}

void HandlerChannels::begin_stop(std::chrono::milliseconds within) { commands_.begin_stop(within); }

}  // namespace waybill::app
