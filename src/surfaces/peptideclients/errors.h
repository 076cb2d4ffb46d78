// How both halves of PeptideClients' API tell what went wrong: {"error": a code, "detail": a
// sentence}. The codes are one table; docs/platforms/peptideclients-errors.md is made from it, and
// a test over HTTP provokes every row.

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"
#include "net/router.h"

namespace waybill::surfaces::peptideclients {

struct ErrorCode {
  std::string_view code;
  int status;
  std::string_view meaning;  // A sentence for the table.
};
const std::vector<ErrorCode>& error_codes();

// The row that `error` is told by: that of its reason, or of what stands for it ("invalid_api_key"
// for a revoked key), or else the general one of its Code.
const ErrorCode& code_of(const Error& error);

// With error_code for the request log; and where another try may succeed, with `retry_after` as
// Retry-After.
net::Response render_error(const Error& error, std::chrono::seconds retry_after);
net::Response render_error(const Error& error);  // After a second.
net::Response render_miss(const net::Router::Miss& miss);

}  // namespace waybill::surfaces::peptideclients
