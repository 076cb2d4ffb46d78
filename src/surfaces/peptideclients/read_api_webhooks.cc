// The test of a webhook (R-PC-33).

#include "base/json_text.h"
#include "store/endpoints.h"
#include "surfaces/endpoints.h"
#include "surfaces/peptideclients/read_api_operations.h"

namespace waybill::surfaces::peptideclients::reads {
namespace {

using native::Call;
using native::Change;
using native::Reply;
using store::Connection;

constexpr std::string_view kDialect = "peptideclients";

// Endpoints of other dialects are not webhooks of this API.
Result<void> check_ours(Connection& connection, const Call& call, const model::EndpointId& id) {
  const auto found = store::endpoints::find(connection, call.workspace_id, id);
  if (!found) return fail(found.error());
  if (!found->is_handler() && found->dialect == kDialect &&
      found->state != model::EndpointState::kDeleted) {
    return {};
  }
  return fail(Code::kNotFound, "endpoint_not_found", "There is no such webhook endpoint.");
}

}  // namespace

Task<Result<Reply>> test_webhook(Call& call) {
  const auto id = native::path_id<model::EndpointId>(call.request, "endpoint");
  if (!id) co_return fail(id.error());
  const model::Event test = endpoints::new_test(call, *id);
  const intake::LeaseTerms terms = call.services.dispatcher.lease_terms();
  co_return co_await native::make_change(call, [&](Connection& connection) -> Result<Change> {
    WAYBILL_TRY(check_ours(connection, call, *id));
    auto tested = endpoints::test(connection, call, *id, test, terms);
    if (!tested) return fail(tested.error());
    tested->change.status = 202;
    // As the headers of the webhook have them: a test is about nothing, so its event has no id
    // (A-PC-4).
    ObjectText(tested->change.body)
        .add("delivery_id", tested->delivery.uuid().text())
        .add("endpoint_id", id->uuid().text())
        .add("event_type", "webhook.test")
        .add_json("event_id", "null")
        .end();
    return std::move(tested->change);
  });
}

}  // namespace waybill::surfaces::peptideclients::reads
