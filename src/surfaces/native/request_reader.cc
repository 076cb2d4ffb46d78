#include "surfaces/native/request_reader.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

Result<json::object> read_body(const net::Request& request) {
  // A request without any body is told what is missing, rather than what a body's type should be.
  if (!request.body.empty() &&
      net::media_type(request.header("Content-Type").value_or("")) != "application/json") {
    return fail(Code::kUnsupported, "media_type_unsupported",
                "The body has to be JSON, with Content-Type: application/json.");
  }
  auto body = parse_json(request.body);
  if (!body) return fail(body.error());
  if (!body->is_object()) {
    return fail(Code::kInvalid, "member_type", "The body has to be a JSON object.", "$");
  }
  return std::move(body->get_object());
}

Result<json::object> read_optional_body(const net::Request& request) {
  if (request.body.empty()) return json::object();
  return read_body(request);
}

Result<void> read_no_body(const net::Request& request) {
  const auto body = read_optional_body(request);
  if (!body) return fail(body.error());
  return ObjectReader(*body).done();
}

Result<QueryReader> QueryReader::read(std::string_view query,
                                      std::span<const std::string_view> allowed, Timestamp now) {
  QueryReader reader;
  reader.now_ = now;
  if (query.empty()) return reader;
  auto parameters = net::parse_query(query);
  if (!parameters) return fail(Code::kInvalid, "query_invalid", parameters.error().message);
  for (auto& [name, value] : *parameters) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      return fail(Code::kInvalid, "query_unknown",
                  allowed.empty() ? std::string("This address takes no query parameters.")
                                  : fmt::format("This address takes the query parameters {} only.",
                                                fmt::join(allowed, ", ")));
    }
    if (reader.find(name)) {
      return fail(Code::kInvalid, "query_invalid",
                  fmt::format("The query parameter {} is given twice.", name));
    }
    reader.parameters_.emplace_back(std::move(name), std::move(value));
  }
  return reader;
}

const std::string* QueryReader::find(std::string_view name) const {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                  [&](const auto& parameter) { return parameter.first == name; });
  return found == parameters_.end() ? nullptr : &found->second;
}

void QueryReader::fault(std::string_view name, std::string_view wanted) {
  if (fault_) return;
  fault_.emplace(Code::kInvalid, "query_invalid",
                 fmt::format("The query parameter {} has to be {}.", name, wanted));
}

store::PageRequest QueryReader::page() {
  store::PageRequest page;
  page.limit = kLimitDefault;
  if (const std::string* text = find("limit")) {
    const char* const last = text->data() + text->size();
    const auto [end, error] = std::from_chars(text->data(), last, page.limit);
    if (error != std::errc{} || end != last || page.limit < 1 || page.limit > kLimitMax) {
      fault("limit", fmt::format("a whole number from 1 to {}", kLimitMax));
    }
  }
  page.after = parsed("cursor", Uuid::parse_crockford, "the next_cursor of the page before");
  return page;
}

std::optional<std::string> QueryReader::text(std::string_view name) {
  return parsed(
      name,
      [](std::string_view text) {
        // What no record can hold is no filter either.
        const bool usable = !text.empty() && is_utf8(text) && !text.contains('\0');
        return usable ? std::optional(std::string(text)) : std::nullopt;
      },
      "a text that is not empty");
}

std::optional<Timestamp> QueryReader::time(std::string_view name) {
  return parsed(
      name, [&](std::string_view text) { return parse_moment(text, now_); },
      "a time as 2026-11-21T04:30:00Z, or a duration as 1h: that long ago");
}

Result<void> QueryReader::done() const {
  if (fault_) return fail(*fault_);
  return {};
}

}  // namespace waybill::surfaces::native
