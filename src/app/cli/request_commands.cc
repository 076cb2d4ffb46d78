#include "app/cli/commands.h"
#include "app/cli/session.h"

namespace waybill::app::cli {
namespace {

Result<void> list(Session& session) {
  Query query;
  if (session.has("--failed")) query.emplace_back("min_status", "400");
  return session.print_list(session.in_workspace("/requests"),
                            {"--key", "--status", "--method", "--path", "--error-code",
                             "--request-id", "--since", "--until"},
                            {{"ID", "id"},
                             {"AT", "at"},
                             {"METHOD", "method"},
                             {"PATH", "path"},
                             {"STATUS", "status"},
                             {"ERROR", "error_code"},
                             {"MS", "latency_ms"},
                             {"KEY", "key_id"}},
                            std::move(query));
}

Result<void> show(Session& session) {
  return session.print_answer(
      session.get(session.in_workspace("/requests/" + segment(session.text("REQUEST")))));
}

}  // namespace

CommandGroup request_group() {
  return {.name = "request",
          .summary = "The request log: what was asked of the hub, and what it answered",
          .commands = {
              {.name = "request list",
               .summary = "Lists requests, newest first",
               .example = "request list --workspace acme --failed --since 1h",
               .arguments = {{.name = "--key",
                              .placeholder = "KEY",
                              .help = "Only those with this key: its id"},
                             {.name = "--status",
                              .placeholder = "N",
                              .help = "Only those answered with this status"},
                             {.name = "--failed", .help = "Only those answered with 400 or more"},
                             {.name = "--method",
                              .placeholder = "METHOD",
                              .help = "Only those of this method: POST"},
                             {.name = "--path",
                              .placeholder = "PATH",
                              .help = "Only those whose path begins so: /integrations/v1/orders"},
                             {.name = "--error-code",
                              .placeholder = "CODE",
                              .help = "Only those that failed with this code: rate_limited"},
                             {.name = "--request-id",
                              .placeholder = "ID",
                              .help = "Only the one with this X-Request-Id"},
                             kSince,
                             kUntil},
               .in_workspace = true,
               .is_list = true,
               .run = list},
              {.name = "request show",
               .summary = "Shows a request with both bodies, without secrets and personal data",
               .example = "request show req_01KAHZ5MPQ3V8N2X7R4T6W9Y0B --workspace acme",
               .arguments = {{.name = "REQUEST",
                              .help = "Its id, from `waybill request list`",
                              .required = true}},
               .in_workspace = true,
               .run = show},
          }};
}

}  // namespace waybill::app::cli
