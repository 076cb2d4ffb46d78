// base/json.h: what is read is within its limits, what is written is read again as the same value
// and written as the same bytes, and what is refused is refused with a path.

#include "base/json.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "fuzz/target.h"

namespace waybill::fuzz {
namespace {

std::size_t depth_of(const json::value& value) {
  std::size_t inside = 0;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) inside = std::max(inside, depth_of(element));
    return inside + 1;
  }
  if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) inside = std::max(inside, depth_of(member.value()));
    return inside + 1;
  }
  return 0;
}

// As JavaScript would see them: every number is a double, and members have no order.
bool is_same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  if (a.kind() != b.kind()) return false;
  if (const json::array* array = a.if_array()) {
    return std::ranges::equal(*array, b.get_array(), is_same);
  }
  if (const json::object* object = a.if_object()) {
    const json::object& other = b.get_object();
    return object->size() == other.size() && std::ranges::all_of(*object, [&](const auto& member) {
             const json::value* twin = other.if_contains(member.key());
             return twin && is_same(member.value(), *twin);
           });
  }
  return a == b;
}

void check_refusal(const Error& error) {
  constexpr std::string_view kReasons[] = {"malformed_json", "invalid_utf8", "duplicate_member",
                                           "number_out_of_range", "too_deep"};
  WAYBILL_CHECK(error.code == Code::kInvalid, "bad text is the caller's fault");
  WAYBILL_CHECK(std::ranges::find(kReasons, error.reason) != std::end(kReasons),
                "the reason is one of those that json.h lists");
  WAYBILL_CHECK(error.path.starts_with('$'), "every fault has a path");
  WAYBILL_CHECK(!error.message.empty(), "every fault has a message");
  WAYBILL_CHECK(is_utf8(error.path) && is_utf8(error.message), "the answer that tells it is UTF-8");
}

}  // namespace

void try_input(std::string_view input) {
  const Result<json::value> value = parse_json(input);
  if (!value) return check_refusal(value.error());
  WAYBILL_CHECK(is_utf8(input), "what is read is UTF-8");
  WAYBILL_CHECK(depth_of(*value) <= kJsonDepthMax, "what is read is no deeper than promised");

  const std::string written = write_json(*value);
  const Result<json::value> again = parse_json(written);
  WAYBILL_CHECK(again.has_value(), "what is written is JSON");
  WAYBILL_CHECK(is_same(*value, *again), "what is written is what was read");
  WAYBILL_CHECK(write_json(*again) == written, "what is written is a fixed point");

  const Result<json::value> pretty = parse_json(write_json_pretty(*value));
  WAYBILL_CHECK(pretty.has_value() && write_json(*pretty) == written,
                "the form for people says the same");
}

}  // namespace waybill::fuzz
