#include "dialect/catalogue.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "dialect/dialect.h"

namespace waybill::dialect {
namespace {

std::unexpected<Error> refuse(const Dialect& dialect, const EventType& event,
                              std::string_view problem, std::string path) {
  return fail(Code::kInvalid, "event_data_invalid",
              fmt::format("{} (dialect {}) is promised other data for its event {}: {}",
                          dialect.title, dialect.name, event.name, problem),
              std::move(path));
}

Result<void> check_rendered(const Dialect& dialect, const EventType& event,
                            const Message& message) {
  const Result<std::string> text = render_data(dialect, message);
  if (!text) {
    const std::string& path = text.error().path;
    return refuse(dialect, event, text.error().message, path.empty() ? "$" : path);
  }
  const auto data = parse_json(*text);
  if (!data) return refuse(dialect, event, data.error().message, "$");
  const auto fault = event.rules.check(*data);
  if (!fault) return {};
  const auto source = event.data.source_of(fault->at);
  return refuse(dialect, event,
                fmt::format("what it is sent {} at {}.", fault->problem, json_path("$", fault->at)),
                json_path("$", source.value_or(std::vector<JsonStep>())));
}

}  // namespace

Result<void> check_data(const Dialect& dialect, const Message& message) {
  const auto match = dialect.event_type_for(message.event_type);
  if (!match || match->listed == nullptr) return {};
  const EventType& event = *match->listed;
  if (!event.data.empty()) return check_rendered(dialect, event, message);

  WAYBILL_CHECK(message.data != nullptr, "an event has data");
  const auto fault = event.rules.check(*message.data);
  if (!fault) return {};
  const std::string path = json_path("$", fault->at);
  return refuse(dialect, event, fmt::format("this {}.", fault->problem), path);
}

}  // namespace waybill::dialect
