#include "model/trace_context.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::model {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t kVersionEnd = 2;
constexpr std::size_t kTraceEnd = 35;
constexpr std::size_t kParentEnd = 52;
constexpr std::size_t kLength = 55;

// In lower case only, as the standard demands.
bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

bool is_valid(std::string_view text) {
  if (text.size() < kLength) return false;
  for (const std::size_t at : {kVersionEnd, kTraceEnd, kParentEnd}) {
    if (text[at] != '-') return false;
  }
  const std::string_view version = text.substr(0, kVersionEnd);
  if (!is_hex(version) || version == "ff") return false;
  // A later version may say more, after another dash.
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return false;
  return is_id(text.substr(kVersionEnd + 1, 32)) && is_id(text.substr(kTraceEnd + 1, 16)) &&
         is_hex(text.substr(kParentEnd + 1, 2));
}

}  // namespace

TraceContext read_trace_context(std::string_view traceparent, std::string_view tracestate) {
  TraceContext trace;
  if (!is_valid(traceparent)) return trace;
  trace.parent = "00";
  trace.parent += traceparent.substr(kVersionEnd, kLength - kVersionEnd);
  const bool printable =
      std::ranges::all_of(tracestate, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
  if (printable && tracestate.size() <= TraceContext::kStateBytesMax) trace.state = tracestate;
  return trace;
}

std::string next_traceparent(const TraceContext& trace, std::uint64_t span) {
  WAYBILL_CHECK(trace.parent.size() == kLength && span != 0, "a trace that was read");
  const std::string_view parent = trace.parent;
  return fmt::format("{}{:016x}{}", parent.substr(0, kTraceEnd + 1), span,
                     parent.substr(kParentEnd));
}

}  // namespace waybill::model
