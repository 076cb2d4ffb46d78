// Reads and checks what a caller wants an endpoint to be: the rules are those of its dialect, of
// the egress guard, and of the API's bounds.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/json_text.h"
#include "base/secret.h"
#include "delivery/custom_headers.h"
#include "dialect/dialect.h"
#include "model/endpoint.h"
#include "surfaces/native/call.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

inline constexpr std::chrono::seconds kTimeoutMin{1};
inline constexpr std::chrono::seconds kTimeoutMax{60};
inline constexpr int kRatePerSecondMax = 10'000;
inline constexpr int kInFlightMax = 1'000;
inline constexpr int kDeactivateAfterMax = 1'000;
inline constexpr std::size_t kEventTypesMax = 100;
inline constexpr std::chrono::days kOverlapMax{7};
inline constexpr std::size_t kSecretCharactersMax = 500;  // Also a source's.
inline constexpr std::chrono::hours kCoalescingMax{1};

// The dialect that "dialect" names, whether it is sent or only received. Null after a fault:
// dialect_unknown, naming those there are.
const dialect::Dialect* read_any_dialect(ObjectReader& body,
                                         const dialect::DialectRegistry& dialects);
// One that can be sent. Null also after the fault dialect_receives_only.
const dialect::Dialect* read_dialect(ObjectReader& body, const dialect::DialectRegistry& dialects);

// Each reads one member, where there is one, and tells `body` what is wrong with it. Where surfaces
// call it differently, they say how.
//
// Faults: url_invalid, url_not_https, address_blocked.
std::optional<std::string> read_url(ObjectReader& body, const Services& services,
                                    const dialect::Dialect& dialect,
                                    std::string_view member = "url");
// The same for what is sent in no dialect of ours: http:// will do. Faults: url_invalid,
// address_blocked.
std::optional<std::string> read_any_url(ObjectReader& body, const Services& services);
// Faults: event_type_unknown, naming what the dialect has.
std::optional<std::vector<std::string>> read_event_types(ObjectReader& body,
                                                         const dialect::Dialect& dialect,
                                                         std::string_view member = "event_types");
std::optional<std::string> read_name(ObjectReader& body);
std::optional<std::string> read_description(ObjectReader& body);
// Paused or active: what an endpoint may begin as.
std::optional<model::EndpointState> read_state(ObjectReader& body);
// As it is stored; empty for null. Faults: filter_invalid.
std::optional<std::string> read_filter(ObjectReader& body);
// A secret of the caller's own. Faults: secret_invalid, secret_not_used.
std::optional<Secret> read_secret(ObjectReader& body, const dialect::Dialect& dialect);
// Sets the overrides that are there; null takes one away. Faults: retry_schedule_invalid. Those of
// read_pace() alone say when and how often to try, and are handlers' too.
void read_pace(ObjectReader& body, model::EndpointOverrides& overrides);
void read_overrides(ObjectReader& body, model::EndpointOverrides& overrides);

// Headers of its own; null, or an empty object, is none of them. Faults: as check_custom_header().
std::optional<std::vector<delivery::CustomHeader>> read_headers(ObjectReader& body,
                                                                const dialect::Dialect& dialect);

// "secret" and "verification_key", or null for both: shown once, to whoever made the secret.
void write_secret(ObjectText& object, const dialect::Dialect& dialect, const Secret& secret);

// The dialect of an endpoint that is there. Fails with kConflict (dialect_unknown) if this hub has
// it no more.
Result<const dialect::Dialect*> dialect_of(const model::Endpoint& endpoint,
                                           const dialect::DialectRegistry& dialects);

// Whether the dialect's rules let `endpoint` become active in its workspace beside those that are
// there. Locks the workspace until the unit is over where that matters.
// Fails with kConflict: endpoints_max_reached, endpoint_url_taken.
Result<void> check_room(store::Connection& connection, const model::Endpoint& endpoint,
                        const dialect::Dialect& dialect);

// The second of them alone.
Result<void> check_url_free(store::Connection& connection, const model::Endpoint& endpoint,
                            const dialect::Dialect& dialect);

// What was found, or kNotFound (endpoint_not_found) for a handler, which is none of the endpoints'
// operations' business.
Result<model::Endpoint> check_is_endpoint(Result<model::Endpoint> endpoint);
// The same, also for a deleted one: nothing can be done to it.
Result<model::Endpoint> check_present(Result<model::Endpoint> endpoint);
// store::endpoints::find_to_change(), checked so.
Result<model::Endpoint> find_endpoint_to_change(store::Connection& connection, const Call& call,
                                                const model::EndpointId& id);

// Tells the rest of the hub that an endpoint has changed. After the commit.
void forget_endpoint(const Services& services, const model::WorkspaceId& workspace,
                     const model::EndpointId& endpoint);

}  // namespace waybill::surfaces::native
