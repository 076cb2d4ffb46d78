// Places in JSON, and how they are written for people: "$.lines[0].quantity", "$[\"a b\"]".

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace waybill {

// Into an element of an array, or a member of an object.
using JsonStep = std::variant<std::size_t, std::string>;

// Adds a member or an element. A name of more than a hundred bytes is cut short: it goes back to
// whoever sent it.
void append_json_path(std::string& path, std::string_view name);
void append_json_path(std::string& path, std::size_t index);

// `steps` from `root`: "$.data".
std::string json_path(std::string_view root, std::span<const JsonStep> steps);

}  // namespace waybill
