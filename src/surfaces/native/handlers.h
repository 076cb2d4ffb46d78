// Handlers as operations read, check and write them: what is done with the messages of a source.
// Each is a model::Endpoint with a source, so its states and its deletion are those of endpoints
// (surfaces/endpoints.h).

#pragma once

#include <optional>
#include <string>

#include "base/json_text.h"
#include "base/secret.h"
#include "dialect/dialect.h"
#include "model/endpoint.h"
#include "model/source.h"
#include "store/connection.h"
#include "surfaces/native/call.h"
#include "surfaces/native/change.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

// A handler that is not stored yet.
struct NewHandler {
  model::Endpoint handler;
  const dialect::Dialect* signs_in = nullptr;  // Null: it signs nothing.
  Secret secret;                               // Empty: none.
};

// What `object` wants, as a handler of a source that receives in `received`. Its source is set by
// add_handler().
//
// Faults: those of endpoint_settings.h; member_invalid; channel_unknown, handler_settings_invalid,
// order_by_invalid, order_ambiguous, dialect_unsigned, dialect_fetches_nothing,
// dialect_tells_no_events; of kForbidden, operator_only.
Result<NewHandler> read_new_handler(const Call& call, const json::object& object, std::string path,
                                    const dialect::Dialect& received);

// Changes `handler` as `object` asks. Fails likewise, and with kConflict (handler_order_fixed).
Result<void> read_handler_changes(const Call& call, const json::object& object,
                                  const dialect::Dialect& received, model::Endpoint& handler);

// The operator's own kinds are not a workspace's to make, change or resume: they run programs, and
// reach what the egress guard does not judge. Whoever may write sources may pause and delete them.
// Fails with kForbidden (operator_only).
Result<void> check_may_run(const Call& call, model::Channel channel);

// Writes it as one of `source`; the caller gives the change its status and body.
// Fails with kConflict: fetcher_exists, fetcher_not_in_order, handlers_max_reached.
inline constexpr int kHandlersMax = 100;
Result<Change> add_handler(store::Connection& connection, const Call& call,
                           const model::Source& source, NewHandler& made);

// Writes what has changed. Says nothing in the log if nothing differs.
Result<Change> change_handler(store::Connection& connection, const Call& call,
                              const model::Endpoint& before, model::Endpoint& after);

// All of a source, the newest first.
Result<std::vector<model::Endpoint>> handlers_of(store::Connection& connection,
                                                 const model::WorkspaceId& workspace,
                                                 const model::SourceId& source);

// What was found, or kNotFound (handler_not_found) for an endpoint; also for a deleted one.
Result<model::Endpoint> check_is_handler(Result<model::Endpoint> found);
Result<model::Endpoint> check_handler_present(Result<model::Endpoint> found);

// What is shown of one: never a password.
struct AsHandler {
  const Services& services;
};
void write(ObjectText& object, const model::Endpoint& handler, const AsHandler& as);
// With its secret, shown once.
void write_new(ObjectText& object, const NewHandler& made, const AsHandler& as);

}  // namespace waybill::surfaces::native
