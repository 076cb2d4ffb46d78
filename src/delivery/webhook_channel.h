// The WebhookChannel makes one attempt: renders, signs, sends, and says how it ended.
//
// Used from the thread of the io_context only.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/task.h"
#include "delivery/endpoint_directory.h"
#include "dialect/dialect.h"
#include "model/delivery.h"
#include "model/event.h"
#include "net/http_client.h"

namespace waybill::delivery {

// An event on its way to one or many endpoints: its data is read once, and its body rendered once
// for each dialect.
class OutgoingEvent {
 public:
  explicit OutgoingEvent(std::shared_ptr<const model::Event> event) : event_(std::move(event)) {}

  const model::Event& event() const { return *event_; }
  // Valid until this object is gone.
  const json::value& data();
  // Fails as dialect::render_body().
  Result<std::shared_ptr<const std::string>> body(const dialect::Dialect& dialect,
                                                  const dialect::Message& message);

 private:
  std::shared_ptr<const model::Event> event_;
  json::monotonic_resource memory_;  // Of data_.
  std::optional<json::value> data_;
  std::vector<std::pair<const dialect::Dialect*, std::shared_ptr<const std::string>>> bodies_;
};

// What attempt number `number` at `delivery` sends, signed with the secrets that are valid now.
// Fails as dialect::request_headers(), OutgoingEvent::body() and dialect::sign().
Result<net::ClientRequest> make_request(const model::Delivery& delivery, const Target& target,
                                        OutgoingEvent& event, int number, const Clock& clock);

class WebhookChannel {
 public:
  // How a request leaves: net::HttpClient::send(), or a test's stand-in.
  using Send = std::function<Task<Result<net::ClientResponse>>(net::ClientRequest)>;

  WebhookChannel(const Clock& clock, Send send) : clock_(clock), send_(std::move(send)) {}

  // Makes attempt number `delivery.attempts_made` + 1. Never fails: a failure is an outcome.
  Task<model::Attempt> attempt(const model::Delivery& delivery, const Target& target,
                               OutgoingEvent& event) const;

 private:
  const Clock& clock_;
  const Send send_;
};

// What an answer means. Pure.
model::Attempt judge(const Result<net::ClientResponse>& answer, const dialect::DeliveryRules& rules,
                     Timestamp wall_now);

// The wait a Retry-After header asks for: seconds, or an HTTP date (RFC 9110 §10.2.3).
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, Timestamp now);

}  // namespace waybill::delivery
