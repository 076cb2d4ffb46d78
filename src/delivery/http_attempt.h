// What attempts over HTTP have in common, whichever channel makes them: one request, and what its
// answer means.
//
// Used from the thread of the io_context only.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "delivery/channel.h"
#include "dialect/dialect.h"
#include "model/delivery.h"
#include "model/trace_context.h"
#include "net/http_client.h"

namespace waybill::delivery {

// How a request leaves: net::HttpClient::send(), or a test's stand-in.
using Send = std::function<Task<Result<net::ClientResponse>>(net::ClientRequest)>;
using Judge =
    std::function<model::Attempt(const Result<net::ClientResponse>& answer, Timestamp wall_now)>;

// Sends `request`, and has what comes of it judged. One that could not be made is kUnsendable, for
// the reason it tells. `clock` and `send` outlive the task.
Task<Tried> try_over_http(const Clock& clock, const Send& send, int number,
                          Result<net::ClientRequest> request, Judge judge);

// Passes the trace on, as a step of its own for this attempt; nothing where there is none, or where
// `headers` has one. After the signature, so that no dialect signs it.
void add_trace(const model::TraceContext& trace, const model::DeliveryId& delivery, int number,
               std::vector<net::Header>& headers);

// What an answer means. Pure.
model::Attempt judge(const Result<net::ClientResponse>& answer, const dialect::DeliveryRules& rules,
                     Timestamp wall_now);

// The wait a Retry-After header asks for: seconds, or an HTTP date (RFC 9110 §10.2.3).
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, Timestamp now);

}  // namespace waybill::delivery
