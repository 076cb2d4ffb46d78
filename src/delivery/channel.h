// A Channel makes one attempt at a delivery: it says what came of it, and what follows from that.
// There is one for each model::Channel; the dispatcher asks the one that the destination names.
//
// Used from the thread of the io_context only. What blocks runs on threads of the channel's own.

#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/task.h"
#include "delivery/endpoint_directory.h"
#include "delivery/outgoing_event.h"
#include "model/delivery.h"
#include "model/event.h"

namespace waybill::delivery {

// A new event that is to be there if the attempt has succeeded: it is accepted in the unit that
// records the attempt, once for each message.
struct FollowUp {
  model::Event event;
  model::MessageId of;  // The message that it was made of.
};

struct Tried {
  model::Attempt attempt;  // Without `node`.
  std::optional<FollowUp> follow_up;
};

class Channel {
 public:
  virtual ~Channel() = default;

  // Makes attempt number `delivery.attempts_made` + 1, within `target->timeout`. Never fails: a
  // failure is an outcome. Both references outlive the task.
  virtual Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                              OutgoingEvent& event) = 0;

  // The destination was changed, paused or deleted: connections to it are closed once they are not
  // used any more.
  virtual void forget(const model::EndpointId&) {}

  // Ends what it holds: no attempt is under way, and none begins any more.
  virtual void stop() {}
};

// All channels of a hub. They outlive it.
class Channels {
 public:
  explicit Channels(Channel& webhooks) { add(model::Channel::kWebhook, webhooks); }
  void add(model::Channel kind, Channel& channel);

  // Through the channel that the target names. Without one it is kUnsendable.
  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event);
  void forget(const model::EndpointId& endpoint);
  void stop();

 private:
  std::array<Channel*, model::kChannels> all_{};
};

}  // namespace waybill::delivery
