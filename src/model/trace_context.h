// The trace that a request belongs to, as W3C Trace Context writes it in headers
// (https://www.w3.org/TR/trace-context/, Level 1): taken in with an event, and passed on with each
// attempt of its deliveries.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waybill::model {

struct TraceContext {
  static constexpr std::size_t kStateBytesMax = 512;

  std::string parent;  // "00-<32 hex digits>-<16>-<2>". Empty: there is no trace.
  std::string state;   // What vendors keep there; passed on as it is. May be empty.

  bool empty() const { return parent.empty(); }

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// Reads the two headers. A traceparent that is not valid counts as none, and then so does the
// state; of a later version the parts that version 00 knows are read. A state that is too long, or
// that is not printable ASCII, is left out.
TraceContext read_trace_context(std::string_view traceparent, std::string_view tracestate);

// The traceparent of a request within the same trace, whose own span is `span`. Requires: `trace`
// is not empty and `span` is not 0.
std::string next_traceparent(const TraceContext& trace, std::uint64_t span);

}  // namespace waybill::model
