// The PublishChannel makes an event of the workspace out of a message: a bridge. What one platform
// has said is then told to every endpoint that subscribes to it, each in its own dialect: a
// ProcureIQ webhook leaves as a PROIGN one.
//
// The event is read by the source's dialect (dialect::read_event()) and accepted in the transaction
// that records the attempt, once for each message however often it is made again. A message that
// means no event here has nothing to publish, which the attempt says (R-PQ-41). What the dialect
// cannot read today it will not read tomorrow: such a message is dropped at once, and its dead
// letter says why.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>

#include "base/clock.h"
#include "base/ids.h"
#include "delivery/channel.h"
#include "dialect/loader.h"
#include "model/message.h"

namespace waybill::delivery {

class PublishChannel final : public Channel {
 public:
  // Everything given outlives it.
  PublishChannel(const Clock& clock, IdGenerator& ids, const dialect::DialectRegistry& dialects)
      : clock_(clock), ids_(ids), dialects_(dialects) {}

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;

 private:
  const Clock& clock_;
  IdGenerator& ids_;
  const dialect::DialectRegistry& dialects_;
};

// The canonical event that `content`, received as `received`, tells of; without an id. Pure.
// Fails with kNotFound (event_unknown_to_dialect, dialect_unknown), kInvalid (message_unfit).
Result<model::Event> bridged_event(const dialect::DialectRegistry& dialects,
                                   const model::Event& received,
                                   const model::MessageContent& content);

}  // namespace waybill::delivery
