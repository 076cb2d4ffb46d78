// What an endpoint that could be made would have been sent: recent events are routed to it, and
// nothing is written.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/event.h"
#include "routing/routing.h"
#include "store/events.h"
#include "store/workspaces.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

constexpr int kEventsUsual = 50;
constexpr int kEventsMax = 200;

struct DryRun {
  store::endpoints::Subscription subscription;
  int limit = kEventsUsual;
};

Result<DryRun> read_dry_run(const Call& call) {
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  DryRun run;
  const dialect::Dialect* dialect = read_dialect(body, call.services.dialects);
  if (!dialect) return fail(body.done().error());
  run.subscription.dialect = dialect->name;
  run.subscription.event_types =
      read_event_types(body, *dialect).value_or(std::vector<std::string>{"*"});
  run.subscription.filter = read_filter(body).value_or("");
  run.limit =
      static_cast<int>(body.optional_integer("limit", 1, kEventsMax).value_or(kEventsUsual));
  WAYBILL_TRY(body.done());
  // The same again within a window may be sent or not: what would have been is not known.
  run.subscription.coalescing.emplace();
  return run;
}

struct Found {
  model::Workspace workspace;
  store::Page<store::events::Routed> page;
};

}  // namespace

Task<Result<Reply>> dry_run_endpoint(Call& call) {
  WAYBILL_CO_TRY(call.query.done());
  const auto run = read_dry_run(call);
  if (!run) co_return fail(run.error());
  const auto found =
      co_await call.services.database.read([&](store::Connection& connection) -> Result<Found> {
        auto workspace = store::workspaces::find(connection, call.workspace_id);
        if (!workspace) return fail(workspace.error());
        auto page =
            store::events::list(connection, call.workspace_id, {}, {run->limit, std::nullopt});
        if (!page) return fail(page.error());
        return Found{*std::move(workspace), *std::move(page)};
      });
  if (!found) co_return fail(found.error());

  std::size_t matched = 0;
  std::string rows;
  append_array(rows, found->page.rows, [&](std::string& out, const store::events::Routed& row) {
    const model::Event& event = row.event;
    const auto plan =
        routing::plan(event, found->workspace, {&run->subscription, 1}, call.services.dialects);
    const bool matches = !plan.matched.empty();
    matched += matches ? 1 : 0;
    ObjectText(out)
        .add("event_id", event.id)
        .add("type", event.type)
        .add("occurred_at", event.occurred_at)
        .add("matches", matches)
        .add("reason",
             matches ? std::nullopt : std::optional(routing::reason_name(plan.withheld[0].reason)))
        .end();
  });
  std::string answer;
  ObjectText(answer)
      .add("looked_at", found->page.rows.size())
      .add("matched", matched)
      .add_json("rows", rows)
      .end();
  co_return Reply{200, std::move(answer)};
}

}  // namespace waybill::surfaces::native
