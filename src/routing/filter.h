// A Filter narrows what an endpoint is sent: a small language over an event's data, as the
// endpoint's dialect writes that data, so that a subscriber filters what they see.
//
//   {"shipping_method": "express"}                       equals (R-PG-4, A-PG-6)
//   {"total": {"$gte": 100, "$lt": 500}, "lines.0.unit": {"$in": ["pcs", "box"]}}
//   {"$or": [{"currency": "EUR"}, {"note": {"$exists": false}}]}
//   {"carrier": {"$not": {"$startsWith": "UP"}}}
//
// A filter is an object: all of its members must hold, so an empty one lets everything pass. A
// member is a condition on a value of the data, "$or" (one of several filters) or "$not" (a filter
// that must not hold). The value is named by a member of the data, or by a path of members and
// array indices with dots; a member that has the whole name comes first. A condition is a value to
// equal, or an object of operators, which must all hold:
//
//   $eq $ne          equals, or does not; arrays and objects as a whole, 1 and 1.0 are equal
//   $in              equals one of an array
//   $gt $gte $lt $lte  two numbers, or two texts by their bytes: dates of ISO 8601 in their order
//   $exists          true: there is such a value, null included; false: there is none
//   $startsWith      a text that begins so
//   $not             an object of operators that do not all hold
//
// A value that is missing, or of another type, fails a condition; so it passes $ne, {"$exists":
// false} and a $not around a condition that it fails.

#pragma once

#include <memory>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace waybill::routing {

class Filter {
 public:
  static constexpr std::size_t kTextBytesMax = 8192;
  static constexpr std::size_t kConditionsMax = 100;
  static constexpr std::size_t kDepthMax = 8;  // Of $or and $not inside each other.

  // Fails with kInvalid (filter_invalid) and the path of the fault, which begins with `path`.
  static Result<Filter> parse(const json::value& source, std::string_view path = "$");
  // Of the text that write_json() makes of it, at most kTextBytesMax long. An empty text is no
  // filter: everything passes. Fails also as parse_json().
  static Result<Filter> parse_text(std::string_view text);

  bool matches(const json::value& data) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;  // Null: everything passes.
};

}  // namespace waybill::routing
