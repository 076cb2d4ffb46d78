#include "delivery/outgoing_event.h"

#include <algorithm>

#include "base/check.h"

namespace waybill::delivery {

const json::value& OutgoingEvent::data() {
  if (!data_) {
    auto read = parse_json(event_->data, &memory_);
    WAYBILL_CHECK(read.has_value(), "an event's data is the JSON we wrote");
    data_ = *std::move(read);
  }
  return *data_;
}

Result<std::shared_ptr<const std::string>> OutgoingEvent::body(const dialect::Dialect& dialect,
                                                               const dialect::Message& message) {
  const auto found = std::find_if(bodies_.begin(), bodies_.end(),
                                  [&](const auto& entry) { return entry.first == &dialect; });
  if (found != bodies_.end()) return found->second;
  auto rendered = dialect::render_body(dialect, message);
  if (!rendered) return fail(rendered.error());
  return bodies_.emplace_back(&dialect, std::make_shared<const std::string>(*std::move(rendered)))
      .second;
}

}  // namespace waybill::delivery
