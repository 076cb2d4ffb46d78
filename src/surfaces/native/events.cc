#include "store/events.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "model/message.h"
#include "store/deliveries.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/replay.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::size_t kBatchMax = 100;

// An event as its publisher wrote it.
struct Published {
  model::Event event;
  intake::Publication publication;  // Its data lies in the request's body.
};

// Which endpoints it is for, if the publisher says so.
void read_only(ObjectReader& body, const Call& call, intake::Publication& publication) {
  const json::object* members = body.has("only") ? body.object("only") : nullptr;
  if (members == nullptr) return;
  ObjectReader only(*members, body.path("only"));
  publication.dialect = only.optional_text("dialect", {1, 200}).value_or("");
  if (!publication.dialect.empty()) read_dialect(only, call.services.dialects);
  publication.endpoint = only.optional_id<model::EndpointId>("endpoint");
  body.check("only", only.done());
}

// `path`: where in the body it stands.
Result<Published> read_event(const json::object& object, std::string path, const Call& call) {
  ObjectReader body(object, std::move(path));
  model::Event event;
  event.type = body.text("type", {1, 128});
  if (!body.has_fault()) body.check("type", model::check_event_type(event.type));
  if (event.type == model::kTestEvent || model::is_alert(event.type) ||
      model::is_message(event.type)) {
    body.refuse("type", "event_type_reserved",
                "This event is made by the hub only: a test of an endpoint, an alert, or what a "
                "source received.");
  }
  if (const json::object* data = body.object("data")) append_json(event.data, *data);
  event.subject = body.optional_text("subject", {1, 200}).value_or("");
  intake::Publication publication{.data = object.if_contains("data")};
  read_only(body, call, publication);
  WAYBILL_TRY(body.done());
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.occurred_at = call.now;
  event.trace = trace_of(call.request);
  return Published{std::move(event), std::move(publication)};
}

// The new event, with where it goes.
void append_accepted(std::string& out, const intake::Accepted& accepted) {
  const model::Event& event = *accepted.event;
  ObjectText object(out);
  object.add("id", event.id)
      .add("uuid", event.id.uuid().text())
      .add("type", event.type)
      .add("occurred_at", event.occurred_at)
      .add("subject", event.subject)
      .add_json("data", event.data)
      .add("matched", accepted.matched())
      .add("unmatched_reason", accepted.unmatched_reason)
      .add_json("withheld", accepted.withheld.empty() ? "[]" : accepted.withheld);
  std::string& deliveries = object.member("deliveries");
  deliveries += '[';
  bool first = true;
  for_each_delivery(accepted, [&](const model::Delivery& delivery) {
    if (!first) deliveries += ',';
    first = false;
    ObjectText(deliveries)
        .add("id", delivery.id)
        .add("endpoint_id", delivery.endpoint_id)
        .add("state", model::delivery_state_name(delivery.state))
        .end();
  });
  deliveries += ']';
  object.end();
}

struct EventWithDeliveries {
  store::events::Routed routed;
  std::vector<model::Delivery> deliveries;
};

// What a source received is read and replayed as a message, by whoever may.
Result<store::events::Routed> find_no_message(store::Connection& connection,
                                              const model::WorkspaceId& workspace,
                                              const model::EventId& id) {
  auto routed = store::events::find(connection, workspace, id);
  if (routed && model::is_message(routed->event.type)) {
    return fail(Code::kNotFound, "event_not_found", "There is no such event.");
  }
  return routed;
}

Result<EventWithDeliveries> find_event(store::Connection& connection,
                                       const model::WorkspaceId& workspace,
                                       const model::EventId& id) {
  auto routed = find_no_message(connection, workspace, id);
  if (!routed) return fail(routed.error());
  auto deliveries = store::deliveries::of_event(connection, workspace, id);
  if (!deliveries) return fail(deliveries.error());
  return EventWithDeliveries{*std::move(routed), *std::move(deliveries)};
}

}  // namespace

Task<Result<Reply>> publish_event(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  const auto published = read_event(*object, "$", call);
  if (!published) co_return fail(published.error());
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto accepted = call.services.acceptance.accept(connection, published->event, terms, call.now,
                                                    &published->publication);
    if (!accepted) return fail(accepted.error());
    Change change{.status = 201, .body = {}, .audit = {}, .after_commit = {}};
    append_accepted(change.body, *accepted);
    change.after_commit = hand_over(*std::move(accepted));
    return change;
  });
}

Task<Result<Reply>> publish_events(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const json::array* items = body.array("events", {1, kBatchMax});
  WAYBILL_CO_TRY(body.done());
  std::vector<Published> events;
  const auto path_of = [](std::size_t index) { return fmt::format("$.events[{}]", index); };
  for (const json::value& item : *items) {
    const std::string path = path_of(events.size());
    if (!item.is_object()) {
      co_return fail(Code::kInvalid, "member_type", "This has to be an object.", path);
    }
    auto event = read_event(item.get_object(), path, call);
    if (!event) co_return fail(event.error());
    events.push_back(*std::move(event));
  }
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    std::vector<intake::Accepted> all;
    for (const Published& published : events) {
      auto accepted = call.services.acceptance.accept(connection, published.event, terms, call.now,
                                                      &published.publication);
      if (!accepted) {
        Error error = std::move(accepted).error();
        if (error.path.starts_with('$')) error.path.replace(0, 1, path_of(all.size()));
        return fail(std::move(error));
      }
      all.push_back(*std::move(accepted));
    }
    Change change{.status = 201, .body = {}, .audit = {}, .after_commit = {}};
    ObjectText answer(change.body);
    append_array(answer.member("rows"), all, append_accepted);
    answer.end();
    change.after_commit = hand_over(std::move(all));
    return change;
  });
}

Task<Result<Reply>> list_events(Call& call) {
  const auto page = call.query.page();
  const store::events::Filter filter{call.query.text("type"), call.query.text("subject"),
                                     call.query.time("since"), call.query.time("until")};
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::events::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_event(Call& call) {
  const auto id = path_id<model::EventId>(call.request, "event");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return find_event(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, found->routed);
  append_records(object.member("deliveries"), found->deliveries);
  object.end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> replay_event(Call& call) {
  const auto id = path_id<model::EventId>(call.request, "event");
  if (!id) co_return fail(id.error());
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const auto endpoint = body.optional_id<model::EndpointId>("endpoint");
  WAYBILL_CO_TRY(body.done());
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    WAYBILL_TRY(find_no_message(connection, call.workspace_id, *id));
    auto replayed = replay(connection, call, *id, endpoint, terms);
    if (!replayed) return fail(replayed.error());
    replayed->change.status = 202;
    ObjectText written(replayed->change.body);
    append_records(written.member("rows"), replayed->deliveries);
    written.add("unmatched_reason", replayed->unmatched_reason).end();
    return std::move(replayed->change);
  });
}

}  // namespace waybill::surfaces::native
