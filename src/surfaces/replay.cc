#include "surfaces/replay.h"

#include <utility>

#include "surfaces/native/accepted.h"

namespace waybill::surfaces {

Result<Replayed> replay(store::Connection& connection, const native::Call& call,
                        const model::EventId& event,
                        const std::optional<model::EndpointId>& endpoint,
                        const intake::LeaseTerms& terms) {
  auto accepted = call.services.acceptance.replay(connection, call.workspace_id, event, endpoint,
                                                  terms, call.now);
  if (!accepted) return fail(accepted.error());
  Replayed replayed;
  native::for_each_delivery(
      *accepted, [&](const model::Delivery& delivery) { replayed.deliveries.push_back(delivery); });
  replayed.unmatched_reason = accepted->unmatched_reason;
  std::string detail;
  ObjectText(detail).add("endpoint", endpoint).add("deliveries", replayed.deliveries.size()).end();
  replayed.change.audit = native::AuditNote{"event.replay", event.text(), std::move(detail), {}};
  replayed.change.after_commit = native::hand_over(*std::move(accepted));
  return replayed;
}

}  // namespace waybill::surfaces
