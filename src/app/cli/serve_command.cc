#include <deque>

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/serve.h"
#include "app/settings.h"

namespace waybill::app::cli {
namespace {

// An argument for each setting of the table. Arguments are views, so their texts live here.
std::vector<Argument> setting_arguments() {
  static std::deque<std::string> texts;
  std::vector<Argument> arguments;
  for (const Setting& setting : settings_table()) {
    std::string help(setting.description.substr(0, setting.description.size() - 1));
    if (!setting.bounds.empty()) help += fmt::format(" ({})", setting.bounds);
    if (!setting.is_switch()) help += fmt::format("; default: {}", setting.default_text);
    help += fmt::format(" [{}]", setting.variable());
    Argument argument;
    argument.name = texts.emplace_back(setting.flag());
    argument.placeholder = setting.placeholder;
    argument.help = texts.emplace_back(std::move(help));
    arguments.push_back(argument);
  }
  return arguments;
}

Result<void> run(Session& session) {
  std::map<std::string, std::string, std::less<>> flags;
  for (const Setting& setting : settings_table()) {
    if (!session.has(setting.flag())) continue;
    flags.emplace(setting.name, setting.is_switch() ? "true" : session.text(setting.flag()));
  }
  const auto loaded = load_settings(flags, session.environment());
  if (!loaded) return usage_error(loaded.error().message);
  return serve(*loaded);
}

}  // namespace

CommandGroup serve_group() {
  return {.name = "serve",
          .summary = "Runs the hub",
          .commands = {{
              .name = "serve",
              .summary = "Runs the hub until Ctrl-C",
              .details = "The first start makes the data directory, the master key and the admin "
                         "token. Ctrl-C lets requests and deliveries under way end; a second one "
                         "does not. Each option has an environment variable; the option counts.",
              .example = "serve --listen 127.0.0.1:8080 --data ./waybill-data",
              .arguments = setting_arguments(),
              .has_answer = false,
              .asks_hub = false,
              .run = run,
          }}};
}

}  // namespace waybill::app::cli
