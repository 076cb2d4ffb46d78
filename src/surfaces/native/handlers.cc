#include "surfaces/native/handlers.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "delivery/channel_settings.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/sources.h"
#include "surfaces/endpoints.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

using model::EndpointState;

// A list of handlers comes whole: a source has at most kHandlersMax.
constexpr int kPageMax = 200;

std::string shown_settings(const model::Endpoint& handler, const crypto::SecretBox& secret_box) {
  if (handler.channel_settings.empty()) return "{}";
  const auto text = secret_box.open(handler.channel_settings, handler.id.bytes());
  const auto settings = text ? parse_json(text->reveal()) : fail(text.error());
  if (!settings || !settings->is_object()) return "{}";
  return delivery::shown_channel_settings(handler.channel, settings->get_object());
}

// What the audit log keeps of a handler's settings.
std::string settings_text(const model::Endpoint& handler, const Call& call) {
  std::string detail;
  ObjectText object(detail);
  object.add("source_id", handler.source_id)
      .add("channel", model::channel_name(handler.channel))
      .add("url", handler.url)
      .add_json("settings", shown_settings(handler, call.services.secret_box))
      .add("dialect", handler.dialect)
      .add("name", handler.name)
      .add("description", handler.description)
      .add("event_types", handler.event_types)
      .add_json("filter", handler.filter.empty() ? "null" : handler.filter);
  add_pace(object, handler.overrides);
  object.add("in_order", handler.in_order).add("order_by", handler.order_by).end();
  return detail;
}

// What is fetched is in the order in which the fetches ended.
bool keeps_order(const model::Endpoint& fetcher, const model::Endpoint& handler) {
  if (fetcher.in_order) return true;
  return !handler.in_order && fetcher.order_by == handler.order_by;
}

// A handler that is sent to in order, behind a fetcher that keeps none, would not be.
Result<void> check_order_behind_fetcher(const model::Endpoint& handler,
                                        std::span<const model::Endpoint> others) {
  const bool is_fetcher = handler.channel == model::Channel::kFetch;
  for (const model::Endpoint& other : others) {
    if (is_fetcher == (other.channel == model::Channel::kFetch)) continue;
    const model::Endpoint& fetcher = is_fetcher ? handler : other;
    const model::Endpoint& ordered = is_fetcher ? other : handler;
    const bool is_ordered = ordered.in_order || !ordered.order_by.empty();
    if (!is_ordered || keeps_order(fetcher, ordered)) continue;
    return fail(Code::kConflict, "fetcher_not_in_order",
                "A handler in order behind a fetcher needs that to be in order too: with in_order, "
                "or the same order_by.");
  }
  return {};
}

Result<void> check_room_for(store::Connection& connection, const model::Endpoint& handler) {
  const auto others = handlers_of(connection, handler.workspace_id, *handler.source_id);
  if (!others) return fail(others.error());
  if (std::ssize(*others) >= kHandlersMax) {
    return fail(Code::kConflict, "handlers_max_reached",
                fmt::format("A source has at most {} handlers.", kHandlersMax));
  }
  const bool fetches = std::ranges::any_of(*others, [](const model::Endpoint& other) {
    return other.channel == model::Channel::kFetch;
  });
  if (handler.channel != model::Channel::kFetch || !fetches) {
    return check_order_behind_fetcher(handler, *others);
  }
  return fail(Code::kConflict, "fetcher_exists",
              "A source fetches with one handler, and this one has one.");
}

// What a fetcher has not fetched yet nobody else has been given.
Result<void> check_owes_nothing(store::Connection& connection, const model::Endpoint& handler) {
  if (handler.channel != model::Channel::kFetch) return {};
  std::int64_t owed = 0;
  for (const auto state : {model::DeliveryState::kPending, model::DeliveryState::kDelivering,
                           model::DeliveryState::kRetrying}) {
    store::deliveries::Filter filter;
    filter.endpoint = handler.id;
    filter.state = state;
    const auto count = store::deliveries::count(connection, handler.workspace_id, filter);
    if (!count) return fail(count.error());
    owed += *count;
  }
  if (owed == 0) return {};
  return fail(Code::kConflict, "fetcher_owes",
              fmt::format("{} messages wait for it, and no other handler has been given them. Let "
                          "it fetch them first, with a filter that lets no new one pass.",
                          owed));
}

struct Target {
  model::Source source;
  const dialect::Dialect* dialect = nullptr;
};

// The source that a new handler is to be of.
Result<Target> find_target(store::Connection& connection, const Call& call) {
  auto source = find_named_source(connection, call.workspace_id, call.request.param("source"));
  if (!source) return fail(source.error());
  const auto dialect = dialect_of(*source, call.services.dialects);
  if (!dialect) return fail(dialect.error());
  return Target{*std::move(source), *dialect};
}

Result<model::Endpoint> find_handler_to_change(store::Connection& connection, const Call& call,
                                               const model::EndpointId& id) {
  return check_handler_present(store::endpoints::find_to_change(connection, call.workspace_id, id));
}

// What has been stopped by its workspace begins again as it was begun: an operator's by the
// operator.
Result<Change> resume(store::Connection& connection, const Call& call, model::Endpoint& handler) {
  WAYBILL_TRY(check_may_run(call, handler.channel));
  return endpoints::resume(connection, call, handler);
}

// One of endpoints::pause and resume(), for the handler of the path.
using ChangeState = Result<Change> (*)(store::Connection&, const Call&, model::Endpoint&);
Task<Result<Reply>> change_state(Call& call, ChangeState change_state) {
  const auto id = path_id<model::EndpointId>(call.request, "handler");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto handler = find_handler_to_change(connection, call, *id);
    if (!handler) return fail(handler.error());
    auto change = change_state(connection, call, *handler);
    if (change) change->body = text_of(*handler, AsHandler{call.services});
    return change;
  });
}

}  // namespace

Result<model::Endpoint> check_is_handler(Result<model::Endpoint> found) {
  const bool other = found ? !found->is_handler() : found.error().code == Code::kNotFound;
  if (!other) return found;
  return fail(Code::kNotFound, "handler_not_found", "There is no such handler.");
}

Result<model::Endpoint> check_handler_present(Result<model::Endpoint> found) {
  auto handler = check_is_handler(std::move(found));
  if (handler && handler->state == EndpointState::kDeleted) {
    return fail(Code::kNotFound, "handler_not_found", "This handler has been deleted.");
  }
  return handler;
}

Result<std::vector<model::Endpoint>> handlers_of(store::Connection& connection,
                                                 const model::WorkspaceId& workspace,
                                                 const model::SourceId& source) {
  store::endpoints::Filter filter;
  filter.source = source;
  auto page = store::endpoints::list(connection, workspace, filter, {kPageMax, std::nullopt});
  if (!page) return fail(page.error());
  return std::move(page->rows);
}

Result<Change> add_handler(store::Connection& connection, const Call& call,
                           const model::Source& source, NewHandler& made) {
  made.handler.source_id = source.id;
  WAYBILL_TRY(check_room_for(connection, made.handler));
  WAYBILL_TRY(store::endpoints::insert(connection, made.handler));
  Change change;
  change.audit =
      AuditNote{"handler.create", made.handler.id.text(), settings_text(made.handler, call), {}};
  return change;
}

Result<Change> change_handler(store::Connection& connection, const Call& call,
                              const model::Endpoint& before, model::Endpoint& after) {
  const std::string was = settings_text(before, call);
  const std::string is = settings_text(after, call);
  // What is hidden there may differ too: sealed anew, it is taken to.
  const bool sealed_changed = before.channel_settings != after.channel_settings ||
                              before.secrets.current != after.secrets.current;
  if (was == is && !sealed_changed) return Change();
  after.updated_at = call.now;
  WAYBILL_TRY(store::endpoints::update(connection, after));
  std::string detail;
  ObjectText(detail).add_json("before", was).add_json("after", is).end();
  Change change;
  change.audit = AuditNote{"handler.update", after.id.text(), std::move(detail), {}};
  change.after_commit = [workspace = call.workspace_id, id = after.id](const Services& services) {
    forget_endpoint(services, workspace, id);
  };
  return change;
}

void write(ObjectText& object, const model::Endpoint& handler, const AsHandler& as) {
  object.add("id", handler.id)
      .add("source_id", handler.source_id)
      .add("channel", model::channel_name(handler.channel))
      .add("url", handler.url.empty() ? std::nullopt : std::optional(handler.url))
      .add_json("settings", shown_settings(handler, as.services.secret_box))
      .add("dialect", handler.dialect.empty() ? std::nullopt : std::optional(handler.dialect))
      .add("name", handler.name)
      .add("description", handler.description)
      .add("event_types", handler.event_types)
      .add_json("filter", handler.filter.empty() ? "null" : handler.filter)
      .add("state", model::endpoint_state_name(handler.state))
      .add("state_reason", handler.state_reason)
      .add("has_secret", !handler.secrets.current.empty());
  add_pace(object, handler.overrides);
  object.add("in_order", handler.in_order)
      .add("order_by", handler.order_by.empty() ? std::nullopt : std::optional(handler.order_by))
      .add("failing", handler.failing);
  const auto target = delivery::make_target(handler, as.services.dialects, as.services.secret_box);
  if (target) {
    ObjectText(object.member("effective"))
        .add("retry", target->retry.delays())
        .add("timeout", target->timeout)
        .add("attempts_max", target->retry.attempts_max())
        .end();
  } else {
    object.add_json("effective", "null");
  }
  object.add("consecutive_failures", handler.consecutive_failures)
      .add("created_at", handler.created_at)
      .add("updated_at", handler.updated_at);
}

void write_new(ObjectText& object, const NewHandler& made, const AsHandler& as) {
  write(object, made.handler, as);
  if (made.secret.empty()) {
    object.add_json("secret", "null").add_json("verification_key", "null");
  } else {
    write_secret(object, *made.signs_in, made.secret);
  }
}

Task<Result<Reply>> create_handler(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  // A source's dialect never changes.
  const auto target = co_await call.services.database.read(
      [&](store::Connection& connection) { return find_target(connection, call); });
  if (!target) co_return fail(target.error());
  const auto asked = read_new_handler(call, *object, "$", *target->dialect);
  if (!asked) co_return fail(asked.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    // Held, so that it is not deleted meanwhile, and has one fetcher.
    const auto source = find_source_to_change(connection, call);
    if (!source) return fail(source.error());
    NewHandler made = *asked;
    auto change = add_handler(connection, call, *source, made);
    if (!change) return change;
    change->status = 201;
    ObjectText answer(change->body);
    write_new(answer, made, AsHandler{call.services});
    answer.end();
    return change;
  });
}

Task<Result<Reply>> list_handlers(Call& call) {
  const auto page = call.query.page();
  store::endpoints::Filter filter;
  filter.state = call.query.parsed("state", model::parse_endpoint_state,
                                   "active, paused, deactivated or deleted");
  filter.handlers = true;
  const auto named = call.query.text("source");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<store::Page<model::Endpoint>> {
        store::endpoints::Filter wanted = filter;
        if (named) {
          const auto source = find_named_source(connection, call.workspace_id, *named);
          if (!source) return fail(source.error());
          wanted.source = source->id;
        }
        return store::endpoints::list(connection, call.workspace_id, wanted, page);
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found, AsHandler{call.services})};
}

Task<Result<Reply>> get_handler(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "handler");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return check_is_handler(store::endpoints::find(connection, call.workspace_id, *id));
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of(*found, AsHandler{call.services})};
}

Task<Result<Reply>> update_handler(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "handler");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto handler = find_handler_to_change(connection, call, *id);
    if (!handler) return fail(handler.error());
    const auto source = store::sources::find(connection, call.workspace_id, *handler->source_id);
    if (!source) return fail(source.error());
    const auto dialect = dialect_of(*source, call.services.dialects);
    if (!dialect) return fail(dialect.error());
    const model::Endpoint before = *handler;
    WAYBILL_TRY(read_handler_changes(call, *object, **dialect, *handler));
    auto change = change_handler(connection, call, before, *handler);
    if (change) change->body = text_of(*handler, AsHandler{call.services});
    return change;
  });
}

Task<Result<Reply>> delete_handler(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "handler");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto handler =
        check_is_handler(store::endpoints::find_to_change(connection, call.workspace_id, *id));
    if (!handler) return fail(handler.error());
    if (handler->state != EndpointState::kDeleted) {
      WAYBILL_TRY(check_owes_nothing(connection, *handler));
    }
    auto removed = endpoints::remove_handler(connection, call, *id);
    if (!removed) return fail(removed.error());
    ObjectText(removed->change.body)
        .add("id", *id)
        .add("state", model::endpoint_state_name(EndpointState::kDeleted))
        .add("cancelled_deliveries", removed->cancelled_deliveries)
        .end();
    return std::move(removed->change);
  });
}

Task<Result<Reply>> pause_handler(Call& call) { return change_state(call, endpoints::pause); }

Task<Result<Reply>> resume_handler(Call& call) { return change_state(call, resume); }

}  // namespace waybill::surfaces::native
