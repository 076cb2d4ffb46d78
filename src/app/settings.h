// The settings of the hub: one table, from which come the flags of `waybill serve`, the WAYBILL_…
// environment variables, the texts of --help and the summary in the log at start.
//
// To add a setting: a member of Settings, and an entry in the table of settings.cc. Libraries never
// see this type: the Hub hands each of them the plain values it needs.

#pragma once

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

namespace waybill::app {

struct Settings {
  std::filesystem::path data;  // Where everything is kept.
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 8080;  // 0: any free one.
  int clock_speed = 1;               // The hub's time runs so many times as fast as the world's.
  bool allow_private_networks = false;
  bool allow_insecure_endpoints = false;
  std::filesystem::path dialects;  // A folder of the operator's own dialects; empty: none.
  Log::Level log_level = Log::Level::kInfo;
};

struct Setting {
  std::string_view name = {};         // "clock_speed": --clock-speed, WAYBILL_CLOCK_SPEED
  std::string_view placeholder = {};  // What its value looks like: "N". Empty: a switch.
  std::string_view default_text = {};
  std::string_view bounds = {};       // What may be given, for people, where it needs saying.
  std::string_view description = {};  // One sentence.
  bool secret = false;                // Its value is never shown.
  std::string_view warning = {};      // Logged at start when a switch is on. Empty: harmless.
  // Reads `text` into its member. Fails with kInvalid and what may be given instead.
  Result<void> (*read)(Settings& settings, std::string_view text) = nullptr;

  bool is_switch() const { return placeholder.empty(); }
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
  std::string shown() const;  // `text`, or "set" for a secret.
};

struct LoadedSettings {
  Settings settings;
  std::vector<GivenSetting> given;
};

// A flag counts before a variable, and that before the default. `flags` is by Setting::name.
// Fails with kInvalid (setting_invalid), naming the flag or variable and what it may be, and as
// default_data_folder().
Result<LoadedSettings> load_settings(const std::map<std::string, std::string, std::less<>>& flags,
                                     const Environment& environment);

// $XDG_DATA_HOME/waybill, or ~/.local/share/waybill.
// Fails with kInvalid (setting_invalid) where there is no home folder.
Result<std::filesystem::path> default_data_folder(const Environment& environment);

// Where the data is for a command that only reads it: WAYBILL_DATA, or the default.
Result<std::filesystem::path> data_folder(const Environment& environment);

}  // namespace waybill::app
