// How this surface writes an error: a problem document (RFC 9457), with a stable `code` that
// clients may rely on, and the JSON path of what is wrong with a body.

#pragma once

#include "base/result.h"
#include "net/http.h"
#include "net/router.h"

namespace waybill::surfaces::native {

// What is wrong inside the hub (kInternal) is not told: the log has it.
net::Response problem(const Error& error);

// The answer to a request that fits no route: 404 route_not_found, 405 method_not_allowed with
// Allow, or 400 path_malformed.
net::Response problem_of_miss(const net::Router::Miss& miss);

}  // namespace waybill::surfaces::native
