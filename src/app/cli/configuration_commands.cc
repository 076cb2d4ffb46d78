#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/configuration.h"
#include "app/settings.h"

namespace waybill::app::cli {
namespace {

json::value rows() {
  json::array rows;
  for (const Setting& setting : settings_table()) {
    rows.push_back(json::object{{"name", setting.name},
                                {"flag", setting.flag()},
                                {"variable", setting.variable()},
                                {"in_file", setting.in_file},
                                {"default", setting.default_text},
                                {"bounds", setting.bounds},
                                {"description", setting.description}});
  }
  return json::object{{"rows", std::move(rows)}};
}

Result<void> print_configuration(Session& session) {
  if (session.wants_json()) {
    session.print(rows());
  } else {
    std::string text = session.has("--file") ? configuration_file() : configuration_markdown();
    text.pop_back();
    session.print_line(text);
  }
  return {};
}

}  // namespace

CommandGroup configuration_group() {
  return {.name = "configuration",
          .summary = "Prints all settings of the hub, explained",
          .commands = {{.name = "configuration",
                        .summary = "Prints all settings of the hub, explained",
                        .details = "Without an option as Markdown: docs/configuration.md.",
                        .example = "configuration --file",
                        .arguments = {{.name = "--file",
                                       .help = "As a settings file to begin with, all of it "
                                               "commented out"}},
                        .asks_hub = false,
                        .run = print_configuration}}};
}

}  // namespace waybill::app::cli
