#include "surfaces/proculink/order_reader.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/json.h"

namespace waybill::surfaces::proculink {
namespace {

constexpr std::size_t kTextBytesMax = 1000;
constexpr std::string_view kNoLines = "Order must have at least one line.";

// Of the order itself, or of one of its lines: "$" or "$.lines[2]".
std::string path_of_object(std::optional<std::size_t> line) {
  return line ? fmt::format("$.lines[{}]", *line) : "$";
}

// The members of one object, which knows where it is: the path itself is seldom asked for.
class Members {
 public:
  explicit Members(const json::object& object, std::optional<std::size_t> line = std::nullopt)
      : object_(object), line_(line) {}

  std::string path_of(std::string_view name) const {
    return fmt::format("{}.{}", path_of_object(line_), name);
  }

  // Null if it is missing or null.
  const json::value* find(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
  }

  // What is missing or null is left as it is.
  Result<void> read(std::string_view name, std::optional<std::string>& target) const {
    const json::value* value = find(name);
    if (!value) return {};
    if (!value->is_string()) return fail(wrong_type(name, "a string"));
    const json::string& text = value->get_string();
    if (text.size() > kTextBytesMax) {
      return fail(Code::kInvalid, "text_length",
                  fmt::format("{} is longer than {} bytes.", name, kTextBytesMax), path_of(name));
    }
    // No filter of a list could ask for it (QueryReader::text).
    if (std::string_view(text).contains('\0')) {
      return fail(Code::kInvalid, "text_invalid", fmt::format("{} holds a NUL character.", name),
                  path_of(name));
    }
    target.emplace(text);
    return {};
  }

  Result<void> read(std::string_view name, std::optional<double>& target) const {
    const json::value* value = find(name);
    if (!value) return {};
    if (!value->is_number()) return fail(wrong_type(name, "a number"));
    target = value->to_number<double>();
    return {};
  }

  Error wrong_type(std::string_view name, std::string_view wanted) const {
    return {Code::kInvalid, "member_type", fmt::format("{} must be {}.", name, wanted),
            path_of(name)};
  }

 private:
  const json::object& object_;
  std::optional<std::size_t> line_;
};

Result<model::OrderLine> read_line(const json::value& value, std::size_t index) {
  if (!value.is_object()) {
    return fail(Code::kInvalid, "member_type", "A line must be an object.", path_of_object(index));
  }
  const Members members(value.get_object(), index);
  model::OrderLine line;
  WAYBILL_TRY(members.read("buyerItemCode", line.item_code));
  WAYBILL_TRY(members.read("description", line.description));
  WAYBILL_TRY(members.read("quantity", line.quantity));
  WAYBILL_TRY(members.read("unit", line.unit));
  WAYBILL_TRY(members.read("unitPrice", line.unit_price));
  if (line.quantity && *line.quantity <= 0) {
    return fail(Code::kInvalid, "quantity_not_positive", "quantity must be above zero.",
                members.path_of("quantity"));
  }
  return line;
}

Result<void> read_lines(const Members& members, std::vector<model::OrderLine>& lines) {
  const json::value* value = members.find("lines");
  if (value && !value->is_array()) return fail(members.wrong_type("lines", "an array"));
  if (!value || value->get_array().empty()) {
    return fail(Code::kInvalid, "lines_empty", std::string(kNoLines), "$.lines");
  }
  lines.reserve(value->get_array().size());
  for (const json::value& entry : value->get_array()) {
    auto line = read_line(entry, lines.size());
    if (!line) return fail(line.error());
    lines.push_back(*std::move(line));
  }
  return {};
}

}  // namespace

Result<intake::OrderRequest> read_order(std::string_view body) {
  // The tree is gone when the order has been read: one block of memory for most orders.
  std::array<unsigned char, 8 * 1024> block;
  json::monotonic_resource memory(block.data(), block.size());
  const Result<json::value> value = parse_json(body, &memory);
  if (!value) return fail(value.error());
  if (!value->is_object()) {
    return fail(Code::kInvalid, "body_type", "The body must be a JSON object.", "$");
  }
  const Members members(value->get_object());
  intake::OrderRequest request;
  std::optional<std::string> supplier;
  WAYBILL_TRY(members.read("orderNumber", request.number));
  WAYBILL_TRY(members.read("orderDate", request.order_date));
  WAYBILL_TRY(members.read("currency", request.currency));
  WAYBILL_TRY(members.read("supplierId", supplier));
  if (request.order_date && !is_iso_date(*request.order_date)) {
    return fail(Code::kInvalid, "date_invalid", "orderDate must be a date as YYYY-MM-DD.",
                "$.orderDate");
  }
  WAYBILL_TRY(read_lines(members, request.lines));
  if (!supplier || supplier->empty()) {
    return fail(Code::kInvalid, "member_missing",
                "supplierId must name the supplier, by its id or its exact name.", "$.supplierId");
  }
  request.supplier = *std::move(supplier);
  request.supplier_path = "$.supplierId";
  return request;
}

}  // namespace waybill::surfaces::proculink
