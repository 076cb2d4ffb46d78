// What sources have received, and giving it to their handlers again.

#include "store/messages.h"

#include <utility>

#include "base/bytes.h"
#include "base/json.h"
#include "model/message.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/events.h"
#include "surfaces/native/change.h"
#include "surfaces/native/handlers.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/sources.h"
#include "surfaces/replay.h"

namespace waybill::surfaces::native {
namespace {

struct Owed {
  model::Delivery delivery;
  std::vector<model::Attempt> attempts;
};

struct FullMessage {
  model::Message message;
  // Nothing: the event is gone already.
  std::optional<model::MessageContent> content;
  std::vector<Owed> deliveries;  // Of both its events, the oldest first.
};

void write(ObjectText& object, const Owed& owed) {
  native::write(object, owed.delivery);
  append_records(object.member("attempts"), owed.attempts);
}

// Adds what is owed of one of its events.
Result<void> add_deliveries(store::Connection& connection, const model::WorkspaceId& workspace,
                            const model::EventId& event, std::vector<Owed>& all) {
  auto deliveries = store::deliveries::of_event(connection, workspace, event);
  if (!deliveries) return fail(deliveries.error());
  for (model::Delivery& delivery : *deliveries) {
    auto attempts = store::deliveries::attempts(connection, workspace, delivery.id);
    if (!attempts) return fail(attempts.error());
    all.push_back({std::move(delivery), *std::move(attempts)});
  }
  return {};
}

Result<std::optional<model::MessageContent>> content_of(store::Connection& connection,
                                                        const model::WorkspaceId& workspace,
                                                        const model::EventId& event) {
  const auto found = store::events::find(connection, workspace, event);
  if (!found && found.error().code == Code::kNotFound) {
    return std::optional<model::MessageContent>();
  }
  if (!found) return fail(found.error());
  const auto data = parse_json(found->event.data);
  if (!data) return fail(data.error());
  auto content = model::read_message_data(*data);
  if (!content) return fail(content.error());
  return std::optional(*std::move(content));
}

Result<FullMessage> find_message(store::Connection& connection, const model::WorkspaceId& workspace,
                                 const model::MessageId& id) {
  auto message = store::messages::find(connection, workspace, id);
  if (!message) return fail(message.error());
  FullMessage full{*std::move(message), {}, {}};
  const auto& fetched = full.message.fetched_event_id;
  // What was fetched says the same, and holds the document.
  auto content = content_of(connection, workspace, fetched ? *fetched : full.message.event_id());
  if (!content) return fail(content.error());
  full.content = *std::move(content);
  WAYBILL_TRY(add_deliveries(connection, workspace, full.message.event_id(), full.deliveries));
  if (fetched) WAYBILL_TRY(add_deliveries(connection, workspace, *fetched, full.deliveries));
  return full;
}

void write_content(ObjectText& object, const std::optional<model::MessageContent>& content) {
  if (!content) {
    for (const char* name : {"dialect", "content_type", "headers", "body", "body_base64"}) {
      object.add_json(name, "null");
    }
    object.add_json("document", "null");
    return;
  }
  object.add("dialect", content->dialect).add("content_type", content->content_type);
  append_array(object.member("headers"), content->headers,
               [](std::string& out, const net::Header& header) {
                 append_value(out, std::vector<std::string>{header.name, header.value});
               });
  const bool is_text = is_utf8(content->body);
  object.add("body", is_text ? std::optional(content->body) : std::nullopt)
      .add("body_base64", is_text ? std::nullopt : std::optional(base64(as_bytes(content->body))))
      .add_json("document", content->document ? *content->document : "null");
}

// Which of its events a handler is given: what a fetcher wants is the message as it came, and all
// others what was fetched, if something was.
Result<model::EventId> event_for(store::Connection& connection, const model::Message& message,
                                 const std::optional<model::EndpointId>& handler) {
  if (!message.fetched_event_id) return message.event_id();
  if (!handler) return *message.fetched_event_id;
  const auto found =
      check_handler_present(store::endpoints::find(connection, message.workspace_id, *handler));
  if (!found) return fail(found.error());
  return found->channel == model::Channel::kFetch ? message.event_id() : *message.fetched_event_id;
}

}  // namespace

void write(ObjectText& object, const model::Message& message) {
  const auto if_any = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  object.add("id", message.id)
      .add("source_id", message.source_id)
      .add("external_id", if_any(message.external_id))
      .add("type", if_any(message.type))
      .add("body_bytes", message.body_bytes)
      .add("body_sha256", hex(message.body_hash))
      .add("address", message.address)
      .add("received_at", message.received_at)
      .add("duplicates", message.duplicates)
      .add("differing_duplicates", message.differing)
      .add("last_duplicate_at", message.last_duplicate_at)
      .add("fetched_event_id", message.fetched_event_id)
      .add("published_event_id", message.published_event_id);
}

Task<Result<Reply>> list_messages(Call& call) {
  const auto page = call.query.page();
  store::messages::Filter filter;
  const auto named = call.query.text("source");
  filter.type = call.query.text("type");
  filter.external_id = call.query.text("external_id");
  filter.since = call.query.time("since");
  filter.until = call.query.time("until");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<store::Page<model::Message>> {
        store::messages::Filter wanted = filter;
        if (named) {
          const auto source = find_named_source(connection, call.workspace_id, *named);
          if (!source) return fail(source.error());
          wanted.source = source->id;
        }
        return store::messages::list(connection, call.workspace_id, wanted, page);
      });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_message(Call& call) {
  const auto id = path_id<model::MessageId>(call.request, "message");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return find_message(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, found->message);
  write_content(object, found->content);
  append_array(object.member("deliveries"), found->deliveries,
               [](std::string& out, const Owed& owed) {
                 ObjectText one(out);
                 write(one, owed);
                 one.end();
               });
  object.end();
  co_return Reply{200, std::move(body)};
}

Task<Result<Reply>> replay_message(Call& call) {
  const auto id = path_id<model::MessageId>(call.request, "message");
  if (!id) co_return fail(id.error());
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const auto handler = body.optional_id<model::EndpointId>("handler");
  WAYBILL_CO_TRY(body.done());
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto message = store::messages::find(connection, call.workspace_id, *id);
    if (!message) return fail(message.error());
    const auto event = event_for(connection, *message, handler);
    if (!event) return fail(event.error());
    auto replayed = replay(connection, call, *event, handler, terms);
    if (!replayed && replayed.error().reason == "endpoint_not_found") {
      return fail(Code::kNotFound, "handler_not_found",
                  "The source of this message has no such handler.", "$.handler");
    }
    if (!replayed) return fail(replayed.error());
    replayed->change.audit->action = "message.replay";
    replayed->change.audit->subject = id->text();
    replayed->change.status = 202;
    ObjectText written(replayed->change.body);
    append_records(written.member("rows"), replayed->deliveries);
    written.add("unmatched_reason", replayed->unmatched_reason).end();
    return std::move(replayed->change);
  });
}

}  // namespace waybill::surfaces::native
