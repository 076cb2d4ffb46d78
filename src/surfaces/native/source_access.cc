// By what a source knows who sends: its secrets, and the token in its path.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "intake/source_secrets.h"
#include "store/sources.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

using Keys = std::vector<intake::OpenSource::Key>;

struct NewSecret {
  std::optional<Secret> secret;  // Nothing: the hub makes one.
  // How long the former ones verify. Nothing: for good.
  std::optional<std::chrono::milliseconds> overlap;
};

Result<NewSecret> read_new_secret(const json::object& object, const dialect::Dialect& dialect) {
  ObjectReader body(object);
  NewSecret wanted;
  if (const auto text = body.optional_text("secret", {1, kSecretCharactersMax})) {
    wanted.secret = Secret(*text);
    if (!body.has_fault()) body.check("secret", check_source_secret(dialect, *wanted.secret));
  }
  if (!body.is_null("overlap")) {
    wanted.overlap = body.optional_duration("overlap", std::chrono::milliseconds(0), kOverlapMax)
                         .value_or(std::chrono::hours(24));
  }
  WAYBILL_TRY(body.done());
  if (dialect.signature) return wanted;
  return fail(Code::kInvalid, "secret_not_used",
              fmt::format("{} does not sign, so its sources have no secret.", dialect.title));
}

Result<Keys> current_keys(const Call& call, const model::Source& source) {
  auto keys = intake::open_secrets(call.services.secret_box, source);
  if (!keys) return keys;
  std::erase_if(*keys,
                [&](const auto& key) { return key.expires_at && *key.expires_at <= call.now; });
  return keys;
}

std::string fingerprint_of(const Call& call, const model::Source& source, const Secret& secret) {
  return intake::fingerprint(call.services.secret_box, source, secret);
}

// Writes the source, and answers with what it is now.
Result<Change> write_source(store::Connection& connection, const Call& call, model::Source& source,
                            std::string_view action, std::string detail,
                            const std::optional<Secret>& shown = std::nullopt) {
  source.updated_at = call.now;
  WAYBILL_TRY(store::sources::update(connection, source));
  const auto view = view_of(connection, source);
  if (!view) return fail(view.error());
  Change change;
  ObjectText object(change.body);
  write(object, *view, call);
  if (shown) object.add("secret", shown->empty() ? std::nullopt : std::optional(shown->reveal()));
  object.end();
  change.audit = AuditNote{action, source.id.text(), std::move(detail), {}};
  change.after_commit = [id = source.id](const Services& services) {
    tell_source_changed(services, id);
  };
  return change;
}

Result<Change> add_secret(store::Connection& connection, const Call& call,
                          const json::object& object) {
  auto source = find_source_to_change(connection, call);
  if (!source) return fail(source.error());
  const auto dialect = dialect_of(*source, call.services.dialects);
  if (!dialect) return fail(dialect.error());
  const auto wanted = read_new_secret(object, **dialect);
  if (!wanted) return fail(wanted.error());
  auto keys = current_keys(call, *source);
  // What does not open verifies nothing, and keeps nobody from giving the source another.
  if (!keys) keys = Keys();
  if (wanted->secret) {
    WAYBILL_TRY(intake::check_environment_of(connection, call.services.secret_box, *source,
                                             *wanted->secret));
    if (std::ranges::find(*keys, *wanted->secret, &intake::OpenSource::Key::secret) !=
        keys->end()) {
      return fail(Code::kConflict, "secret_in_use", "This source has this secret already.");
    }
  }
  const Secret added = wanted->secret ? *wanted->secret : (*dialect)->new_secret();
  if (wanted->overlap) {
    const Timestamp until = call.now + *wanted->overlap;
    for (auto& key : *keys) key.expires_at = std::min(key.expires_at.value_or(until), until);
    if (wanted->overlap->count() == 0) keys->clear();
  }
  if (keys->size() >= intake::kSourceSecretsMax) {
    return fail(Code::kConflict, "secrets_max_reached",
                fmt::format("A source has at most {} secrets at one time: take one away first.",
                            intake::kSourceSecretsMax));
  }
  keys->insert(keys->begin(), {added, std::nullopt});
  source->secrets = intake::seal_secrets(call.services.secret_box, source->id, *keys);
  std::string detail;
  ObjectText(detail)
      .add("fingerprint", fingerprint_of(call, *source, added))
      .add("overlap", wanted->overlap)
      .end();
  auto change = write_source(connection, call, *source, "source.add_secret", std::move(detail),
                             wanted->secret ? Secret() : added);
  if (change) change->status = 201;
  return change;
}

Result<Change> remove_secret(store::Connection& connection, const Call& call) {
  auto source = find_source_to_change(connection, call);
  if (!source) return fail(source.error());
  auto keys = current_keys(call, *source);
  if (!keys) return fail(keys.error());
  const std::string& fingerprint = call.request.param("fingerprint");
  const auto removed = std::erase_if(*keys, [&](const auto& key) {
    return fingerprint_of(call, *source, key.secret) == fingerprint;
  });
  if (removed == 0) {
    return fail(Code::kNotFound, "secret_not_found", "This source has no such secret.");
  }
  source->secrets = intake::seal_secrets(call.services.secret_box, source->id, *keys);
  std::string detail;
  ObjectText(detail).add("fingerprint", fingerprint).end();
  return write_source(connection, call, *source, "source.remove_secret", std::move(detail));
}

}  // namespace

Task<Result<Reply>> add_source_secret(Call& call) {
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  co_return co_await make_change(
      call, [&](store::Connection& connection) { return add_secret(connection, call, *object); });
}

Task<Result<Reply>> remove_source_secret(Call& call) {
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(
      call, [&](store::Connection& connection) { return remove_secret(connection, call); });
}

Task<Result<Reply>> rotate_source_token(Call& call) {
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto source = find_source_to_change(connection, call);
    if (!source) return fail(source.error());
    give_token(call, *source);
    return write_source(connection, call, *source, "source.rotate_token", "{}");
  });
}

}  // namespace waybill::surfaces::native
