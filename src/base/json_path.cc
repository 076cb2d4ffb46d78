#include "base/json_path.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"

namespace waybill {
namespace {

// A path is for people, and goes back to whoever sent the text: a megabyte of name is not shown.
constexpr std::size_t kPathNameBytesMax = 100;

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
  };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

void append_json_path(std::string& path, std::string_view name) {
  std::string_view shown = name.substr(0, kPathNameBytesMax);
  if (shown.size() < name.size()) {
    // Not in the middle of a character: the path has to be UTF-8 too.
    while (!shown.empty() && (name[shown.size()] & 0xC0) == 0x80) shown.remove_suffix(1);
  }
  const std::string_view rest = shown.size() < name.size() ? "…" : "";
  if (rest.empty() && is_identifier(shown)) {
    path += '.';
    path += shown;
  } else {
    path += '[';
    append_json_string(path, fmt::format("{}{}", shown, rest));
    path += ']';
  }
}

void append_json_path(std::string& path, std::size_t index) { path += fmt::format("[{}]", index); }

std::string json_path(std::string_view root, std::span<const JsonStep> steps) {
  std::string path(root);
  for (const JsonStep& step : steps) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      append_json_path(path, std::string_view(*name));
    } else {
      append_json_path(path, std::get<std::size_t>(step));
    }
  }
  return path;
}

}  // namespace waybill
