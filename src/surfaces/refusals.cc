#include "surfaces/refusals.h"

#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace waybill::surfaces {

std::string_view told(const Error& error) {
  if (error.reason == "database_unavailable") return "The database cannot be used now.";
  return error.message;
}

std::string told_with_path(const Error& error) {
  return error.path.empty() ? std::string(told(error))
                            : fmt::format("{}: {}", error.path, told(error));
}

void log_refusal(Log& log, const net::Request& request, std::string_view operation,
                 const Error& error) {
  if (error.code != Code::kInternal) return;
  log.error("call_failed", {{"request", request.id},
                            {"operation", operation},
                            {"reason", error.reason},
                            {"what", error.message}});
}

void set_retry_after(net::Response& response, std::chrono::seconds wait) {
  for (net::Header& header : response.headers) {
    if (net::same_header_name(header.name, "Retry-After")) {
      header.value = std::to_string(wait.count());
    }
  }
}

net::Response refuse_miss(const net::Router::Miss& miss, RenderRefusal render) {
  if (!miss.allow.empty()) {
    const std::string allow = fmt::format("{}", fmt::join(miss.allow, ", "));
    net::Response response =
        render(405, "method_not_allowed", fmt::format("This address takes {} only.", allow));
    response.headers.push_back({"Allow", allow});
    return response;
  }
  if (miss.code == Code::kInvalid) {
    return render(400, "path_malformed", "The path is not properly percent-encoded.");
  }
  return render(404, "route_not_found", "There is nothing at this address.");
}

}  // namespace waybill::surfaces
