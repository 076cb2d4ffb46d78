#include "surfaces/request_trace.h"

#include <string>
#include <string_view>

namespace waybill::surfaces {

model::TraceContext trace_of(const net::Request& request) {
  std::string_view parent;
  std::string state;
  int parents = 0;
  for (const net::Header& header : request.headers) {
    if (net::same_header_name(header.name, "traceparent")) {
      parent = header.value;
      ++parents;
    } else if (net::same_header_name(header.name, "tracestate")) {
      // A list may be cut into several fields, which keep their order (RFC 9110 §5.2).
      if (!state.empty()) state += ',';
      state += header.value;
    }
  }
  if (parents != 1) return {};
  return model::read_trace_context(parent, state);
}

}  // namespace waybill::surfaces
