// A Change is what one POST, PATCH or DELETE does. It is one unit of the database: what is changed,
// its audit entry and, where the caller gave an Idempotency-Key, the memory of the answer. So it
// happens wholly or not at all, and a repeat does nothing: for 24 hours it is given the first
// answer again, byte for byte.
//
//   co_return co_await make_change(call, [&](store::Connection& c) -> Result<Change> { … });

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/connection.h"
#include "store/database.h"
#include "surfaces/native/call.h"

namespace waybill::surfaces::native {

// One line of the audit log: who and when are the call's.
struct AuditNote {
  std::string_view action;    // "endpoint.pause"
  std::string subject;        // The id of what was changed.
  std::string detail = "{}";  // A JSON object: what changed. Never a secret.
  // In whose log. Nothing: of the call's workspace.
  std::optional<model::WorkspaceId> workspace_id;
};

// Writes it: for what is no Change.
Result<void> write_audit(store::Connection& connection, const Call& call, const AuditNote& note);

// What a unit has written.
struct Change {
  int status = 200;
  std::string body;                // JSON; may hold a new secret, and is sealed where it is stored.
  std::optional<AuditNote> audit;  // Nothing: it turned out that nothing had to change.
  // What the rest of the hub has to be told, on the thread of the io_context, once it is committed.
  // Not called for an answer given again. May be empty.
  std::function<void(const Services&)> after_commit;
};

// May be called more than once (store/database.h): moves nothing out of what it captured, which
// lives in the frame that awaits.
using Unit = std::function<Result<Change>(store::Connection&)>;

// Runs `unit` and answers with what it made, or with what an earlier call with this Idempotency-Key
// made. Refusals are not remembered, as nothing happened. `lock_order`: of the row that `unit`
// locks first and others wait for (store/database.h), as store::list_clock::order_of() says it.
//
// Fails as `unit`, as Database::run(), with kInvalid (idempotency_key_invalid), or with kConflict
// (idempotency_conflict) for a key that came with another body or path before.
Task<Result<Reply>> make_change(Call& call, Unit unit, store::LockOrder lock_order = 0);

}  // namespace waybill::surfaces::native
