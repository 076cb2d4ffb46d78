// Events as PROIGN's modules publish and read them: in PROIGN's words.

#include "store/events.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/platform_records.h"
#include "surfaces/proign/operations.h"
#include "surfaces/proign/render.h"
#include "surfaces/replay.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::proign {
namespace {

using native::Call;
using native::Change;
using native::ObjectReader;
using native::Reply;
using store::Connection;

// The event of PROIGN's catalogue called `name`; null if there is none.
const dialect::EventType* find_event_type(const dialect::Dialect& dialect, std::string_view name) {
  const auto found = std::ranges::find(dialect.events, name, &dialect::EventType::name);
  return found == dialect.events.end() ? nullptr : &*found;
}

Error unknown_type(std::string_view name) {
  return {Code::kInvalid, "event_type_unknown", fmt::format("PROIGN has no event \"{}\".", name)};
}

// What PROIGN's catalogue makes of events: their canonical types.
std::vector<std::string> canonical_types(const dialect::Dialect& dialect) {
  std::vector<std::string> types;
  for (const dialect::EventType& event : dialect.events) types.push_back(event.canonical);
  return types;
}

// An event that is published in PROIGN's words. Its data is kept as it came: the catalogue's own
// data is either the canonical data as it is, or made of members with the same names.
Result<model::Event> read_event(const Call& call, const dialect::Dialect& dialect) {
  const auto object = native::read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  model::Event event;
  const std::string type = body.text("type", {1, 128});
  const dialect::EventType* listed = find_event_type(dialect, type);
  if (!listed && !body.has_fault()) body.check("type", fail(unknown_type(type)));
  if (const json::object* data = body.object("data")) append_json(event.data, *data);
  WAYBILL_TRY(body.done());
  event.type = listed->canonical;
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.occurred_at = call.now;
  event.trace = trace_of(call.request);
  return event;
}

Error no_event() { return {Code::kNotFound, "event_not_found", "There is no such event."}; }

// Events that PROIGN has no word for are not there.
Result<model::Event> find_event(Connection& connection, const Call& call,
                                const dialect::Dialect& dialect, const model::EventId& id) {
  auto found = store::events::find(connection, call.workspace_id, id);
  if (!found) return fail(found.error());
  if (!dialect.event_type_for(found->event.type)) return fail(no_event());
  return std::move(found->event);
}

Result<model::EventId> event_id(const Call& call) {
  return native::path_id<model::EventId>(call.request, "event");
}

}  // namespace

Task<Result<Reply>> publish_event(Call& call) {
  const dialect::Dialect& dialect = dialect_of(call);
  const auto event = read_event(call, dialect);
  if (!event) co_return fail(event.error());
  const auto envelope = envelope_of(call, dialect, *event);
  if (!envelope) co_return fail(envelope.error());
  const json::value data = parse_json(event->data).value();
  // Whoever listens: a caller here speaks PROIGN's words, and no others.
  const store::endpoints::Subscription proign{.id = {}, .dialect = dialect.name, .event_types = {}};
  const store::endpoints::Subscription* const asked[] = {&proign};
  WAYBILL_CO_TRY(intake::check_data(call.services.dialects, asked, *event, data));
  const intake::Publication publication{.data = &data};
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    auto accepted =
        call.services.acceptance.accept(connection, *event, terms, call.now, &publication);
    if (!accepted) return fail(accepted.error());
    Change change{.status = 201, .body = text_of_data(*envelope), .audit = {}, .after_commit = {}};
    change.after_commit = native::hand_over(*std::move(accepted));
    return change;
  });
}

Task<Result<Reply>> list_events(Call& call) {
  const dialect::Dialect& dialect = dialect_of(call);
  const auto page = numbered_page(call.query);
  store::events::Filter filter;
  filter.since = call.query.time("since");
  filter.until = call.query.time("until");
  filter.types = canonical_types(dialect);
  const auto type = call.query.text("type");
  WAYBILL_CO_TRY(call.query.done());
  if (type) {
    const dialect::EventType* listed = find_event_type(dialect, *type);
    if (!listed) co_return fail(unknown_type(*type));
    filter.types = {listed->canonical};
  }
  std::int64_t total = 0;
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) -> Result<store::Page<store::events::Routed>> {
        const auto count = store::events::count(connection, call.workspace_id, filter);
        if (!count) return fail(count.error());
        total = *count;
        return store::events::list(connection, call.workspace_id, filter, page);
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_list(found->rows, total, page, [&](const auto& routed) {
                    return text_of(call, dialect, routed.event);
                  })};
}

Task<Result<Reply>> get_event(Call& call) {
  const auto id = event_id(call);
  if (!id) co_return fail(id.error());
  const dialect::Dialect& dialect = dialect_of(call);
  const auto found = co_await call.services.database.read(
      [&](Connection& connection) { return find_event(connection, call, dialect, *id); });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_data(text_of(call, dialect, *found))};
}

Task<Result<Reply>> replay_event(Call& call) {
  const auto id = event_id(call);
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(native::read_no_body(call.request));
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_event(connection, call, dialect_of(call), *id));
    auto replayed = replay(connection, call, *id, std::nullopt, terms);
    if (!replayed) return fail(replayed.error());
    std::string answer;
    ObjectText(answer).add("event_id", *id).add("deliveries", replayed->deliveries.size()).end();
    replayed->change.body = text_of_data(answer);
    return std::move(replayed->change);
  });
}

}  // namespace waybill::surfaces::proign
