#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> list(Session& session) {
  const auto answer = session.get("/hub/v1/nodes");
  if (!answer) return fail(answer.error());
  session.print_rows(*answer, {{"NAME", "name"},
                               {"STATE", "state"},
                               {"ADDRESS", "address"},
                               {"VERSION", "version"},
                               {"STARTED", "started_at"},
                               {"SEEN", "seen_at"},
                               {"ID", "id"}});
  return {};
}

}  // namespace

CommandGroup node_group() {
  return {.name = "node",
          .summary = "The nodes: hubs that share one PostgreSQL database",
          .commands = {
              {.name = "node list",
               .summary = "Lists the nodes that run, or have run within a week",
               .details = "live: it has been seen within 20 seconds. silent: it has not, and never "
                          "said that it would stop. stopped: it ended as it should. shared: two "
                          "run with one id, since one data directory is a copy of the other's.",
               .example = "node list",
               .run = list},
          }};
}

}  // namespace waybill::app::cli
