// What an operator does to an endpoint that is there: pause, resume, test, change its secret.

#include <utility>

#include <fmt/format.h>

#include "store/endpoints.h"
#include "surfaces/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/endpoint_settings.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

struct Rotation {
  std::optional<Secret> secret;  // Nothing: the hub makes one.
  std::chrono::milliseconds overlap{0};
};

Result<Rotation> read_rotation(const json::object& object, const dialect::Dialect& dialect) {
  ObjectReader body(object);
  Rotation rotation;
  rotation.secret = read_secret(body, dialect);
  rotation.overlap = body.optional_duration("overlap", std::chrono::milliseconds(0), kOverlapMax)
                         .value_or(std::chrono::hours(24));
  WAYBILL_TRY(body.done());
  if (dialect.endpoint.secret == dialect::EndpointRules::SecretRule::kNone) {
    return fail(Code::kInvalid, "secret_not_used",
                fmt::format("{} does not sign, so its endpoints have no secret.", dialect.title));
  }
  return rotation;
}

void rotate(model::Endpoint& endpoint, Bytes sealed, std::chrono::milliseconds overlap,
            Timestamp now) {
  model::SealedSecrets& secrets = endpoint.secrets;
  const bool overlaps = overlap > std::chrono::milliseconds(0) && !secrets.current.empty();
  secrets.previous = overlaps ? std::move(secrets.current) : Bytes();
  secrets.previous_expires_at = overlaps ? std::optional(now + overlap) : std::nullopt;
  secrets.current = std::move(sealed);
  endpoint.updated_at = now;
}

// One of endpoints::pause and resume, for the endpoint of the path.
using ChangeState = Result<Change> (*)(store::Connection&, const Call&, model::Endpoint&);
Task<Result<Reply>> change_state(Call& call, ChangeState change_state) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto endpoint = find_endpoint_to_change(connection, call, *id);
    if (!endpoint) return fail(endpoint.error());
    auto change = change_state(connection, call, *endpoint);
    if (change) change->body = text_of(*endpoint, call.services.dialects, call.now);
    return change;
  });
}

}  // namespace

Task<Result<Reply>> pause_endpoint(Call& call) { return change_state(call, endpoints::pause); }

Task<Result<Reply>> resume_endpoint(Call& call) { return change_state(call, endpoints::resume); }

Task<Result<Reply>> test_endpoint(Call& call) {
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  WAYBILL_CO_TRY(read_no_body(call.request));
  const model::Event test = endpoints::new_test(call, *id);
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto tested = endpoints::test(connection, call, *id, test, terms);
    if (!tested) return fail(tested.error());
    tested->change.status = 202;
    ObjectText(tested->change.body)
        .add("event_id", test.id)
        .add("delivery_id", tested->delivery)
        .end();
    return std::move(tested->change);
  });
}

Task<Result<Reply>> rotate_endpoint_secret(Call& call) {
  const Services& services = call.services;
  const auto id = path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  const auto object = read_optional_body(call.request);
  if (!object) co_return fail(object.error());
  // Its dialect says what a secret has to look like, and an endpoint's dialect never changes.
  const auto current = co_await services.database.read([&](store::Connection& connection) {
    return check_present(store::endpoints::find(connection, call.workspace_id, *id));
  });
  if (!current) co_return fail(current.error());
  const auto dialect = dialect_of(*current, services.dialects);
  if (!dialect) co_return fail(dialect.error());
  const auto rotation = read_rotation(*object, **dialect);
  if (!rotation) co_return fail(rotation.error());
  const Secret secret = rotation->secret ? *rotation->secret : (*dialect)->new_secret();
  const Bytes sealed = services.secret_box.seal(secret.reveal(), id->bytes());

  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    auto endpoint = find_endpoint_to_change(connection, call, *id);
    if (!endpoint) return fail(endpoint.error());
    rotate(*endpoint, sealed, rotation->overlap, call.now);
    WAYBILL_TRY(store::endpoints::update(connection, *endpoint));
    std::string answer;
    ObjectText shown(answer);
    write(shown, *endpoint, services.dialects, call.now);
    write_secret(shown, **dialect, secret);
    shown.end();
    std::string detail;
    ObjectText(detail)
        .add("overlap", rotation->overlap)
        .add("previous_secret_expires_at", endpoint->secrets.previous_expires_at)
        .end();
    return Change{200, answer, AuditNote{"endpoint.rotate_secret", id->text(), detail, {}},
                  [workspace = call.workspace_id, changed = *id](const Services& after) {
                    forget_endpoint(after, workspace, changed);
                  }};
  });
}

}  // namespace waybill::surfaces::native
