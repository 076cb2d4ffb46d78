// The reverse of render_body(): receipt.h.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dialect/dialect.h"
#include "dialect/receipt.h"
#include "dialect/vocabulary.h"
#include "model/event.h"
#include "model/message.h"

namespace waybill::dialect {
namespace {

// Elements of an array that a template names, at most.
constexpr std::size_t kElementsMax = 1000;

auto unfit(std::string message, std::string path) {
  return fail(Code::kInvalid, "message_unfit", std::move(message), std::move(path));
}

auto unknown(const Dialect& dialect, std::string_view type) {
  return fail(
      Code::kNotFound, "event_unknown_to_dialect",
      fmt::format("The dialect {} makes no event of the hub from \"{}\".", dialect.name, type));
}

// A test, an alert or a message of another hub is none of this one's.
bool is_made_by_hub(std::string_view canonical) {
  return canonical == model::kTestEvent || model::is_alert(canonical) ||
         model::is_message(canonical);
}

// The value at `step` of `into`, made if it is not there; null if `into` has no such places.
json::value* place_at(json::value& into, const JsonStep& step) {
  if (const auto* name = std::get_if<std::string>(&step)) {
    if (into.is_null()) into = json::object();
    json::object* object = into.if_object();
    return object ? &(*object)[*name] : nullptr;
  }
  const std::size_t index = std::get<std::size_t>(step);
  if (into.is_null()) into = json::array();
  json::array* array = into.if_array();
  if (!array || index >= kElementsMax) return nullptr;
  if (array->size() <= index) array->resize(index + 1);
  return &(*array)[index];
}

bool is_there(const json::value& data, std::span<const JsonStep> path) {
  const json::value* at = &data;
  for (const JsonStep& step : path) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      const json::object* object = at->if_object();
      at = object ? object->if_contains(*name) : nullptr;
    } else {
      const json::array* array = at->if_array();
      const std::size_t index = std::get<std::size_t>(step);
      at = array && index < array->size() ? &(*array)[index] : nullptr;
    }
    if (!at) return false;
  }
  return true;
}

// Puts what was taken from event.data where it was taken from. What a template names twice is as
// it was told first.
void put(json::value& data, Template::Taken& taken) {
  if (taken.path.empty()) {
    if (taken.value.is_object() && data.get_object().empty()) data = std::move(taken.value);
    return;
  }
  if (is_there(data, taken.path)) return;
  json::value* at = &data;
  for (const JsonStep& step : taken.path) {
    at = place_at(*at, step);
    if (!at) return;
  }
  *at = std::move(taken.value);
}

class Reader {
 public:
  Reader(const Dialect& dialect, const EventType* listed) : dialect_(dialect), listed_(listed) {}

  Result<CanonicalEvent> read(const json::value& body) {
    event_.data = json::object();
    const bool has_own = listed_ && !listed_->envelope.empty();
    const Template& envelope = has_own ? listed_->envelope : dialect_.envelope;
    // What is around the data tells nothing that the event cannot do without.
    auto around = envelope.take_apart(body, dialect_.name, Template::Unfit::kLeftOut);
    if (!around) return fail(std::move(around).error());
    bool has_data = false;
    for (Template::Taken& taken : *around) {
      if (taken.variable != kVariables[kData].name) continue;
      WAYBILL_TRY(read_data(taken.value));
      has_data = true;
    }
    if (!has_data) return unfit("The message has no data where its platform puts it.", "$");
    for (Template::Taken& taken : *around) note(taken);
    return std::move(event_);
  }

 private:
  Result<void> read_data(json::value& data) {
    if (!listed_ || listed_->data.empty()) {
      if (!data.is_object()) return unfit("The event's data has to be an object.", "$");
      event_.data = std::move(data);
      return {};
    }
    auto inside = listed_->data.take_apart(data, dialect_.name, Template::Unfit::kFails);
    if (!inside) return fail(std::move(inside).error());
    for (Template::Taken& taken : *inside) note(taken);
    return {};
  }

  void note(Template::Taken& taken) {
    if (taken.variable == kVariables[kEventData].name) return put(event_.data, taken);
    const json::string* text = taken.value.if_string();
    if (taken.variable == kVariables[kEventOccurredAt].name && !event_.occurred_at && text) {
      event_.occurred_at = parse_iso_time(*text);
    }
  }

  const Dialect& dialect_;
  const EventType* listed_;
  CanonicalEvent event_;
};

}  // namespace

Result<CanonicalEvent> read_event(const Dialect& dialect, std::string_view type,
                                  const ReceivedRequest& request) {
  if (dialect.receives_only) return unknown(dialect, type);
  const auto listed = std::ranges::find(dialect.events, type, &EventType::name);
  const bool is_listed = listed != dialect.events.end();
  // What is passed on under its own name has no other.
  const auto passed_on = dialect.event_type_for(type);
  const bool is_passed_on = passed_on && passed_on->listed == nullptr;
  if (!is_listed && !(is_passed_on && model::check_event_type(type))) return unknown(dialect, type);

  const std::string canonical = is_listed ? listed->canonical : std::string(type);
  if (is_made_by_hub(canonical)) return unknown(dialect, type);

  const Result<json::value>& body = request.body_json();
  if (!body) {
    return unfit(fmt::format("The body is no JSON: {}", body.error().message), body.error().path);
  }
  auto event = Reader(dialect, is_listed ? &*listed : nullptr).read(*body);
  if (event) event->type = canonical;
  return event;
}

}  // namespace waybill::dialect
