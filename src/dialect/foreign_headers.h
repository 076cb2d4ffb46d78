// The headers of a dialect for a body that another platform wrote: what a source has received is
// passed on as it is, and only signed anew.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dialect/dialect.h"
#include "net/header.h"

namespace waybill::dialect {

// All headers of the dialect but the signature's and Content-Type, which is the message's own. As
// request_headers() makes them, with `message.event_type` the other platform's name of the event.
// What a header says of data that the message does not have is left out, and so is what could not
// stand in a header. Of a dialect that is received only, whose headers are not known, they are
// those that its signature is over: when it was sent, and the event's id.
std::vector<net::Header> foreign_headers(const Dialect& dialect, const Message& message,
                                         const AttemptView& attempt);

// A time as signatures write it.
std::string signed_time(SignatureRules::TimeFormat format, Timestamp time);

// `text` as it can stand in a header: itself if it is printable ASCII, or else its bytes
// percent-encoded (RFC 3986), "%" too.
std::string header_text(std::string_view text);

}  // namespace waybill::dialect
