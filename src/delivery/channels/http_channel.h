// The HttpChannel forwards a message: the exact bytes that were received, with the headers that
// they came with, so that whoever gets them can verify the platform's own signature; signed again
// in the handler's dialect, if it has one.
//
// Of headers of one name, what stands later in this list replaces what stands before it:
//
//   the message's own          but for those that belong to one connection, and whatever begins
//                              with Waybill-, which is the hub's to say; with "payload":
//                              "message" but for what says something of the body, too
//   the handler's own
//   Waybill-Message-Id         "msg_…"
//   Waybill-Delivery-Id        "dlv_…"
//   Waybill-Source             the source's name
//   Waybill-Event-Type         the platform's name of the event, if it tells one
//   Waybill-Attempt            from 1
//   Waybill-Replay             "true", of replays alone
//   the dialect's              dialect/foreign_headers.h, and the signature over these bytes
//   traceparent, tracestate    as webhooks have them
//
// 2xx is success; 410 and 422 say never, and 429 and 503 with a Retry-After say later
// (model::Outcome).
//
// Used from the thread of the io_context only.

#pragma once

#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "delivery/channel.h"
#include "delivery/channels/handler_settings.h"
#include "delivery/http_attempt.h"
#include "net/http_client.h"

namespace waybill::delivery {

// Of a kHttp handler: {"payload": "body"}; with "message" the JSON object of handled_message.h is
// sent instead, which holds what was fetched too.
struct HttpSettings {
  Payload payload = Payload::kBody;

  // Fails as SettingsReader::end().
  static Result<HttpSettings> read(const json::object& settings);
};

// What attempt number `number` sends. Fails as settings_of(), HttpSettings::read(), content_of()
// and dialect::sign().
Result<net::ClientRequest> make_forward(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock);

// What an answer means. Pure.
model::Attempt judge_forward(const Result<net::ClientResponse>& answer, Timestamp wall_now);

class HttpChannel final : public Channel {
 public:
  HttpChannel(const Clock& clock, Send send) : clock_(clock), send_(std::move(send)) {}

  Task<Tried> attempt(const model::Delivery& delivery, std::shared_ptr<const Target> target,
                      OutgoingEvent& event) override;

 private:
  const Clock& clock_;
  const Send send_;
};

}  // namespace waybill::delivery
