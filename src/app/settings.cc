#include "app/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace waybill::app {
namespace {

constexpr int kClockSpeedMax = 100'000;

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::kInvalid, "setting_invalid", std::move(message));
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<bool> parse_switch(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return refuse("it is true or false");
}

template <bool Settings::* member>
Result<void> read_switch(Settings& settings, std::string_view text) {
  const auto value = parse_switch(text);
  if (!value) return fail(value.error());
  settings.*member = *value;
  return {};
}

template <std::filesystem::path Settings::* member>
Result<void> read_folder(Settings& settings, std::string_view text) {
  if (text.empty()) return refuse("it is the path of a folder");
  settings.*member = std::filesystem::path(text);
  return {};
}

Result<void> read_listen(Settings& settings, std::string_view text) {
  const auto refuse_address = [] {
    return refuse("it is HOST:PORT with an IP address, such as 127.0.0.1:8080 or [::]:8080");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refuse_address();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse_address();
  }
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port || host.empty()) return refuse_address();
  settings.listen_host = host;
  settings.listen_port = *port;
  return {};
}

Result<void> read_database(Settings&, std::string_view text) {
  if (text == "sqlite") return {};
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) {
    return refuse(
        "PostgreSQL comes with a later version; leave this setting out, and SQLite in the data "
        "directory is used");
  }
  return refuse("it is sqlite");
}

Result<void> read_clock_speed(Settings& settings, std::string_view text) {
  const auto speed = parse_number<int>(text);
  if (!speed || *speed < 1 || *speed > kClockSpeedMax) {
    return refuse(fmt::format("it is a number from 1 to {}", kClockSpeedMax));
  }
  settings.clock_speed = *speed;
  return {};
}

Result<void> read_log_level(Settings& settings, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Log::Level>, 5> levels = {
      {{"debug", Log::Level::kDebug},
       {"info", Log::Level::kInfo},
       {"warn", Log::Level::kWarn},
       {"error", Log::Level::kError},
       {"off", Log::Level::kOff}}};
  for (const auto& [name, level] : levels) {
    if (name != text) continue;
    settings.log_level = level;
    return {};
  }
  return refuse("it is debug, info, warn, error or off");
}

constexpr std::array kTable = {
    Setting{.name = "data",
            .placeholder = "DIR",
            .default_text = "~/.local/share/waybill",
            .description = "The folder of everything the hub keeps: database, keys, admin token.",
            .read = read_folder<&Settings::data>},
    Setting{.name = "listen",
            .placeholder = "HOST:PORT",
            .default_text = "127.0.0.1:8080",
            .bounds = "port 0 is any free one",
            .description = "The address to serve on.",
            .read = read_listen},
    Setting{.name = "database",
            .placeholder = "URL",
            .default_text = "sqlite",
            .bounds = "sqlite; PostgreSQL comes later",
            .description = "Where records are stored; sqlite is a file in the data directory.",
            .secret = true,
            .read = read_database},
    Setting{.name = "clock_speed",
            .placeholder = "N",
            .default_text = "1",
            .bounds = "1 to 100000",
            .description = "Runs schedules, leases and expiries N times as fast, for tests.",
            .read = read_clock_speed},
    Setting{.name = "allow_private_networks",
            .default_text = "false",
            .description = "Sends to loopback and private addresses too, which are refused else.",
            .warning = "Endpoints may reach loopback and private networks.",
            .read = read_switch<&Settings::allow_private_networks>},
    Setting{.name = "allow_insecure_endpoints",
            .default_text = "false",
            .description = "Takes http:// endpoints where their dialect demands https://.",
            .warning = "Endpoints may be plain http:// where their dialect demands https://.",
            .read = read_switch<&Settings::allow_insecure_endpoints>},
    Setting{.name = "dialects",
            .placeholder = "DIR",
            .default_text = "none",
            .description = "A folder of dialects of your own; they may replace built-in ones.",
            .read = read_folder<&Settings::dialects>},
    Setting{.name = "log_level",
            .placeholder = "LEVEL",
            .default_text = "info",
            .bounds = "debug, info, warn, error, off",
            .description = "The least important log lines that are written to standard error.",
            .read = read_log_level},
};

std::string with(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

}  // namespace

std::string Setting::flag() const { return "--" + with(std::string(name), '_', '-'); }

std::string Setting::variable() const {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return "WAYBILL_" + upper;
}

std::span<const Setting> settings_table() { return kTable; }

std::string GivenSetting::shown() const { return setting->secret ? "set" : text; }

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

Result<std::filesystem::path> data_folder(const Environment& environment) {
  if (const auto named = environment("WAYBILL_DATA")) return std::filesystem::path(*named);
  return default_data_folder(environment);
}

Result<LoadedSettings> load_settings(const std::map<std::string, std::string, std::less<>>& flags,
                                     const Environment& environment) {
  LoadedSettings loaded;
  for (const Setting& setting : kTable) {
    std::optional<std::string> text;
    std::string source = setting.flag();
    if (const auto flag = flags.find(setting.name); flag != flags.end()) {
      text = flag->second;
    } else {
      source = setting.variable();
      text = environment(source);
    }
    if (!text) continue;
    if (auto read = setting.read(loaded.settings, *text); !read) {
      // A wrong value of a secret may hold a password.
      const std::string value = setting.secret ? "" : fmt::format(" cannot be '{}'", *text);
      return refuse(fmt::format("{}{}: {}.", source, value, read.error().message));
    }
    if (*text != setting.default_text) loaded.given.push_back({&setting, *text});
  }
  if (loaded.settings.data.empty()) {
    auto folder = default_data_folder(environment);
    if (!folder) return fail(folder.error());
    loaded.settings.data = std::move(*folder);
  }
  return loaded;
}

}  // namespace waybill::app
