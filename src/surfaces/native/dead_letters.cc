// What was given up: sent again, or dismissed with a reason, one by one or by what they have in
// common.

#include <algorithm>
#include <utility>

#include "store/deliveries.h"
#include "store/endpoints.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"
#include "surfaces/native/sources.h"

namespace waybill::surfaces::native {
namespace {

constexpr int kChangedMax = 1'000;
constexpr std::size_t kReasonCharactersMax = 500;

// Which dead letters are meant.
struct Wanted {
  store::deliveries::Filter filter;
  std::optional<std::string> source;  // By its id or name.
};

Wanted read_wanted(ObjectReader& body, Timestamp now) {
  Wanted wanted;
  store::deliveries::Filter& filter = wanted.filter;
  filter.endpoint = body.optional_id<model::EndpointId>("endpoint");
  if (const auto handler = body.optional_id<model::EndpointId>("handler")) {
    if (filter.endpoint) {
      body.refuse("handler", "member_invalid",
                  "Either \"endpoint\" or \"handler\" says whose they are.");
    }
    filter.endpoint = handler;
  }
  wanted.source = body.optional_text("source", {1, 200});
  filter.event_type = body.optional_text("type", {1, 128});
  filter.message_type = body.optional_text("message_type", {1, 200});
  filter.external_id = body.optional_text("external_id", {1, 500});
  filter.since = body.moment("since", now);
  if (body.has("until")) filter.until = body.moment("until", now);
  return wanted;
}

// With what it names looked up. Fails with kNotFound: endpoint_not_found, source_not_found.
Result<store::deliveries::Filter> resolve(store::Connection& connection, const Call& call,
                                          const Wanted& wanted) {
  store::deliveries::Filter filter = wanted.filter;
  if (filter.endpoint) {
    WAYBILL_TRY(store::endpoints::find(connection, call.workspace_id, *filter.endpoint));
  }
  if (!wanted.source) return filter;
  const auto source = find_named_source(connection, call.workspace_id, *wanted.source);
  if (!source) return fail(source.error());
  filter.source = source->id;
  return filter;
}

std::string subject_of(const Call& call, const store::deliveries::Filter& filter) {
  if (filter.endpoint) return filter.endpoint->text();
  if (filter.source) return filter.source->text();
  return call.workspace_id.text();
}

std::string read_reason(ObjectReader& body) {
  return body.text("reason", {1, kReasonCharactersMax});
}

}  // namespace

Task<Result<Reply>> retry_dropped_deliveries(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const Wanted wanted = read_wanted(body, call.now);
  WAYBILL_CO_TRY(body.done());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto filter = resolve(connection, call, wanted);
    if (!filter) return fail(filter.error());
    const auto retried = store::deliveries::retry_dropped(connection, call.workspace_id, *filter,
                                                          call.now, kChangedMax);
    if (!retried) return fail(retried.error());
    std::vector<model::EndpointId> owed;
    for (const model::Delivery& delivery : *retried) owed.push_back(delivery.endpoint_id);
    std::sort(owed.begin(), owed.end());
    owed.erase(std::unique(owed.begin(), owed.end()), owed.end());

    std::string answer;
    ObjectText(answer)
        .add("retried", retried->size())
        .add("more", retried->size() == kChangedMax)
        .end();
    if (retried->empty()) return Change{202, answer, {}, {}};
    std::string detail;
    ObjectText(detail).add("since", filter->since).add("retried", retried->size()).end();
    return Change{202, answer,
                  AuditNote{"delivery.retry_dropped", subject_of(call, *filter), detail, {}},
                  [workspace = call.workspace_id, owed = std::move(owed),
                   now = call.now](const Services& services) {
                    for (const auto& id : owed) services.dispatcher.wake(workspace, id, now);
                  }};
  });
}

Task<Result<Reply>> dismiss_delivery(Call& call) {
  const auto id = path_id<model::DeliveryId>(call.request, "delivery");
  if (!id) co_return fail(id.error());
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const std::string reason = read_reason(body);
  WAYBILL_CO_TRY(body.done());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto delivery =
        store::deliveries::dismiss(connection, call.workspace_id, *id, reason, call.now);
    if (!delivery) return fail(delivery.error());
    std::string detail;
    ObjectText(detail).add("endpoint_id", delivery->endpoint_id).add("reason", reason).end();
    return Change{
        200, text_of(*delivery), AuditNote{"delivery.dismiss", id->text(), detail, {}}, {}};
  });
}

Task<Result<Reply>> dismiss_dropped_deliveries(Call& call) {
  const auto object = read_body(call.request);
  if (!object) co_return fail(object.error());
  ObjectReader body(*object);
  const Wanted wanted = read_wanted(body, call.now);
  const std::string reason = read_reason(body);
  WAYBILL_CO_TRY(body.done());
  co_return co_await make_change(call, [&](store::Connection& connection) -> Result<Change> {
    const auto filter = resolve(connection, call, wanted);
    if (!filter) return fail(filter.error());
    const auto dismissed = store::deliveries::dismiss_dropped(
        connection, call.workspace_id, *filter, reason, call.now, kChangedMax);
    if (!dismissed) return fail(dismissed.error());
    std::string answer;
    ObjectText(answer).add("dismissed", *dismissed).add("more", *dismissed == kChangedMax).end();
    if (*dismissed == 0) return Change{200, answer, {}, {}};
    std::string detail;
    ObjectText(detail)
        .add("since", filter->since)
        .add("dismissed", *dismissed)
        .add("reason", reason)
        .end();
    return Change{200,
                  answer,
                  AuditNote{"delivery.dismiss_dropped", subject_of(call, *filter), detail, {}},
                  {}};
  });
}

}  // namespace waybill::surfaces::native
