// Where settings come from: flags, the environment, the settings file. What they may be is in
// settings.cc.

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "app/database_settings.h"
#include "app/settings.h"
#include "app/settings_file.h"

namespace waybill::app {
namespace {

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::kInvalid, "setting_invalid", std::move(message));
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    // Read before any thread is started, and nobody changes it.
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

Result<std::filesystem::path> default_data_folder(const Environment& environment) {
  if (const auto base = environment("XDG_DATA_HOME")) {
    return std::filesystem::path(*base) / "waybill";
  }
  if (const auto home = environment("HOME")) {
    return std::filesystem::path(*home) / ".local" / "share" / "waybill";
  }
  return refuse("There is no home folder to keep data in; name one with --data or WAYBILL_DATA.");
}

namespace {

using Flags = std::map<std::string, std::string, std::less<>>;

struct Given {
  std::string text;
  std::string source;
};

// What a flag or a variable says.
std::optional<Given> given_outside(const Setting& setting, const Flags& flags,
                                   const Environment& environment) {
  if (const auto flag = flags.find(setting.name); flag != flags.end()) {
    return Given{flag->second, setting.flag()};
  }
  if (auto text = environment(setting.variable())) return Given{*text, setting.variable()};
  return std::nullopt;
}

std::optional<Given> given_outside(std::string_view name, const Flags& flags,
                                   const Environment& environment) {
  for (const Setting& setting : settings_table()) {
    if (setting.name == name) return given_outside(setting, flags, environment);
  }
  return std::nullopt;
}

// The file that --config or WAYBILL_CONFIG names, or else the one in the data directory.
Result<SettingsFile> find_settings_file(const Flags& flags, const Environment& environment) {
  if (const auto named = given_outside("config", flags, environment)) {
    auto file = read_settings_file(named->text);
    if (file || file.error().reason == "setting_invalid") return file;
    return refuse(fmt::format("{}: {}", named->source, file.error().message));
  }
  std::filesystem::path folder;
  if (const auto named = given_outside("data", flags, environment)) {
    folder = named->text;
  } else {
    const auto usual = default_data_folder(environment);
    if (!usual) return SettingsFile();
    folder = *usual;
  }
  const std::filesystem::path path = folder / kSettingsFileName;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return SettingsFile();
  auto file = read_settings_file(path);
  if (!file) return file;
  if (const auto data = file->settings.find("data"); data != file->settings.end()) {
    return refuse(fmt::format(
        "{}:{}: data cannot be set here, since this file is found by it. Give --data or "
        "WAYBILL_DATA, or name another settings file with --config.",
        path.string(), data->second.line));
  }
  return file;
}

std::optional<Given> given_in_file(const Setting& setting, const SettingsFile& file) {
  const auto found = file.settings.find(setting.name);
  if (found == file.settings.end()) return std::nullopt;
  return Given{found->second.text, fmt::format("{}:{}", file.file.string(), found->second.line)};
}

}  // namespace

Result<LoadedSettings> load_settings(const Flags& flags, const Environment& environment) {
  const auto file = find_settings_file(flags, environment);
  if (!file) return fail(file.error());
  LoadedSettings loaded;
  for (const Setting& setting : settings_table()) {
    auto given = given_outside(setting, flags, environment);
    if (!given) {
      given = given_in_file(setting, *file);
      if (given && setting.is_secret(given->text) && file->others_can_read) {
        loaded.warnings.push_back(
            fmt::format("Everybody on this machine can read {} in {}: chmod o= {}", setting.name,
                        file->file.string(), file->file.string()));
      }
    }
    if (!given) continue;
    if (auto read = setting.read(loaded.settings, given->text); !read) {
      // A wrong value of a secret may hold a password.
      const std::string value = setting.secret ? "" : fmt::format(" cannot be '{}'", given->text);
      return refuse(fmt::format("{}{}: {}.", given->source, value, read.error().message));
    }
    if (setting.holds_secret != nullptr && given->source == setting.flag() &&
        setting.is_secret(given->text)) {
      return refuse(fmt::format(
          "{} has a password in it, and everybody on this machine can see a flag: leave "
          "the password out, and put it into a file that --database-password-file "
          "names, into {}, the settings file, PGPASSWORD or ~/.pgpass.",
          setting.flag(), setting.variable()));
    }
    if (given->text == setting.default_text) continue;
    if (setting.is_dangerous(given->text)) loaded.settings.dangerous.emplace_back(setting.name);
    loaded.given.push_back({&setting, std::move(given->text), std::move(given->source)});
  }
  if (loaded.settings.tls_certificate.empty() != loaded.settings.tls_key.empty()) {
    return refuse("--tls-certificate and --tls-key belong together: give both, or none.");
  }
  WAYBILL_TRY(take_password(loaded.settings, loaded.warnings));
  loaded.settings.config = file->file;
  if (loaded.settings.data.empty()) {
    auto folder = default_data_folder(environment);
    if (!folder) return fail(folder.error());
    loaded.settings.data = std::move(*folder);
  }
  return loaded;
}

Result<LoadedSettings> load_hub_settings(Flags flags, const Environment& environment) {
  if (flags.contains("data")) return load_settings(flags, environment);
  const auto folder = data_folder(environment);
  if (!folder) return fail(folder.error());
  std::error_code ignored;
  const bool of_package = *folder == kSystemDataFolder && !environment("WAYBILL_CONFIG") &&
                          std::filesystem::exists(kSystemConfig, ignored);
  flags.emplace(of_package ? "config" : "data", of_package ? kSystemConfig : folder->string());
  auto loaded = load_settings(flags, environment);
  const auto names_data = [](const GivenSetting& given) { return given.setting->name == "data"; };
  if (loaded && std::ranges::none_of(loaded->given, names_data)) loaded->settings.data = *folder;
  return loaded;
}

Result<std::filesystem::path> data_folder(const Environment& environment) {
  if (const auto named = environment("WAYBILL_DATA")) return std::filesystem::path(*named);
  if (const auto config = environment("WAYBILL_CONFIG")) {
    const auto file = read_settings_file(*config);
    if (!file) return fail(file.error());
    const auto data = file->settings.find("data");
    if (data != file->settings.end()) return std::filesystem::path(data->second.text);
  }
  auto folder = default_data_folder(environment);
  std::error_code ignored;
  if (folder && std::filesystem::exists(*folder, ignored)) return folder;
  if (std::filesystem::exists(kSystemDataFolder, ignored)) {
    return std::filesystem::path(kSystemDataFolder);
  }
  return folder;
}

}  // namespace waybill::app
