#include "model/event.h"

#include <fmt/format.h>

#include "model/source_alerts.h"

namespace waybill::model {

Result<void> check_event_type(std::string_view type) {
  bool good = !type.empty() && type.size() <= 128;
  char last = '.';
  for (const char c : type) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
    good = good && (word || (c == '.' && last != '.'));
    last = c;
  }
  if (good && last != '.') return {};
  return fail(Code::kInvalid, "event_type_invalid",
              fmt::format("\"{}\" is no event type: 1 to 128 letters, digits, _ and -, in groups "
                          "joined by single dots, as in order.created.",
                          type));
}

bool is_alert(std::string_view type) {
  return type == kEndpointDeactivated || type == kEndpointFailing || type == kDeliveryDropped ||
         type == kSourceSignatureFailures || type == kSourceQuiet || type == kSourceHeard ||
         type == kHandlerLagging;
}

}  // namespace waybill::model
