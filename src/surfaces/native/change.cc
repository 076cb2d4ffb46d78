#include "surfaces/native/change.h"

#include <utility>

#include "base/check.h"
#include "store/audit_log.h"
#include "store/database.h"
#include "store/idempotency.h"
#include "store/sealed.h"
#include "surfaces/idempotency_key.h"

namespace waybill::surfaces::native {
namespace {

using store::Connection;
namespace idempotency = store::idempotency;

// Another node may win with the same key; then its answer is there to be read.
constexpr int kTriesMax = 3;
constexpr std::string_view kOvertaken = "idempotency_overtaken";

// What the Idempotency-Key of a request stands for.
struct Claim {
  idempotency::Key key;
  crypto::Digest fingerprint;  // Of path and body.
};

Result<std::optional<Claim>> read_claim(const Call& call) {
  const net::Request& request = call.request;
  const auto key = idempotency_key(request);
  if (!key) return fail(key.error());
  if (!*key) return std::optional<Claim>();
  WAYBILL_CHECK(store::sealed::are_answers_sealed(call.door),
                "a new door's answers are sealed anew");
  Claim claim{{call.workspace_id, call.door, crypto::sha256(**key)}, {}};
  claim.fingerprint =
      crypto::hmac_sha256(claim.key.hash, {request.path, std::string_view("\n"), request.body});
  return std::optional(claim);
}

struct Made {
  Reply reply;
  std::function<void(const Services&)> after_commit;
};

Result<Made> answer_again(const Services& services, const Claim& claim,
                          const idempotency::Entry& entry) {
  if (entry.fingerprint != claim.fingerprint) {
    return fail(Code::kConflict, "idempotency_conflict",
                "This Idempotency-Key was used for another request within the last 24 hours.");
  }
  const auto body = services.secret_box.open(entry.response, claim.key.hash);
  if (!body) return fail(body.error());
  return Made{{entry.status, body->reveal(), true}, {}};
}

Result<Made> run_unit(Connection& connection, const Call& call, const std::optional<Claim>& claim,
                      const Unit& unit) {
  if (claim) {
    const auto entry = idempotency::find(connection, claim->key, call.now);
    if (!entry) return fail(entry.error());
    if (*entry) return answer_again(call.services, *claim, **entry);
  }
  auto change = unit(connection);
  if (!change) return fail(change.error());
  if (change->audit) WAYBILL_TRY(write_audit(connection, call, *change->audit));
  if (claim) {
    const idempotency::Entry entry{claim->fingerprint, change->status,
                                   call.services.secret_box.seal(change->body, claim->key.hash)};
    const auto other = idempotency::claim(connection, claim->key, entry, call.now);
    if (!other) return fail(other.error());
    if (*other) return fail(Code::kConflict, kOvertaken, "Another node was first with this key.");
  }
  return Made{{change->status, std::move(change->body), false}, std::move(change->after_commit)};
}

}  // namespace

Result<void> write_audit(Connection& connection, const Call& call, const AuditNote& note) {
  return store::audit_log::insert(
      connection, {call.services.ids.next_id<model::AuditEntryId>(),
                   note.workspace_id.value_or(call.workspace_id), call.now, call.caller.name(),
                   std::string(note.action), note.subject, note.detail});
}

Task<Result<Reply>> make_change(Call& call, Unit unit, store::LockOrder lock_order) {
  const auto claim = read_claim(call);
  if (!claim) co_return fail(claim.error());
  for (int tries = 1;; ++tries) {
    auto made = co_await call.services.database.run(
        [&](Connection& connection) { return run_unit(connection, call, *claim, unit); },
        store::Priority::kNew, lock_order);
    if (made) {
      if (made->after_commit) made->after_commit(call.services);
      co_return std::move(made->reply);
    }
    if (made.error().reason != kOvertaken || tries == kTriesMax) co_return fail(made.error());
  }
}

}  // namespace waybill::surfaces::native
