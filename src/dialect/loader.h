// Reads dialects/*.toml. A dialect with an unknown key, a bad template or a missing part is refused
// at start: a hub that guesses what a file meant would sign and send the guess.

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dialect/dialect.h"

namespace waybill::dialect {

// Reads one dialect from its text. `file` is for messages, and its stem is the dialect's name.
// Fails with kInvalid (dialect_invalid); the message is "FILE:LINE: reason", a line for each fault.
Result<Dialect> load_dialect(std::string_view file, std::string_view text);

// All dialects of the hub, by name. Immutable after loading; any thread.
class DialectRegistry {
 public:
  // The dialects built into the binary (dialects/*.toml at build time), and those of `extra`, a
  // folder of an operator's own, which may replace built-in ones, but none that sends by one that
  // is only received: endpoints would have nothing to send. An empty path is no folder. Fails as
  // load_dialect(), and with kInvalid if `extra` cannot be read.
  static Result<DialectRegistry> load(const std::filesystem::path& extra);

  // Null if there is none.
  const Dialect* find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::unique_ptr<const Dialect>, std::less<>> dialects_;
};

}  // namespace waybill::dialect
