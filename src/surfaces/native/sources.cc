#include "surfaces/native/sources.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crypto/random.h"
#include "intake/source_secrets.h"
#include "store/messages.h"
#include "store/sources.h"
#include "surfaces/endpoints.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/handlers.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::chrono::minutes kRememberMin{1};
constexpr std::chrono::days kRememberMax{365};
constexpr std::chrono::minutes kQuietMin{1};
constexpr std::chrono::days kQuietMax{365};
constexpr std::chrono::seconds kToleranceMin{1};
constexpr std::chrono::hours kToleranceMax{24};
constexpr std::size_t kTokenBytes = 24;
// So many names are tried where the caller gives none.
constexpr int kNamesMax = 1'000;

struct Asked {
  model::Source source;
  const dialect::Dialect* dialect = nullptr;
  bool is_named = false;
  std::vector<Secret> own;
  Secret made;  // By the hub. Empty: none.
  std::vector<NewHandler> handlers;
};

// Null takes what it may away.
void read_settings(ObjectReader& body, const dialect::Dialect& dialect,
                   model::SourceSettings& settings) {
  if (const auto time = body.optional_duration("remember", kRememberMin, kRememberMax)) {
    settings.remember = *time;
  }
  if (body.is_null("quiet_after")) {
    settings.quiet_after.reset();
  } else if (const auto time = body.optional_duration("quiet_after", kQuietMin, kQuietMax)) {
    settings.quiet_after = time;
  }
  if (body.is_null("tolerance")) {
    settings.tolerance.reset();
  } else if (const auto time = body.optional_duration("tolerance", kToleranceMin, kToleranceMax)) {
    settings.tolerance = time;
    if (!dialect.signature || !dialect.signature->tolerance) {
      body.refuse("tolerance", "tolerance_not_used",
                  fmt::format("{} signs no time.", dialect.title));
    }
  }
}

std::vector<Secret> read_secrets(ObjectReader& body, const dialect::Dialect& dialect) {
  std::vector<Secret> secrets;
  const auto texts =
      body.optional_texts("secrets", {0, intake::kSourceSecretsMax}, {1, kSecretCharactersMax});
  for (std::size_t i = 0; texts && i < texts->size(); ++i) {
    secrets.emplace_back((*texts)[i]);
    if (auto verdict = check_source_secret(dialect, secrets.back()); !verdict) {
      Error error = std::move(verdict).error();
      error.path = fmt::format("{}[{}]", body.path("secrets"), i);
      body.check("secrets", fail(std::move(error)));
    }
  }
  return secrets;
}

Result<Asked> read_new_source(const Call& call) {
  const Services& services = call.services;
  const auto object = read_body(call.request);
  if (!object) return fail(object.error());
  ObjectReader body(*object);
  Asked asked;
  asked.dialect = read_any_dialect(body, services.dialects);
  if (!asked.dialect) return fail(body.done().error());
  const dialect::Dialect& dialect = *asked.dialect;
  if (!dialect.receipt) {
    body.refuse("dialect", "dialect_sends_only",
                fmt::format("This hub sends as {}, but does not receive from it.", dialect.title));
  }
  model::Source& source = asked.source;
  const auto name = body.optional_text("name", {1, 200});
  asked.is_named = name.has_value();
  source.name = name.value_or(dialect.name);
  asked.own = read_secrets(body, dialect);
  if (dialect.signature && !body.has("secrets")) asked.made = dialect.new_secret();
  read_settings(body, dialect, source.settings);
  const json::array* handlers =
      body.has("handlers") ? body.array("handlers", {0, kHandlersMax}) : nullptr;
  WAYBILL_TRY(body.done());
  for (std::size_t i = 0; handlers && i < handlers->size(); ++i) {
    const std::string path = fmt::format("$.handlers[{}]", i);
    if (!(*handlers)[i].is_object()) {
      return fail(Code::kInvalid, "member_type", "This has to be an object.", path);
    }
    auto handler = read_new_handler(call, (*handlers)[i].get_object(), path, dialect);
    if (!handler) return fail(handler.error());
    asked.handlers.push_back(*std::move(handler));
  }
  source.id = services.ids.next_id<model::SourceId>();
  source.workspace_id = call.workspace_id;
  source.dialect = dialect.name;
  source.created_at = source.updated_at = call.now;
  give_token(call, source);
  std::vector<intake::OpenSource::Key> keys;
  if (!asked.made.empty()) keys.push_back({asked.made, {}});
  for (const Secret& secret : asked.own) keys.push_back({secret, {}});
  source.secrets = intake::seal_secrets(services.secret_box, source.id, keys);
  return asked;
}

Result<void> check_source_room(store::Connection& connection, const model::Source& source) {
  const auto others =
      store::sources::list(connection, source.workspace_id, {kSourcesMax, std::nullopt});
  if (!others) return fail(others.error());
  if (std::ssize(others->rows) < kSourcesMax) return {};
  return fail(Code::kConflict, "source_limit",
              fmt::format("A workspace has at most {} sources.", kSourcesMax));
}

// Its dialect's name, or that with a number behind it.
Result<void> find_name(store::Connection& connection, model::Source& source) {
  for (int number = 1; number <= kNamesMax; ++number) {
    source.name = number == 1 ? source.dialect : fmt::format("{}-{}", source.dialect, number);
    const auto taken = store::sources::find(connection, source.workspace_id, source.name);
    if (!taken) return fail(taken.error());
    if (!*taken) return {};
  }
  return fail(Code::kConflict, "source_exists", "Give this source a name: there are many.");
}

// What the audit log keeps of a source's settings.
std::string settings_text(const model::Source& source) {
  std::string detail;
  ObjectText(detail)
      .add("name", source.name)
      .add("dialect", source.dialect)
      .add("remember", source.settings.remember)
      .add("quiet_after", source.settings.quiet_after)
      .add("tolerance", source.settings.tolerance)
      .end();
  return detail;
}

Result<Change> create(store::Connection& connection, const Call& call, const Asked& asked) {
  model::Source source = asked.source;
  std::vector<NewHandler> handlers = asked.handlers;
  WAYBILL_TRY(check_source_room(connection, source));
  if (!asked.is_named) WAYBILL_TRY(find_name(connection, source));
  for (const Secret& secret : asked.own) {
    WAYBILL_TRY(intake::check_environment_of(connection, call.services.secret_box, source, secret));
  }
  WAYBILL_TRY(store::sources::insert(connection, source));
  for (NewHandler& handler : handlers) {
    auto added = add_handler(connection, call, source, handler);
    if (!added) return added;
    WAYBILL_TRY(write_audit(connection, call, *added->audit));
  }
  Change change;
  change.status = 201;
  ObjectText object(change.body);
  write(object, SourceView{&source, std::nullopt}, call);
  object.add("secret", asked.made.empty() ? std::nullopt : std::optional(asked.made.reveal()));
  append_array(object.member("handlers"), handlers,
               [&](std::string& out, const NewHandler& handler) {
                 ObjectText one(out);
                 write_new(one, handler, AsHandler{call.services});
                 one.end();
               });
  object.end();
  change.audit = AuditNote{"source.create", source.id.text(), settings_text(source), {}};
  change.after_commit = [id = source.id](const Services& services) {
    tell_source_changed(services, id);
  };
  return change;
}

Result<Change> remove(store::Connection& connection, const Call& call) {
  auto found = store::sources::find(connection, call.workspace_id, call.request.param("source"));
  if (!found) return fail(found.error());
  if (!*found) return fail(Code::kNotFound, "source_not_found", "There is no such source.");
  auto held = store::sources::find_to_change(connection, call.workspace_id, (*found)->id);
  if (!held) return fail(held.error());
  model::Source& source = *held;
  const bool was_there = source.state == model::SourceState::kActive;
  std::int64_t cancelled = 0;
  std::vector<std::function<void(const Services&)>> after;
  const auto handlers = handlers_of(connection, call.workspace_id, source.id);
  if (!handlers) return fail(handlers.error());
  for (const model::Endpoint& handler : *handlers) {
    auto removed = endpoints::remove_handler(connection, call, handler.id);
    if (!removed) return fail(removed.error());
    cancelled += removed->cancelled_deliveries;
    if (removed->change.audit) WAYBILL_TRY(write_audit(connection, call, *removed->change.audit));
    after.push_back(std::move(removed->change.after_commit));
  }
  Change change;
  ObjectText(change.body)
      .add("id", source.id)
      .add("state", model::source_state_name(model::SourceState::kDeleted))
      .add("deleted_handlers", handlers->size())
      .add("cancelled_deliveries", cancelled)
      .end();
  if (!was_there) return change;
  source.state = model::SourceState::kDeleted;
  source.secrets = {};
  source.updated_at = call.now;
  WAYBILL_TRY(store::sources::update(connection, source));
  std::string detail;
  ObjectText(detail)
      .add("name", source.name)
      .add("deleted_handlers", handlers->size())
      .add("cancelled_deliveries", cancelled)
      .end();
  change.audit = AuditNote{"source.delete", source.id.text(), std::move(detail), {}};
  change.after_commit = [id = source.id, after](const Services& services) {
    for (const auto& tell : after) {
      if (tell) tell(services);
    }
    tell_source_changed(services, id);
  };
  return change;
}

}  // namespace

Result<model::Source> find_named_source(store::Connection& connection,
                                        const model::WorkspaceId& workspace,
                                        std::string_view id_or_name) {
  // No name has a NUL, and PostgreSQL takes none in a text.
  if (!id_or_name.contains('\0')) {
    auto found = store::sources::find(connection, workspace, id_or_name);
    if (!found) return fail(found.error());
    if (*found && (*found)->state == model::SourceState::kActive) return **std::move(found);
  }
  return fail(Code::kNotFound, "source_not_found", "There is no such source.");
}

Result<model::Source> find_source_to_change(store::Connection& connection, const Call& call) {
  const auto named = find_named_source(connection, call.workspace_id, call.request.param("source"));
  if (!named) return fail(named.error());
  auto held = store::sources::find_to_change(connection, call.workspace_id, named->id);
  if (held && held->state != model::SourceState::kActive) {
    return fail(Code::kNotFound, "source_not_found", "There is no such source.");
  }
  return held;
}

Result<const dialect::Dialect*> dialect_of(const model::Source& source,
                                           const dialect::DialectRegistry& dialects) {
  const dialect::Dialect* dialect = dialects.find(source.dialect);
  if (dialect && dialect->receipt) return dialect;
  return fail(Code::kConflict, "dialect_unknown",
              fmt::format("This hub does not receive in a dialect called \"{}\" any more.",
                          source.dialect));
}

Result<void> check_source_secret(const dialect::Dialect& dialect, const Secret& secret) {
  if (dialect.signature) return dialect.check_verification_key(secret);
  return fail(Code::kInvalid, "secret_not_used",
              fmt::format("{} does not sign, so its sources have no secret.", dialect.title));
}

void give_token(const Call& call, model::Source& source) {
  const std::string token = base64url(crypto::random_bytes(kTokenBytes));
  source.token_hash = intake::token_hash(token);
  source.token = call.services.secret_box.seal(token, source.id.bytes());
}

void tell_source_changed(const Services& services, const model::SourceId& source) {
  services.sources.forget(source);
}

Result<SourceView> view_of(store::Connection& connection, const model::Source& source) {
  const auto last = store::messages::last_received(connection, source.workspace_id, source.id);
  if (!last) return fail(last.error());
  return SourceView{&source, *last};
}

void write(ObjectText& object, const SourceView& view, const Call& call) {
  const model::Source& source = *view.source;
  std::optional<std::string> path;
  std::optional<std::string> url;
  // Where nothing is signed, whoever knows the path may send.
  if (call.caller.allows("sources:write") && source.state == model::SourceState::kActive) {
    const auto token = call.services.secret_box.open(source.token, source.id.bytes());
    if (token) path = fmt::format("{}{}", model::kSourcePath, token->reveal());
    const auto host = call.request.header("Host");
    const auto proto = call.request.header("X-Forwarded-Proto");
    const bool tls = proto ? *proto == "https" : call.services.serves_tls;
    if (path && host) url = fmt::format("{}://{}{}", tls ? "https" : "http", *host, *path);
  }
  object.add("id", source.id)
      .add("name", source.name)
      .add("dialect", source.dialect)
      .add("state", model::source_state_name(source.state))
      .add("path", path)
      .add("url", url);
  const auto keys = intake::open_secrets(call.services.secret_box, source);
  std::vector<intake::OpenSource::Key> shown;
  for (const auto& key : keys.value_or(std::vector<intake::OpenSource::Key>())) {
    if (!key.expires_at || call.now < *key.expires_at) shown.push_back(key);
  }
  append_array(
      object.member("secrets"), shown, [&](std::string& out, const intake::OpenSource::Key& key) {
        ObjectText(out)
            .add("fingerprint", intake::fingerprint(call.services.secret_box, source, key.secret))
            .add("expires_at", key.expires_at)
            .end();
      });
  object.add("remember", source.settings.remember)
      .add("quiet_after", source.settings.quiet_after)
      .add("tolerance", source.settings.tolerance)
      .add("last_received_at", view.last_received_at)
      .add("created_at", source.created_at)
      .add("updated_at", source.updated_at);
}

Task<Result<Reply>> create_source(Call& call) {
  const auto asked = read_new_source(call);
  if (!asked) co_return fail(asked.error());
  co_return co_await make_change(
      call, [&](store::Connection& connection) { return create(connection, call, *asked); });
}

Task<Result<Reply>> list_sources(Call& call) {
  const auto page = call.query.page();
  WAYBILL_CO_TRY(call.query.done());
  struct Found {
    store::Page<model::Source> page;
    std::vector<std::optional<Timestamp>> last;
  };
  const auto found =
      co_await call.services.database.read([&](store::Connection& connection) -> Result<Found> {
        auto sources = store::sources::list(connection, call.workspace_id, page);
        if (!sources) return fail(sources.error());
        Found all{*std::move(sources), {}};
        for (const model::Source& source : all.page.rows) {
          const auto view = view_of(connection, source);
          if (!view) return fail(view.error());
          all.last.push_back(view->last_received_at);
        }
        return all;
      });
  if (!found) co_return fail(found.error());
  store::Page<SourceView> views{{}, found->page.next};
  for (std::size_t i = 0; i < found->page.rows.size(); ++i) {
    views.rows.push_back({&found->page.rows[i], found->last[i]});
  }
  co_return Reply{200, text_of_page(views, call)};
}

Task<Result<Reply>> get_source(Call& call) {
  const auto text = co_await call.services.database.read(
      [&](store::Connection& connection) -> Result<std::string> {
        const auto source =
            find_named_source(connection, call.workspace_id, call.request.param("source"));
        if (!source) return fail(source.error());
        const auto view = view_of(connection, *source);
        if (!view) return fail(view.error());
        return text_of(*view, call);
      });
  if (!text) co_return fail(text.error());
  co_return Reply{200, *text};
}

Task<Result<Reply>> update_source(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto source = find_source_to_change(connection, call);
    if (!source) return fail(source.error());
    const auto dialect = dialect_of(*source, call.services.dialects);
    if (!dialect) return fail(dialect.error());
    const std::string before = settings_text(*source);
    ObjectReader body(*object);
    if (auto name = body.optional_text("name", {1, 200})) source->name = *std::move(name);
    read_settings(body, **dialect, source->settings);
    WAYBILL_TRY(body.done());
    const std::string after = settings_text(*source);
    Change change;
    if (before != after) {
      source->updated_at = call.now;
      WAYBILL_TRY(store::sources::update(connection, *source));
      std::string detail;
      ObjectText(detail).add_json("before", before).add_json("after", after).end();
      change.audit = AuditNote{"source.update", source->id.text(), std::move(detail), {}};
      change.after_commit = [id = source->id](const Services& services) {
        tell_source_changed(services, id);
      };
    }
    const auto view = view_of(connection, *source);
    if (!view) return fail(view.error());
    change.body = text_of(*view, call);
    return change;
  });
}

Task<Result<Reply>> delete_source(Call& call) {
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(
      call, [&](store::Connection& connection) { return remove(connection, call); });
}

}  // namespace waybill::surfaces::native
