// The FetchChannel gets the document that a thin message names, with the token of its source, and
// hands both on: a second event of the message, message.fetched, which its source's other handlers
// are given (R-PR-16). What names nothing to fetch is handed on as it is.
//
// It stays within what the platform allows (delivery/channels/fetch_pace.h), and does not ask the
// same twice within the time that the platform names (delivery/channels/fetch_memory.h): what has
// to wait for that is put off, which uses up no try. A 404 is tried again on schedule, since a
// message may come before its document can be read; so is a 429, or when it says.
//
// Used from the thread of the io_context only.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "delivery/channel.h"
#include "delivery/channels/fetch_memory.h"
#include "delivery/channels/fetch_pace.h"
#include "delivery/http_attempt.h"
#include "dialect/loader.h"
#include "model/message.h"
#include "net/http_client.h"

namespace waybill::delivery {

class FetchChannel final : public Channel {
 public:
  static constexpr std::size_t kDocumentBytesMax = 1024 * 1024;
  // How long a request waits here for its turn, before it is put off. Hub time.
  static constexpr std::chrono::seconds kWaitMax{2};

  // Everything given outlives it.
  FetchChannel(Clock& clock, IdGenerator& ids, const dialect::DialectRegistry& dialects, Send send)
      : clock_(clock), ids_(ids), dialects_(dialects), send_(std::move(send)) {}

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;

 private:
  struct Plan;

  Result<Plan> plan(const model::MessageContent& content, const Target& target) const;
  Task<model::Attempt> fetch(Plan plan, model::DeliveryId who, model::MessageContent& content);
  // Nothing: `put_off` says for how long.
  Task<FetchMemory::Answer> ask(Plan plan, model::DeliveryId who, Timestamp received_at,
                                std::chrono::milliseconds& put_off);
  FetchPace& pace_of(const dialect::Dialect& dialect);

  Clock& clock_;
  IdGenerator& ids_;
  const dialect::DialectRegistry& dialects_;
  const Send send_;
  FetchMemory memory_;
  std::map<const dialect::Dialect*, FetchPace> paces_;
};

// What the answer to a fetch means. Its body is the document if it succeeded. Pure.
model::Attempt judge_document(const Result<net::ClientResponse>& answer, Timestamp wall_now);

}  // namespace waybill::delivery
