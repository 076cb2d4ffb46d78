#include "app/traffic.h"

#include <algorithm>

#include "app/redaction.h"

namespace waybill::app {
namespace {

constexpr std::string_view kHeader = "X-Request-Id";
constexpr std::size_t kIdBytesMax = 64;
constexpr std::array kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                 0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// Of the route: "" where it names none.
std::string_view workspace_of(const net::Request& request) {
  for (const auto& [name, value] : request.params) {
    if (name == "workspace" || name == "slug") return value;
  }
  return {};
}

}  // namespace

Traffic::Traffic(Log& log, IdGenerator& ids, bool every_request)
    : log_(log), ids_(ids), every_request_(every_request) {}

void Traffic::add_surface(std::string_view name) {
  surfaces_.push_back({name, {}, Histogram(kSeconds)});
}

std::string Traffic::request_id(const net::Request& request) {
  const auto given = request.header(kHeader);
  if (given && !given->empty() && given->size() <= kIdBytesMax &&
      std::ranges::all_of(*given, is_id_character)) {
    return std::string(*given);
  }
  return ids_.next().text();
}

void Traffic::note(std::size_t surface, const net::Request& request, net::Response& response,
                   std::chrono::microseconds elapsed) {
  const int digit = std::clamp(response.status / 100, 1, static_cast<int>(kClasses));
  ++surfaces_[surface].answers[static_cast<std::size_t>(digit - 1)];
  surfaces_[surface].seconds.observe(elapsed);
  response.headers.push_back({std::string(kHeader), request.id});
  if (!every_request_ && !log_.writes(Log::Level::kDebug)) return;
  const std::string path = redact_path(request.path);
  // The query is left out: what is in one is the caller's business.
  const Log::Fields fields = {{"request", request.id},
                              {"method", request.method},
                              {"path", path},
                              {"status", response.status},
                              {"duration_us", elapsed.count()},
                              {"workspace", workspace_of(request)}};
  if (every_request_) {
    log_.info("request", fields);
  } else {
    log_.debug("request", fields);
  }
}

}  // namespace waybill::app
