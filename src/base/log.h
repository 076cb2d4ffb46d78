// One line of JSON per event, on standard error: {"at": …, "level": …, "event": …, fields …}.
//
// `event` is a stable snake_case name to search for; ids and numbers go into fields, never into a
// sentence. Secrets are of type Secret and have no way in. Any thread may log.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace spdlog {
class logger;
}

namespace waybill {

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, std::integral auto v)
      : name(n), value(static_cast<std::int64_t>(v)) {}
};

class Log {
 public:
  enum class Level { kDebug, kInfo, kWarn, kError, kOff };
  using Fields = std::initializer_list<LogField>;

  // To standard error.
  explicit Log(Level level = Level::kInfo);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // True if a line of `level` is written: ask before making fields that cost something.
  bool writes(Level level) const { return level >= level_; }

  void debug(std::string_view event, Fields fields = {}) { write(Level::kDebug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { write(Level::kInfo, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { write(Level::kWarn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { write(Level::kError, event, fields); }

 private:
  void write(Level level, std::string_view event, Fields fields);

  Level level_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace waybill
