#include "store/columns.h"

#include "base/check.h"
#include "base/json.h"

namespace waybill::store {
namespace {

json::value read(std::string_view column) {
  auto value = parse_json(column);
  WAYBILL_CHECK(value.has_value(), "a stored column is the JSON we wrote");
  return *std::move(value);
}

// A list of words without escapes, as nearly all are. Nothing if it is another: a parser reads it.
std::optional<std::vector<std::string>> read_words(std::string_view column) {
  if (column.contains('\\') || !column.starts_with('[')) return std::nullopt;
  column.remove_prefix(1);
  std::vector<std::string> words;
  while (column != "]") {
    if (!words.empty()) {
      if (!column.starts_with(',')) return std::nullopt;
      column.remove_prefix(1);
    }
    if (!column.starts_with('"')) return std::nullopt;
    const std::size_t end = column.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    words.emplace_back(column.substr(1, end - 1));
    column.remove_prefix(end + 1);
  }
  return words;
}

template <class T>
std::optional<T> integer_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return std::nullopt;
  return T(value->to_number<int>());
}

}  // namespace

std::string list_to_column(const std::vector<std::string>& list) {
  return write_json(json::value_from(list));
}

std::vector<std::string> list_from_column(std::string_view column) {
  if (auto words = read_words(column)) return *std::move(words);
  return json::value_to<std::vector<std::string>>(read(column));
}

std::string overrides_to_column(const model::EndpointOverrides& overrides) {
  json::object object;
  if (overrides.retry) {
    json::array delays;
    for (const auto delay : *overrides.retry) delays.push_back(delay.count());
    object.emplace("retry_ms", std::move(delays));
  }
  if (overrides.attempts_max) object.emplace("attempts_max", *overrides.attempts_max);
  if (overrides.timeout) object.emplace("timeout_ms", overrides.timeout->count());
  if (overrides.rate_per_second) object.emplace("rate_per_second", *overrides.rate_per_second);
  if (overrides.in_flight_max) object.emplace("in_flight_max", *overrides.in_flight_max);
  if (overrides.coalescing) {
    object.emplace("coalescing", json::object{{"window_ms", overrides.coalescing->window.count()},
                                              {"trailing", overrides.coalescing->trailing}});
  }
  if (overrides.deactivate_after) object.emplace("deactivate_after", *overrides.deactivate_after);
  if (overrides.exhausted_deactivates) {
    object.emplace("exhausted_deactivates", *overrides.exhausted_deactivates);
  }
  return write_json(object);
}

model::EndpointOverrides overrides_from_column(std::string_view column) {
  const json::value value = read(column);
  WAYBILL_CHECK(value.is_object(), "stored overrides are an object");
  const json::object& object = value.get_object();
  model::EndpointOverrides overrides;
  if (const json::value* delays = object.if_contains("retry_ms")) {
    overrides.retry.emplace();
    for (const json::value& delay : delays->as_array()) {
      overrides.retry->push_back(model::RetrySchedule::Delay(delay.to_number<std::int64_t>()));
    }
  }
  overrides.attempts_max = integer_of<int>(object, "attempts_max");
  overrides.timeout = integer_of<std::chrono::milliseconds>(object, "timeout_ms");
  overrides.rate_per_second = integer_of<int>(object, "rate_per_second");
  overrides.in_flight_max = integer_of<int>(object, "in_flight_max");
  if (const json::value* coalescing = object.if_contains("coalescing")) {
    const json::object& own = coalescing->as_object();
    overrides.coalescing = {
        std::chrono::milliseconds(own.at("window_ms").to_number<std::int64_t>()),
        own.at("trailing").as_bool()};
  }
  overrides.deactivate_after = integer_of<int>(object, "deactivate_after");
  if (const json::value* exhausted = object.if_contains("exhausted_deactivates")) {
    overrides.exhausted_deactivates = exhausted->as_bool();
  }
  return overrides;
}

}  // namespace waybill::store
