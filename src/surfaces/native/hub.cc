// What is about the hub as a whole: its audit log, dialects, nodes, status and contract.

#include <utility>

#include "base/embedded.h"
#include "store/audit_log.h"
#include "store/backup.h"
#include "store/nodes.h"
#include "surfaces/native/change.h"
#include "surfaces/native/openapi.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {

Task<Result<Reply>> list_audit_log(Call& call) {
  const auto page = call.query.page();
  const store::audit_log::Filter filter{call.query.text("action"), call.query.text("subject")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::audit_log::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> list_dialects(Call& call) {
  const dialect::DialectRegistry& dialects = call.services.dialects;
  std::string body;
  ObjectText object(body);
  append_array(
      object.member("rows"), dialects.names(),
      [&](std::string& out, const std::string& name) { out += text_of(*dialects.find(name)); });
  object.add_json("next_cursor", "null").end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> get_dialect(Call& call) {
  const auto* dialect = call.services.dialects.find(call.request.param("dialect"));
  if (!dialect) co_return fail(Code::kNotFound, "dialect_not_found", "There is no such dialect.");
  co_return Reply{200, text_of(*dialect)};
}

Task<Result<Reply>> list_nodes(Call& call) {
  const auto nodes = co_await call.services.database.read(store::nodes::list);
  if (!nodes) co_return fail(nodes.error());
  const auto believed = call.services.clock.hub_time(model::Node::kBelieved);
  std::string body;
  ObjectText object(body);
  append_records(object.member("rows"), *nodes, call.services.clock.now(), believed);
  object.add_json("next_cursor", "null").end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> get_status(Call& call) {
  const delivery::DispatcherCounters dispatcher = call.services.dispatcher.counters();
  const store::DatabaseCounters database = call.services.database.counters();
  std::string body;
  ObjectText object(body);
  object.add("version", call.services.version)
      .add("started_at", call.hub_started_at)
      .add("now", call.now)
      .add("dangerous_settings", call.services.dangerous_settings);
  ObjectText(object.member("dispatcher"))
      .add("attempts", dispatcher.attempts)
      .add("succeeded", dispatcher.succeeded)
      .add("failed", dispatcher.failed)
      .add("in_flight", dispatcher.in_flight)
      .add("ready", dispatcher.ready)
      .end();
  ObjectText(object.member("database"))
      .add("commits", database.commits)
      .add("units", database.units)
      .end();
  object.end();
  co_return Reply{200, std::move(body)};
}

// A PUT: a repeat makes the one backup there is anew. So nothing of it has to be remembered.
Task<Result<Reply>> make_backup(Call& call) {
  const auto bytes = co_await call.services.backup.make();
  if (!bytes) co_return fail(bytes.error());
  const std::string file = call.services.backup.file().string();
  std::string body;
  ObjectText(body).add("file", file).add("bytes", *bytes).add("made_at", call.now).end();
  co_return co_await make_change(call, [&](store::Connection&) -> Result<Change> {
    return Change{200, body, AuditNote{"hub.backup", file, "{}", {}}, {}};
  });
}

Task<Result<Reply>> get_openapi(Call&) {
  co_return Reply{200, std::string(openapi_document().front().text)};
}

}  // namespace waybill::surfaces::native
