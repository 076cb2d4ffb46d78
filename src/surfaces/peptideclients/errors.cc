#include "surfaces/peptideclients/errors.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json_text.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::peptideclients {
namespace {

// A reason of the hub's own that this API has another word for.
struct Alias {
  std::string_view reason;
  std::string_view code;
};
constexpr Alias kAliases[] = {
    {"malformed_json", "invalid_json"},
    {"invalid_utf8", "invalid_json"},
    {"duplicate_member", "invalid_json"},
    {"number_out_of_range", "invalid_json"},
    {"too_deep", "invalid_json"},
    {"key_missing", "missing_authorization"},
    {"key_unknown", "invalid_api_key"},
    {"key_revoked", "invalid_api_key"},
    {"key_expired", "invalid_api_key"},
    {"scope_missing", "insufficient_scope"},
    {"header_too_large", "headers_too_large"},
    {"media_type_unsupported", "unsupported_media_type"},
    {"supplier_not_found", "vendor_not_found"},
    {"path_malformed", "invalid_request"},
    {"route_not_found", "not_found"},
};

std::string_view general_code(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid_request";
    case Code::kUnauthenticated: return "invalid_api_key";
    case Code::kForbidden: return "insufficient_scope";
    case Code::kNotFound: return "not_found";
    // A conflict that has no row of its own is with a request that came at the same time.
    case Code::kConflict: return "unavailable";
    case Code::kTooLarge: return "body_too_large";
    case Code::kUnsupported: return "unsupported_media_type";
    case Code::kUnavailable:
    case Code::kTimeout: return "unavailable";
    case Code::kInternal: return "internal_error";
  }
  return "internal_error";
}

const ErrorCode* find_code(std::string_view code) {
  const auto& all = error_codes();
  const auto found = std::ranges::find(all, code, &ErrorCode::code);
  return found == all.end() ? nullptr : &*found;
}

net::Response render(int status, std::string_view code, std::string_view detail) {
  std::string body;
  // A message may quote what a caller sent, cut in the middle of a character.
  ObjectText(body).add("error", code).add("detail", replace_invalid_utf8(detail)).end();
  net::Response response = net::Response::json(status, std::move(body));
  response.error_code = code;
  return response;
}

}  // namespace

const std::vector<ErrorCode>& error_codes() {
  static const std::vector<ErrorCode> all = {
      {"invalid_request", 400,
       "The request is malformed, or a member of it is; `detail` says where."},
      {"invalid_json", 400, "The body is not JSON."},
      {"invalid_limit", 400, "`limit` is not a number from 1 up."},
      {"invalid_cursor", 400, "`cursor_at` and `cursor_id` are not what `next_cursor` said."},
      {"idempotency_key_invalid", 400,
       "The Idempotency-Key is empty, too long, or not of visible characters."},
      {"missing_authorization", 401, "There is no `Authorization: Bearer …`."},
      {"invalid_api_key", 401,
       "The key was not found, was revoked, has expired, or is for the other half of the API."},
      {"signature_missing", 401,
       "The key demands signed requests, and this one has no PC-Signature."},
      {"signature_invalid", 401,
       "The signature is not that of these bytes with a secret of the key."},
      {"signature_expired", 401,
       "The time that was signed is more than 5 minutes from now, before or after."},
      {"insufficient_scope", 403, "The key does not have the scope that this needs."},
      {"ip_not_allowed", 403, "The key may not be used from this address."},
      {"not_found", 404, "There is nothing at this address."},
      {"order_not_found", 404, "The store of the key has no such order."},
      {"payment_not_found", 404, "The store of the key has no such payment."},
      {"vendor_not_found", 404, "There is no such vendor."},
      {"product_not_found", 404, "There is no such product."},
      {"endpoint_not_found", 404, "There is no such webhook endpoint."},
      {"method_not_allowed", 405, "This address answers other methods; `Allow` names them."},
      {"request_timeout", 408, "The request did not come to its end in time."},
      {"idempotency_conflict", 409, "The Idempotency-Key was used with another body."},
      {"order_cancelled", 409, "The order is cancelled."},
      {"order_not_cancellable", 409, "The order is on its way already, or there."},
      {"payment_exists", 409, "Another order has a payment with this external_id."},
      {"payment_refunded", 409, "The payment was refunded before."},
      {"body_too_large", 413, "The body has more than a MiB."},
      {"unsupported_media_type", 415, "The body has to be application/json."},
      {"total_mismatch", 422,
       "`total` is not the sum of the items, shipping and tax without the discount."},
      {"overpayment", 422, "The payment is more than the order still owes."},
      {"full_refund_only", 422, "A payment is refunded as a whole; `amount` is another one."},
      {"rate_limited", 429, "Too many requests; `Retry-After` says when to go on."},
      {"headers_too_large", 431, "The headers have more than 16 KiB."},
      {"internal_error", 500, "Something is wrong inside the hub; its log says what."},
      {"unavailable", 503, "The hub cannot do it now; `Retry-After` says when to try again."},
  };
  return all;
}

const ErrorCode& code_of(const Error& error) {
  std::string_view reason = error.reason;
  for (const Alias& alias : kAliases) {
    if (alias.reason == reason) reason = alias.code;
  }
  if (const ErrorCode* code = find_code(reason)) return *code;
  const ErrorCode* general = find_code(general_code(error.code));
  WAYBILL_CHECK(general != nullptr, "every Code has a row");
  return *general;
}

net::Response render_error(const Error& error, std::chrono::seconds retry_after) {
  const ErrorCode& row = code_of(error);
  if (row.status == 500) return render(500, row.code, row.meaning);
  std::string detail = told_with_path(error);
  if (row.code == "invalid_api_key") detail = "key not found, revoked, or expired";
  net::Response response = render(row.status, row.code, detail);
  if (row.status == 429 || row.status == 503) {
    response.headers.push_back({"Retry-After", std::to_string(retry_after.count())});
  }
  return response;
}

net::Response render_error(const Error& error) {
  return render_error(error, std::chrono::seconds(1));
}

net::Response render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, [](int, std::string_view reason, std::string_view message) {
    const ErrorCode& row = code_of(Error(Code::kNotFound, reason, {}));
    return render(row.status, row.code, message);
  });
}

}  // namespace waybill::surfaces::peptideclients
