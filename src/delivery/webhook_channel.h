// The WebhookChannel makes one attempt: renders, signs, sends, and says how it ended.
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/task.h"
#include "delivery/channel.h"
#include "delivery/endpoint_directory.h"
#include "delivery/http_attempt.h"
#include "dialect/dialect.h"
#include "model/delivery.h"
#include "model/event.h"
#include "net/http_client.h"

namespace waybill::delivery {

// What attempt number `number` at `delivery` sends, signed with the secrets that are valid now.
// Fails as dialect::request_headers(), OutgoingEvent::body() and dialect::sign().
Result<net::ClientRequest> make_request(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock);

class WebhookChannel final : public Channel {
 public:
  WebhookChannel(const Clock& clock, Send send) : clock_(clock), send_(std::move(send)) {}

  // Makes attempt number `delivery.attempts_made` + 1. Never fails: a failure is an outcome.
  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;

 private:
  const Clock& clock_;
  const Send send_;
};

}  // namespace waybill::delivery
