#include "app/handler_channels.h"

#include <utility>

namespace waybill::app {

HandlerChannels::HandlerChannels(Parts parts) : http_(parts.clock, std::move(parts.send)) {}

void HandlerChannels::add_to(delivery::Channels& channels) {
  using model::Channel;
  channels.add(Channel::kHttp, http_);
}

}  // namespace waybill::app
