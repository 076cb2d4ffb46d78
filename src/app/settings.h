// The settings of the hub: one table, from which come the flags of `waybill serve`, the WAYBILL_…
// environment variables, the keys of the settings file (app/settings_file.h), the texts of --help,
// docs/configuration.md and the summary in the log at start.
//
// To add a setting: a member of Settings, and an entry in the table of settings.cc; then
// `waybill configuration > docs/configuration.md`. Libraries never see this type: the Hub hands
// each of them the plain values it needs.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/network.h"
#include "store/postgres/postgres_address.h"
#include "surfaces/precoro/request_limiter.h"

namespace waybill::app {

struct Settings {
  std::filesystem::path config;  // The settings file; empty: none was read.
  std::filesystem::path data;    // Where everything is kept.
  // Where records are stored, with its password; nothing: SQLite in the data directory.
  std::optional<store::PostgresAddress> database;
  std::filesystem::path database_password_file;  // Empty: none.
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 8080;  // 0: any free one.
  int clock_speed = 1;               // The hub's time runs so many times as fast as the world's.
  bool allow_private_networks = false;
  std::vector<net::Network> allow_networks;   // Sent to although they are not public.
  std::vector<net::Network> trusted_proxies;  // Their word of whom they forward for counts.
  bool allow_insecure_endpoints = false;
  std::filesystem::path dialects;          // A folder of the operator's own dialects; empty: none.
  std::filesystem::path handler_commands;  // Where programs of handlers are; empty: none may run.
  int handler_commands_max = 16;
  std::filesystem::path handler_files;    // Empty: "handled" in the data directory.
  std::filesystem::path tls_certificate;  // Empty, as is the key: plain HTTP.
  std::filesystem::path tls_key;
  std::filesystem::path ca_file;  // Authorities beside the system's; empty: none.
  std::size_t connections_max = 20'000;
  int rate_limit = 0;  // Requests a second of each API key; 0: any number.
  surfaces::precoro::RequestLimits precoro_limits;
  // Calls that the platforms' own APIs allow; 0: any number.
  int procureiq_calls_per_hour = 100;  // Of each key …
  int procureiq_calls_per_day = 1'000;
  int proign_reads_per_minute = 100;  // … of each tenant.
  int proign_writes_per_minute = 30;
  Log::Level log_level = Log::Level::kInfo;
  std::vector<std::string> dangerous;  // Names of switches that are on and have a warning.
  bool access_log = false;
  Secret metrics_token;  // Empty: anybody may read /metrics.
  std::chrono::milliseconds stop_timeout{std::chrono::seconds(10)};
  std::string node_name;  // Empty: the host's.
  std::chrono::milliseconds lease{std::chrono::minutes(2)};
  // Nothing: for ever.
  std::optional<std::chrono::milliseconds> retention_deliveries{std::chrono::days(30)};
  std::optional<std::chrono::milliseconds> retention_events{std::chrono::days(90)};
  std::optional<std::chrono::milliseconds> retention_requests{std::chrono::days(7)};
  bool request_log = true;
  bool request_log_bodies = true;
  std::int64_t request_log_bytes_max = std::int64_t{1} << 30;
};

struct Setting {
  std::string_view name = {};         // "clock_speed": --clock-speed, WAYBILL_CLOCK_SPEED
  std::string_view placeholder = {};  // What its value looks like: "N". Empty: a switch.
  std::string_view example = {};      // A value that could be given, where the default is none.
  std::string_view default_text = {};
  std::string_view bounds = {};       // What may be given, for people, where it needs saying.
  std::string_view description = {};  // One sentence.
  bool secret = false;                // Its value is never shown, …
  // … or only this of it; it is a secret then only if the other function says so, and cannot be
  // given as a flag, which everybody on the machine can see.
  std::string (*show)(std::string_view text) = nullptr;
  bool (*holds_secret)(std::string_view text) = nullptr;
  std::string_view warning = {};  // Logged at start when a switch is on. Empty: harmless.
  bool in_file = true;            // May be set in the settings file.
  // Reads `text` into its member. Fails with kInvalid and what may be given instead.
  Result<void> (*read)(Settings& settings, std::string_view text) = nullptr;

  bool is_switch() const { return placeholder.empty(); }
  // True if `text` turns a switch on that has a warning.
  bool is_dangerous(std::string_view text) const;
  bool is_secret(std::string_view text) const;
  std::string flag() const;      // "--clock-speed"
  std::string variable() const;  // "WAYBILL_CLOCK_SPEED"
};

std::span<const Setting> settings_table();

// The environment, as a function so that tests need not change theirs. Nothing: not set, or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// What a setting was set to, if not to its default.
struct GivenSetting {
  const Setting* setting = nullptr;
  std::string text;
  std::string source = {};    // "--clock-speed", "WAYBILL_CLOCK_SPEED" or "waybill.toml:3".
  std::string shown() const;  // `text`, or what may be seen of a secret.
};

struct LoadedSettings {
  Settings settings;
  std::vector<GivenSetting> given;
  std::vector<std::string> warnings;  // What an operator should mend. Sentences.
};

// A flag counts before a variable, that before the settings file, and that before the default.
// `flags` is by Setting::name. The file is the one that `config` names, or else waybill.toml in the
// data directory, if it is there.
//
// Fails with kInvalid (setting_invalid), naming the flag, variable or line and what it may be, or
// the two that contradict each other; and as read_settings_file(), default_data_folder() and
// take_password().
Result<LoadedSettings> load_settings(const std::map<std::string, std::string, std::less<>>& flags,
                                     const Environment& environment);

// For a command on the same machine: as the hub was given them, but for its flags. Where its data
// is the package's, its settings are the package's too, unless WAYBILL_CONFIG names others. Fails
// as load_settings() and data_folder().
Result<LoadedSettings> load_hub_settings(std::map<std::string, std::string, std::less<>> flags,
                                         const Environment& environment);

// $XDG_DATA_HOME/waybill, or ~/.local/share/waybill.
// Fails with kInvalid (setting_invalid) where there is no home folder.
Result<std::filesystem::path> default_data_folder(const Environment& environment);

// Where the package keeps its data and its settings.
inline constexpr const char* kSystemDataFolder = "/var/lib/waybill";
inline constexpr const char* kSystemConfig = "/etc/waybill/waybill.toml";

// Where the data is for a command on the same machine: WAYBILL_DATA, or as the file says that
// WAYBILL_CONFIG names, or the default; and if that is not there, kSystemDataFolder if it is.
// Fails as load_settings().
Result<std::filesystem::path> data_folder(const Environment& environment);

}  // namespace waybill::app
