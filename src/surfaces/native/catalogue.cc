// What can be subscribed to and published: the events of all dialects.

#include <utility>

#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {

// Whole, as there are about a hundred and none comes at run time.
Task<Result<Reply>> list_event_types(Call& call) {
  const dialect::DialectRegistry& dialects = call.services.dialects;
  const auto dialect = call.query.text("dialect");
  const auto canonical = call.query.text("canonical");
  const auto module = call.query.text("module");
  WAYBILL_CO_TRY(call.query.done());
  if (dialect && !dialects.find(*dialect)) {
    co_return fail(Code::kNotFound, "dialect_not_found", "There is no such dialect.");
  }
  struct Row {
    std::string dialect;
    const dialect::EventType* event;
  };
  std::vector<Row> rows;
  for (const std::string& name : dialects.names()) {
    if (dialect && name != *dialect) continue;
    for (const dialect::EventType& event : dialects.find(name)->events) {
      if (canonical && event.canonical != *canonical) continue;
      if (module && event.module != *module) continue;
      rows.push_back({name, &event});
    }
  }
  std::string body;
  ObjectText object(body);
  append_array(object.member("rows"), rows, [](std::string& out, const Row& row) {
    ObjectText item(out);
    item.add("dialect", row.dialect);
    write(item, *row.event);
    item.end();
  });
  object.add_json("next_cursor", "null").end();
  co_return Reply{200, std::move(body)};
}

}  // namespace waybill::surfaces::native
