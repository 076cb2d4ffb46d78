// The file of settings: TOML, whose keys are the names of the table in settings.h.
//
//   listen = "127.0.0.1:8080"
//   clock_speed = 1
//   allow_private_networks = false

#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace waybill::app {

// The name of a file in the data directory that is read where --config names none.
inline constexpr const char* kSettingsFileName = "waybill.toml";

struct FileSetting {
  std::string text;  // As a flag would give it.
  int line = 0;
};

struct SettingsFile {
  std::filesystem::path file;                                // Empty: there is none.
  std::map<std::string, FileSetting, std::less<>> settings;  // By Setting::name.
  bool others_can_read = false;                              // Everybody on this machine.
};

// Every value is looked at, also one that a flag replaces.
// Fails as read_file(), and with kInvalid (setting_invalid): "FILE:LINE: what is wrong", a line for
// each fault.
Result<SettingsFile> read_settings_file(const std::filesystem::path& file);

}  // namespace waybill::app
