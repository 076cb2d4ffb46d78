#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/event_types.h"
#include "app/cli/member_path.h"
#include "app/cli/session.h"
#include "model/event.h"

namespace waybill::app::cli {
namespace {

Result<void> trigger(Session& session) {
  const std::string dialect = session.text("--dialect");
  auto found = find_event_type(session, dialect, session.text("TYPE"));
  if (!found) return fail(found.error());
  json::object& type = found->get_object();
  const json::value canonical = type["canonical"];
  if (canonical == json::value(model::kTestEvent)) {
    return usage_error("A test goes to one endpoint: waybill endpoint test ENDPOINT");
  }
  json::object only{{"dialect", dialect}};
  if (const auto endpoint = session.value("--endpoint")) only["endpoint"] = *endpoint;
  json::value data = std::move(type["example"]);
  for (const std::string& assignment : session.values("--set")) {
    WAYBILL_TRY(set_member(data, assignment));
  }
  json::object body{{"type", canonical}, {"data", std::move(data)}, {"only", std::move(only)}};
  add_text(body, session, "--subject");
  const auto answer = session.post(session.in_workspace("/events"), body);
  if (!answer) return fail(answer.error());
  session.print(*answer);
  const json::object* event = answer->if_object();
  const json::value* id = event ? event->if_contains("id") : nullptr;
  if (id != nullptr && id->is_string()) {
    session.note(
        fmt::format("\nHow it went: waybill event show {}", std::string_view(id->get_string())));
  }
  return {};
}

}  // namespace

CommandGroup trigger_group() {
  return {
      .name = "trigger",
      .summary = "Publishes a sample of an event to the endpoints of one dialect",
      .commands = {{
          .name = "trigger",
          .summary = "Publishes a sample of an event to the endpoints of one dialect",
          .details =
              "The sample is the example of the dialect's catalogue. It is an event like any "
              "other, kept and listed, but goes to endpoints of this dialect alone, of those that "
              "subscribe to it.",
          .example = "trigger order.shipped --workspace acme --dialect proign --set carrier=DHL",
          .arguments =
              {{.name = "TYPE",
                .help = "The dialect's name of the event, or the canonical one",
                .required = true},
               {.name = "--dialect",
                .placeholder = "NAME",
                .help = "A name from `waybill dialect list`",
                .required = true},
               {.name = "--endpoint",
                .placeholder = "ENDPOINT",
                .help = "Only to this one, by its id"},
               {.name = "--set",
                .placeholder = "PATH=VALUE",
                .help = "Changes the sample's data: lines.0.quantity=5; VALUE is JSON or a text",
                .repeated = true},
               {.name = "--subject", .placeholder = "TEXT", .help = "The id of what it is about"}},
          .in_workspace = true,
          .run = trigger,
      }}};
}

}  // namespace waybill::app::cli
