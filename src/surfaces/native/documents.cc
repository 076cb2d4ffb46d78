#include "store/documents.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/users.h"
#include "surfaces/native/accepted.h"
#include "surfaces/native/change.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/request_trace.h"

namespace waybill::surfaces::native {
namespace {

using model::Document;
using model::DocumentKind;

// What the address names.
struct Place {
  const DocumentKind* kind = nullptr;
  std::int64_t id = 0;  // 0: it is none.
};

Result<const DocumentKind*> find_kind(std::string_view name) {
  if (const DocumentKind* kind = model::find_document_kind(name)) return kind;
  std::vector<std::string_view> names;
  for (const DocumentKind& kind : model::document_kinds()) names.push_back(kind.name);
  return fail(Code::kNotFound, "document_kind_not_found",
              fmt::format("There is no kind of document \"{}\". There are: {}.",
                          is_utf8(name) ? name : "…", fmt::join(names, ", ")));
}

std::int64_t parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole && id >= 1 && id <= Document::kNumberMax ? id : 0;
}

Result<Place> read_place(const net::Request& request) {
  const auto kind = find_kind(request.param("kind"));
  if (!kind) return fail(kind.error());
  return Place{*kind, parse_id(request.param("document"))};
}

// Whose document it is, if the content says so.
Result<std::optional<model::UserId>> find_creator(store::Connection& connection,
                                                  const model::WorkspaceId& workspace,
                                                  const json::object& content) {
  const json::value* named = content.if_contains("created_by");
  if (!named || named->is_null()) return std::optional<model::UserId>();
  if (!named->is_string()) {
    return fail(Code::kInvalid, "member_type", "This has to be a user's id or e-mail.",
                "$.created_by");
  }
  const auto user = store::users::find(connection, workspace, named->get_string());
  if (!user) return fail(user.error());
  if (*user) return std::optional((*user)->id);
  return fail(Code::kNotFound, "user_not_found", "There is no such user.", "$.created_by");
}

// The IDN that the document has from now on: the one it had, the one it brings, or the next.
Result<void> settle_idn(store::Connection& connection, const store::documents::Key& key,
                        const DocumentKind& kind, const std::optional<Document>& before,
                        Document& document) {
  if (before && before->idn) {
    if (document.idn && document.idn != before->idn) {
      return fail(Code::kConflict, "document_idn_fixed",
                  fmt::format("This document has the IDN {}, and keeps it.", *before->idn),
                  "$.idn");
    }
    document.idn = before->idn;
    return {};
  }
  if (document.idn) return store::documents::note_idn(connection, key, *document.idn);
  if (!kind.is_numbered) return {};
  const auto next = store::documents::next_idn(connection, key);
  if (!next) return fail(next.error());
  if (*next > model::Document::kNumberMax) {
    return fail(Code::kConflict, "document_idn_exhausted",
                "There is no number left after the greatest IDN of this kind: put the document "
                "with an \"idn\" of its own.");
  }
  document.idn = *next;
  return {};
}

// What a PUT makes of what was there before.
struct Put {
  Document document;
  bool is_new = false;
  bool has_changed = false;
};

Result<Put> put(store::Connection& connection, const Call& call, const Place& place,
                const json::object& content) {
  const store::documents::Key key{call.workspace_id, place.kind->name};
  // What is wrong with a body is found before anything is written: a unit that fails after that
  // costs all others of its transaction.
  Document judged;
  judged.id = place.id;
  WAYBILL_TRY(model::read_content(content, judged));
  const auto creator = find_creator(connection, call.workspace_id, content);
  if (!creator) return fail(creator.error());
  const auto before = store::documents::find_to_put(connection, key, place.id);
  if (!before) return fail(before.error());
  Put put{before->value_or(Document()), !*before, false};
  Document& document = put.document;
  if (put.is_new) {
    document.workspace_id = call.workspace_id;
    document.kind = place.kind->name;
    document.id = place.id;
    document.uuid = call.services.ids.next();
    document.created_at = call.now;
  }
  WAYBILL_TRY(model::read_content(content, document));
  if (*creator) document.created_by = *creator;
  WAYBILL_TRY(settle_idn(connection, key, *place.kind, *before, document));
  model::write_content(content, *place.kind, document);

  put.has_changed = put.is_new || document.content != (*before)->content ||
                    document.created_by != (*before)->created_by;
  if (!put.has_changed) return put;
  document.modified_at = call.now;
  WAYBILL_TRY(put.is_new ? store::documents::insert(connection, document)
                         : store::documents::update(connection, document));
  return put;
}

model::Event event_of(const Call& call, const Put& put, const DocumentKind& kind) {
  model::Event event;
  event.id = call.services.ids.next_id<model::EventId>();
  event.workspace_id = call.workspace_id;
  event.type = put.is_new ? kind.created_event() : kind.updated_event();
  event.occurred_at = call.now;
  event.subject = std::to_string(put.document.id);
  event.data = model::document_event_data(put.document, kind);
  event.trace = trace_of(call.request);
  return event;
}

std::string text_of_put(const Document& document, const std::optional<model::EventId>& event) {
  std::string answer;
  ObjectText object(answer);
  write(object, document);
  object.add_json("content", document.content).add("event_id", event).end();
  return answer;
}

}  // namespace

Task<Result<Reply>> list_documents(Call& call) {
  const auto page = call.query.page();
  const auto kind = call.query.parsed(
      "kind",
      [](std::string_view name) {
        const DocumentKind* found = model::find_document_kind(name);
        return found ? std::optional(std::string(found->name)) : std::nullopt;
      },
      "a kind of document, as purchase_order");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::documents::page(connection, call.workspace_id, kind, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> put_document(Call& call) {
  const auto place = read_place(call.request);
  if (!place) co_return fail(place.error());
  if (place->id == 0) {
    co_return fail(
        Code::kInvalid, "document_id_invalid",
        fmt::format("A document's id is a whole number from 1 to {}.", Document::kNumberMax));
  }
  const auto content = read_body(call.request);
  if (!content) co_return fail(content.error());
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto done = put(connection, call, *place, *content);
    if (!done) return fail(done.error());
    if (!done->has_changed) return Change{200, text_of_put(done->document, {}), {}, {}};
    auto accepted = call.services.acceptance.accept(connection, event_of(call, *done, *place->kind),
                                                    terms, call.now);
    if (!accepted) return fail(accepted.error());
    const int status = done->is_new ? 201 : 200;
    return Change{status,
                  text_of_put(done->document, accepted->event->id),
                  {},
                  hand_over(*std::move(accepted))};
  });
}

Task<Result<Reply>> get_document(Call& call) {
  const auto place = read_place(call.request);
  if (!place) co_return fail(place.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::documents::find(connection, {call.workspace_id, place->kind->name}, place->id);
  });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, *found);
  object.add_json("content", found->content).end();
  co_return Reply{200, std::move(body)};
}

}  // namespace waybill::surfaces::native
