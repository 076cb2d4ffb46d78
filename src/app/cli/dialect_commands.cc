#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

const std::string kRoot = "/hub/v1/dialects";

Result<void> list(Session& session) {
  const auto answer = session.get(kRoot);
  if (!answer) return fail(answer.error());
  session.print_rows(*answer, {{"NAME", "name"},
                               {"TITLE", "title"},
                               {"SENDS", "sends"},
                               {"RECEIVES", "receives"},
                               {"SECRET", "secret"},
                               {"HTTPS", "https_required"},
                               {"RETRIES", "retry"},
                               {"SWITCHED OFF AFTER", "deactivate_after"}});
  return {};
}

Result<void> show(Session& session) {
  auto answer = session.get(kRoot + "/" + segment(session.text("DIALECT")));
  if (!answer) return fail(answer.error());
  // Schemas and examples are for programs: they fill screens.
  json::object* dialect = answer->if_object();
  json::value* events = dialect ? dialect->if_contains("events") : nullptr;
  if (!session.wants_json() && events != nullptr && events->is_array()) {
    for (json::value& event : events->get_array()) {
      if (!event.is_object()) continue;
      event.get_object().erase("schema");
      event.get_object().erase("example");
    }
  }
  session.print(*answer);
  return {};
}

}  // namespace

CommandGroup dialect_group() {
  return {
      .name = "dialect",
      .summary = "Dialects: how each platform writes and signs its webhooks",
      .commands = {
          {.name = "dialect list",
           .summary = "Lists the dialects this hub speaks",
           .example = "dialect list",
           .run = list},
          {.name = "dialect show",
           .summary = "Shows one dialect: its rules and its events; with --json their schemas too",
           .example = "dialect show proculink",
           .arguments = {{.name = "DIALECT", .help = "Its name", .required = true}},
           .run = show},
      }};
}

}  // namespace waybill::app::cli
