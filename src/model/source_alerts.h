// Alerts about Sources and their Handlers (model/event.h: is_alert). What one is about is its
// subject: the source, or for kHandlerLagging the handler.

#pragma once

#include <string_view>

namespace waybill::model {

inline constexpr std::string_view kSourceSignatureFailures = "source.signature_failures";
inline constexpr std::string_view kSourceQuiet = "source.quiet";
inline constexpr std::string_view kSourceHeard = "source.heard";
inline constexpr std::string_view kHandlerLagging = "handler.lagging";

}  // namespace waybill::model
