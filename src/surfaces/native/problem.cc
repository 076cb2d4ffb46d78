#include "surfaces/native/problem.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_text.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::native {
namespace {

net::Response write(int status, std::string_view code, std::string_view detail,
                    std::string_view path) {
  // A message may quote what a caller sent, cut in the middle of a character.
  std::string body;
  ObjectText object(body);
  object.add("type", "about:blank")
      .add("title", net::reason_phrase(status))
      .add("status", status)
      .add("code", code)
      .add("detail", replace_invalid_utf8(detail));
  if (!path.empty()) object.add("path", path);
  object.end();
  net::Response response =
      net::Response::with_body(status, "application/problem+json", std::move(body));
  response.error_code = code;
  return response;
}

}  // namespace

net::Response problem(const Error& error) {
  const int status = net::status_of(error);
  if (error.code == Code::kInternal) {
    return write(status, "internal", "Something is wrong inside the hub; its log says what.", {});
  }
  net::Response response = write(status, error.reason, told(error), error.path);
  if (error.code == Code::kUnauthenticated) {
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  if (error.code == Code::kUnavailable) response.headers.push_back({"Retry-After", "1"});
  return response;
}

net::Response problem_of_miss(const net::Router::Miss& miss) {
  if (!miss.allow.empty()) {
    const std::string allow = fmt::format("{}", fmt::join(miss.allow, ", "));
    net::Response response =
        write(405, "method_not_allowed", fmt::format("This address takes {} only.", allow), {});
    response.headers.push_back({"Allow", allow});
    return response;
  }
  if (miss.code == Code::kInvalid) {
    return write(400, "path_malformed", "The path is not properly percent-encoded.", {});
  }
  return write(404, "route_not_found", "There is nothing at this address.", {});
}

}  // namespace waybill::surfaces::native
