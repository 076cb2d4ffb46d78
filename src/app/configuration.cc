#include "app/configuration.h"

#include <fmt/format.h>

#include "app/settings.h"

namespace waybill::app {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made from the table in src/app/settings.cc: waybill configuration > docs/configuration.md -->
# Configuration

Settings of `waybill serve`. Each can be given in four ways; the first that is there counts:

1. a flag: `--clock-speed 60`
2. an environment variable: `WAYBILL_CLOCK_SPEED=60`; an empty one counts as none
3. the settings file: `clock_speed = 60`
4. its default

The settings file is TOML. It is the one that `--config` or `WAYBILL_CONFIG` names; else
`waybill.toml` in the data directory, if there is one. A switch is `true` or `false` there,
everything else a text in quotes or a whole number. A name that is not listed here, a value of
another type and one that cannot be are refused at start, with the file, the line and what may be
given.

Relative paths count from the folder in which the hub is started. Settings are read once, at start.

`waybill configuration --file` prints a file with all of them, to begin with. The log says at start
what is set and is not a default.
)";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A line of a file that sets it to its default, or to what looks like a value.
std::string file_line(const Setting& setting) {
  std::string_view value = setting.default_text;
  if (value == "none" || value.starts_with('~')) {
    value = setting.example.empty() ? setting.placeholder : setting.example;
  }
  const bool bare = setting.is_switch() || is_number(value);
  return bare ? fmt::format("{} = {}", setting.name, value)
              : fmt::format("{} = \"{}\"", setting.name, value);
}

std::string section(const Setting& setting) {
  const std::string value = setting.is_switch() ? "" : fmt::format(" {}", setting.placeholder);
  std::string out = fmt::format("\n## {}\n\n{}", setting.name, setting.description);
  if (!setting.warning.empty()) out += fmt::format(" **{}** The log warns of it.", setting.warning);
  out += fmt::format("\n\n- flag `{}{}`, variable `{}`", setting.flag(), value, setting.variable());
  out += setting.in_file ? fmt::format(", file `{}`", file_line(setting)) : ", not in a file";
  out += setting.default_text == "none" ? "\n- default: none"
                                        : fmt::format("\n- default: `{}`", setting.default_text);
  if (!setting.bounds.empty()) out += fmt::format("\n- may be: {}", setting.bounds);
  if (setting.holds_secret != nullptr) {
    out +=
        "\n- a password in it is never shown or logged, and is refused in the flag. A file with it "
        "is for the hub's user alone, or the log warns";
  } else if (setting.secret) {
    out +=
        "\n- a secret: never shown or logged. A file with it is for the hub's user alone, or the "
        "log warns";
  }
  return out + "\n";
}

}  // namespace

std::string configuration_markdown() {
  std::string out(kIntroduction);
  for (const Setting& setting : settings_table()) out += section(setting);
  return out;
}

std::string configuration_file() {
  std::string out =
      "# Settings of `waybill serve`. A flag or an environment variable counts before this file.\n"
      "# What is commented out shows the default, or what a value looks like.\n";
  for (const Setting& setting : settings_table()) {
    if (!setting.in_file) continue;
    out += fmt::format("\n# {}\n", setting.description);
    if (!setting.bounds.empty()) out += fmt::format("# May be: {}.\n", setting.bounds);
    if (!setting.warning.empty()) out += fmt::format("# Dangerous: {}\n", setting.warning);
    out += fmt::format("#{}\n", file_line(setting));
  }
  return out;
}

}  // namespace waybill::app
