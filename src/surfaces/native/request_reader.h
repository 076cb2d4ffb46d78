// Reads what a request carries beside its path: a JSON body, and query parameters.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "net/http.h"
#include "store/page.h"

namespace waybill::surfaces::native {

// The body, which has to be a JSON object.
// Fails with kUnsupported (media_type_unsupported), or kInvalid: as parse_json(), or member_type.
Result<json::object> read_body(const net::Request& request);
// The same where every member is optional: no body at all is an object without members.
Result<json::object> read_optional_body(const net::Request& request);
// Fails as read_optional_body(), and with kInvalid (member_unknown) if there are members.
Result<void> read_no_body(const net::Request& request);

// The {name} of the path as an id. Fails with kNotFound ("endpoint_not_found" for "endpoint"): what
// is no id names nothing.
template <class SomeId>
Result<SomeId> path_id(const net::Request& request, std::string_view name) {
  if (const auto id = SomeId::parse(request.param(name))) return *id;
  return fail(Code::kNotFound, std::string(name) + "_not_found",
              "There is no such " + std::string(name) + ".");
}

// The query, read as an ObjectReader reads a body: the first fault is told by done().
class QueryReader {
 public:
  static constexpr int kLimitDefault = 50;
  static constexpr int kLimitMax = 200;

  QueryReader() = default;
  // Fails with kInvalid: query_unknown for a parameter that is not in `allowed`, query_invalid for
  // one that is given twice or is not properly encoded.
  static Result<QueryReader> read(std::string_view query, std::span<const std::string_view> allowed,
                                  Timestamp now);

  // `limit` and `cursor`.
  store::PageRequest page();

  std::optional<std::string> text(std::string_view name);
  // As parse_moment().
  std::optional<Timestamp> time(std::string_view name);
  template <class SomeId>
  std::optional<SomeId> id(std::string_view name) {
    return parsed(name, SomeId::parse, "an id");
  }
  // `parse` is a function of a string_view that returns an optional; `wanted` is what it reads.
  template <class Parse>
  auto parsed(std::string_view name, Parse parse, std::string_view wanted)
      -> decltype(parse(std::string_view())) {
    const std::string* value = find(name);
    if (!value) return std::nullopt;
    auto read = parse(std::string_view(*value));
    if (!read) fault(name, wanted);
    return read;
  }

  // Fails with kInvalid (query_invalid), naming the first parameter that could not be read.
  Result<void> done() const;

 private:
  const std::string* find(std::string_view name) const;
  void fault(std::string_view name, std::string_view wanted);

  std::vector<std::pair<std::string, std::string>> parameters_;
  Timestamp now_{};
  std::optional<Error> fault_;
};

}  // namespace waybill::surfaces::native
