#include "app/settings_file.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "app/files.h"
#include "app/settings.h"

namespace waybill::app {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 256 * 1024;

// What is wrong with one file.
class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}
  void add(int line, std::string what) { all_.emplace_back(line, std::move(what)); }
  bool none() const { return all_.empty(); }
  std::unexpected<Error> error() {
    std::ranges::sort(all_);
    std::string message;
    for (const auto& [line, what] : all_) {
      message += fmt::format("{}{}:{}: {}", message.empty() ? "" : "\n", file_, line, what);
    }
    return fail(Code::kInvalid, "setting_invalid", std::move(message));
  }

 private:
  std::string file_;
  std::vector<std::pair<int, std::string>> all_;
};

std::string known_names() {
  std::string names;
  for (const Setting& setting : settings_table()) {
    if (setting.in_file) names += (names.empty() ? "" : ", ") + std::string(setting.name);
  }
  return names;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : settings_table()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string_view type_wanted(const Setting& setting) {
  return setting.is_switch() ? "true or false, without quotes"
                             : "a text in quotes, or a whole number";
}

// The value as a flag would give it. Nothing: it is of another type.
std::optional<std::string> text_of(const Setting& setting, const toml::node& node) {
  if (setting.is_switch()) {
    const auto* value = node.as_boolean();
    return value ? std::optional<std::string>(value->get() ? "true" : "false") : std::nullopt;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  return std::nullopt;
}

// Looks at one value, and returns it.
std::optional<std::string> check(std::string_view name, const toml::node& node, int line,
                                 Faults& faults) {
  const Setting* setting = find_setting(name);
  if (setting == nullptr || !setting->in_file) {
    faults.add(line, fmt::format("there is no setting '{}' for a file. There are: {}.", name,
                                 known_names()));
    return std::nullopt;
  }
  auto text = text_of(*setting, node);
  if (!text) {
    faults.add(line, fmt::format("{}: it is {}.", name, type_wanted(*setting)));
    return std::nullopt;
  }
  Settings scratch;
  if (const auto read = setting->read(scratch, *text); !read) {
    // A wrong value of a secret may hold a password.
    const std::string value = setting->secret ? "" : fmt::format(" cannot be '{}'", *text);
    faults.add(line, fmt::format("{}{}: {}.", name, value, read.error().message));
    return std::nullopt;
  }
  return text;
}

}  // namespace

Result<SettingsFile> read_settings_file(const fs::path& file) {
  const auto text = read_bytes(file, kFileBytesMax);
  if (!text) return fail(text.error());
  Faults faults(file.string());
  toml::table table;
  try {
    table = toml::parse(std::string_view(*text));
  } catch (const toml::parse_error& error) {
    faults.add(static_cast<int>(error.source().begin.line),
               fmt::format("this is not TOML: {}", error.description()));
    return faults.error();
  }
  SettingsFile read;
  read.file = file;
  for (const auto& [key, node] : table) {
    const int line = static_cast<int>(key.source().begin.line);
    auto value = check(key.str(), node, line, faults);
    if (value) read.settings.emplace(key.str(), FileSetting{std::move(*value), line});
  }
  if (!faults.none()) return faults.error();
  std::error_code error;
  const fs::perms mode = fs::status(file, error).permissions();
  read.others_can_read = !error && (mode & fs::perms::others_read) != fs::perms::none;
  return read;
}

}  // namespace waybill::app
