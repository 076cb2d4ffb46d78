// An event on its way to one or many destinations: its data is read once, and its body rendered
// once for each dialect.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dialect/dialect.h"
#include "model/event.h"

namespace waybill::delivery {

class OutgoingEvent {
 public:
  explicit OutgoingEvent(std::shared_ptr<const model::Event> event) : event_(std::move(event)) {}

  const model::Event& event() const { return *event_; }
  // Valid until this object is gone.
  const json::value& data();
  // Fails as dialect::render_body().
  Result<std::shared_ptr<const std::string>> body(const dialect::Dialect& dialect,
                                                  const dialect::Message& message);

 private:
  std::shared_ptr<const model::Event> event_;
  json::monotonic_resource memory_;  // Of data_.
  std::optional<json::value> data_;
  std::vector<std::pair<const dialect::Dialect*, std::shared_ptr<const std::string>>> bodies_;
};

}  // namespace waybill::delivery
