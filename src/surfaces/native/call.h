// One call of the API, as the function that answers it sees it: who calls, for which workspace,
// and with what.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "model/api_key.h"
#include "net/http.h"
#include "surfaces/native/native_api.h"
#include "surfaces/native/request_reader.h"
#include "surfaces/native/waits.h"

namespace waybill::surfaces::native {

// Who calls.
struct Caller {
  std::shared_ptr<const model::ApiKey> key;  // Null: the admin, who may do everything.

  bool is_admin() const { return !key; }
  bool allows(std::string_view scope) const { return is_admin() || key->allows(scope); }
  // As the audit log has it: "admin", or the key's id.
  std::string name() const { return is_admin() ? "admin" : key->id.text(); }
};

struct Call {
  const Services& services;
  const net::Request& request;
  Caller caller;
  model::WorkspaceId workspace_id;  // Of the path's {workspace}; nil where the path has none.
  QueryReader query;
  Timestamp now{};  // When the call came; one time for all it does.
  Timestamp hub_started_at{};
  std::string_view door = "native";  // Each door has its own Idempotency-Keys.
  Waits* waits = nullptr;            // Of this surface's own calls alone.
};

// The answer to a call that succeeded.
struct Reply {
  int status = 200;
  std::string body;       // JSON.
  bool replayed = false;  // It is the answer of an earlier call with the same Idempotency-Key.
};

// Answers one operation. The call outlives the task.
using Operate = Task<Result<Reply>> (*)(Call& call);

}  // namespace waybill::surfaces::native
