// A Broker is a server that handlers write to: one connection, made when it is first needed, and
// made again after it was lost. There is one class for each kind (redis_channel.h …).
//
// Used by one thread, which is a BrokerWorker's; cut() by any.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "delivery/channels/broker_line.h"
#include "model/delivery.h"
#include "model/message.h"

namespace waybill::delivery {

// One message on its way to a broker: what of it is written is the broker's to choose.
struct BrokerMessage {
  std::string id;           // "msg_…", the same for every attempt and every handler.
  std::string delivery_id;  // "dlv_…", the same for every attempt.
  int attempt = 0;
  std::string payload;  // As the setting `payload` says.
  std::string content_type;
  std::string key;  // Of Kafka. Empty: none.
  model::MessageContent content;
};

struct BrokerOutcome {
  model::Outcome outcome = model::Outcome::kConnectionError;
  std::string error;   // A sentence, unless it succeeded.
  std::string answer;  // What the server said of it, if anything.
};

class Broker {
 public:
  virtual ~Broker() = default;

  // Writes all of `batch`, one outcome for each, in their order. kSucceeded: the server has said
  // that it has the message. Whatever else: it may have it all the same.
  virtual std::vector<BrokerOutcome> publish(std::span<const BrokerMessage> batch,
                                             Deadline deadline) = 0;
  // Called every few seconds while nothing is to be written: keeps the connection alive.
  virtual void idle() {}

  // Ends what publish() waits for. Any thread.
  void cut() { line_.cut(); }
  // The next publish() may connect again.
  void mend() { line_.mend(); }

 protected:
  BrokerLine line_;
};

// kTimeout: kTimeout. kUnavailable: kConnectionError. Any other: the server was asked, and refused.
BrokerOutcome outcome_of(const Error& error);

// All that has not been answered comes to the same. Requires: as many flags as outcomes.
void fail_unanswered(std::vector<BrokerOutcome>& outcomes, const std::vector<bool>& answered,
                     const Error& error);

}  // namespace waybill::delivery
