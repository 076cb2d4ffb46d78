#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> list(Session& session) {
  return session.print_list(session.in_workspace("/audit"), {"--action", "--subject"},
                            {{"AT", "at"},
                             {"ACTOR", "actor"},
                             {"ACTION", "action"},
                             {"SUBJECT", "subject"},
                             {"DETAIL", "detail"}});
}

}  // namespace

CommandGroup audit_group() {
  return {.name = "audit",
          .summary = "The record of every change: who did what, when",
          .commands = {
              {.name = "audit list",
               .summary = "Lists changes, newest first",
               .example = "audit list --workspace acme --action endpoint.pause",
               .arguments = {{.name = "--action",
                              .placeholder = "ACTION",
                              .help = "Only these: endpoint.create, key.revoke, event.replay …"},
                             {.name = "--subject",
                              .placeholder = "ID",
                              .help = "Only changes of this key, endpoint, delivery …"}},
               .in_workspace = true,
               .is_list = true,
               .run = list},
          }};
}

}  // namespace waybill::app::cli
