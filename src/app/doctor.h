// What the doctor finds out about this machine without asking a hub: the data directory, the key,
// the database, the disk, the settings. It changes nothing, and works whether or not a hub runs.

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "app/settings.h"
#include "base/clock.h"
#include "base/json.h"

namespace waybill::app {

class Findings {
 public:
  void ok(std::string_view what, std::string text) { add("ok", what, std::move(text)); }
  // Worth a look; the hub works.
  void warn(std::string_view what, std::string text) { add("warn", what, std::move(text)); }
  // To be mended.
  void fail(std::string_view what, std::string text) {
    ++failures_;
    add("fail", what, std::move(text));
  }
  int failures() const { return failures_; }
  // {"rows": [{"verdict": …, "what": …, "text": …}, …]}
  json::value to_json() const { return json::object{{"rows", rows_}}; }

 private:
  void add(std::string_view verdict, std::string_view what, std::string text) {
    rows_.push_back(json::object{{"verdict", verdict}, {"what", what}, {"text", std::move(text)}});
  }
  json::array rows_;
  int failures_ = 0;
};

struct DoctorOptions {
  std::filesystem::path folder;  // The data directory.
  bool thorough = false;         // Reads all of a large database, too.
};

// A larger database is checked page by page only if DoctorOptions::thorough.
inline constexpr std::uintmax_t kQuickCheckBytesMax = 2ull * 1024 * 1024 * 1024;

// Null settings: they could not be loaded, which the caller has told.
void examine_machine(const DoctorOptions& options, const Settings* settings, const Clock& clock,
                     Findings& findings);

// The process that holds the data directory, if one does.
std::optional<pid_t> running_hub(const std::filesystem::path& folder);

}  // namespace waybill::app
