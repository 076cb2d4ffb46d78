#include "app/cli/member_path.h"

#include <charconv>

#include <fmt/format.h>

#include "app/cli/command.h"

namespace waybill::app::cli {
namespace {

// The member of `place` that `step` names, made if it can be. Null: it cannot.
json::value* step_into(json::value& place, std::string_view step) {
  if (place.is_null()) place.emplace_object();
  if (json::object* object = place.if_object()) {
    return step.empty() ? nullptr : &(*object)[step];
  }
  json::array* array = place.if_array();
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool whole = error == std::errc() && end == step.data() + step.size();
  if (array == nullptr || !whole || index > array->size()) return nullptr;
  if (index == array->size()) array->emplace_back(nullptr);
  return &(*array)[index];
}

}  // namespace

Result<void> set_member(json::value& data, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return usage_error(
        fmt::format("--set takes PATH=VALUE, as lines.0.quantity=5, not '{}'.", assignment));
  }
  const std::string_view path = assignment.substr(0, equals);
  const std::string_view text = assignment.substr(equals + 1);
  json::value* place = &data;
  for (std::string_view rest = path;;) {
    const std::size_t dot = rest.find('.');
    place = step_into(*place, rest.substr(0, dot));
    if (place == nullptr) {
      return usage_error(fmt::format("The data has no place '{}'.", path));
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  auto value = parse_json(text);
  if (value) {
    *place = *std::move(value);
  } else {
    *place = json::string(text);
  }
  return {};
}

}  // namespace waybill::app::cli
