// The trace that a request belongs to.

#pragma once

#include "model/trace_context.h"
#include "net/http.h"

namespace waybill::surfaces {

// Of its traceparent and tracestate. Two traceparents are none: nobody can tell which is right.
model::TraceContext trace_of(const net::Request& request);

}  // namespace waybill::surfaces
