// status and version: how the hub is, and which.

#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/session.h"
#include "app/version.h"

namespace waybill::app::cli {
namespace {

Result<void> show_status(Session& session) {
  return session.print_answer(session.get("/hub/v1/status"));
}

Result<void> print_version(Session& session) {
  if (session.wants_json()) {
    session.print(json::object{{"version", version()}});
  } else {
    session.print_line(fmt::format("waybill {}", version()));
  }
  return {};
}

}  // namespace

CommandGroup status_group() {
  return {.name = "status",
          .summary = "How the running hub is: its version, deliveries, database",
          .commands = {{.name = "status",
                        .summary = "How the running hub is: its version, deliveries, database",
                        .example = "status",
                        .run = show_status}}};
}

CommandGroup version_group() {
  return {.name = "version",
          .summary = "Prints the version of this program",
          .commands = {{.name = "version",
                        .summary = "Prints the version of this program",
                        .example = "version",
                        .asks_hub = false,
                        .run = print_version}}};
}

}  // namespace waybill::app::cli
