// Reads WooCommerce's order resource: read_order() of model/woocommerce.h.

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/json_text.h"
#include "crypto/digest.h"
#include "model/woocommerce.h"

namespace waybill::model::woocommerce {
namespace {

// As wide as the product of two decimals.
__extension__ using Wide = __int128;

constexpr std::size_t kTextBytesMax = 500;
constexpr std::size_t kNoteBytesMax = 5'000;
constexpr std::size_t kEmailBytesMax = 254;
// Of prices and amounts as plugins write them; no currency here has more.
constexpr std::size_t kDecimalsMax = 8;
// What a Decimal has room for.
constexpr std::size_t kSignificantDigitsMax = 15;
constexpr int kScaleMax = 12;
constexpr std::int64_t kUnscaledMax = 999'999'999'999'999;

// The places of statuses within an order's life, for two messages of one second.
struct Rank {
  std::string_view status;
  int rank;
};
constexpr Rank kRanks[] = {{"pending", 1},   {"failed", 2},    {"on-hold", 3}, {"processing", 5},
                           {"completed", 6}, {"cancelled", 7}, {"refunded", 8}};
constexpr int kRankOfOthers = 4;

int rank_of(std::string_view status) {
  const auto* found = std::ranges::find(kRanks, status, &Rank::status);
  return found == std::end(kRanks) ? kRankOfOthers : found->rank;
}

const json::object kEmptyObject;
const json::array kEmptyArray;

const json::object& object_in(const json::object& from, std::string_view name) {
  const json::value* found = from.if_contains(name);
  return found && found->is_object() ? found->get_object() : kEmptyObject;
}
const json::array& array_in(const json::object& from, std::string_view name) {
  const json::value* found = from.if_contains(name);
  return found && found->is_array() ? found->get_array() : kEmptyArray;
}

// Without control characters and spaces around it, cut between characters. A database's text takes
// no NUL.
std::string cleaned(std::string_view text, std::size_t bytes_max, bool keep_lines = false) {
  std::string out;
  for (const char c : text) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!is_control) out += c;
    if (is_control && c != '\0') out += keep_lines && c == '\n' ? '\n' : ' ';
  }
  const std::size_t first = out.find_first_not_of(" \n");
  if (first == std::string::npos) return "";
  out = out.substr(first, out.find_last_not_of(" \n") + 1 - first);
  if (out.size() > bytes_max) {
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out.resize(end);
  }
  return out;
}

std::optional<std::string> text_in(const json::object& from, std::string_view name,
                                   std::size_t bytes_max = kTextBytesMax, bool keep_lines = false) {
  const json::value* found = from.if_contains(name);
  if (!found) return std::nullopt;
  std::string text;
  if (found->is_string()) text = cleaned(found->get_string(), bytes_max, keep_lines);
  if (found->is_number()) text = write_json(*found);
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::unexpected<Error> bad_amount(const std::string& path) {
  return fail(Code::kInvalid, "order_amount_invalid", "This is no amount.", path);
}

// How many decimals a number has room for whose whole part is `whole`.
std::size_t decimals_beside(std::string_view whole) {
  const std::size_t first = whole.find_first_not_of("-0");
  const std::size_t digits = first == std::string_view::npos ? 0 : whole.size() - first;
  return std::min(kSignificantDigitsMax - std::min(digits, kSignificantDigitsMax), kDecimalsMax);
}

// As a decimal of at most 15 digits, of which a double keeps each: beyond them is only noise.
std::string text_of(double number) {
  const std::string whole = fmt::format("{:.0f}", std::trunc(number));
  return fmt::format("{:.{}f}", number, decimals_beside(whole));
}

// Without decimals that a Decimal has no room for, or that are zero. A text is cut only where it
// goes on with digits, so that what is no number stays none.
void cut_decimals(std::string& text) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos) return;
  if (text.find_first_not_of("0123456789", point + 1) != std::string::npos) return;
  const std::size_t kept = decimals_beside(std::string_view(text).substr(0, point));
  std::size_t end = std::min(text.size(), point + 1 + kept);
  while (end > point + 1 && text[end - 1] == '0') --end;
  if (end == point + 1 && point > 0) end = point;
  text.resize(end);
}

// A decimal as shops and their plugins write one: a text or a number, nothing for zero. What is
// finer than any currency is cut off: doubles that were divided have such tails.
Result<Decimal> decimal_in(const json::object& from, std::string_view name,
                           const std::string& path) {
  const json::value* found = from.if_contains(name);
  if (!found || found->is_null()) return Decimal{};
  const std::string at = fmt::format("{}.{}", path, name);
  std::string text;
  if (found->is_string()) {
    text = cleaned(found->get_string(), kTextBytesMax);
    if (text.empty()) return Decimal{};
  } else if (found->is_double()) {
    if (std::abs(found->get_double()) >= 1e15) return bad_amount(at);
    text = text_of(found->get_double());
  } else if (found->is_number()) {
    text = write_json(*found);
  } else {
    return bad_amount(at);
  }
  cut_decimals(text);
  auto decimal = parse_decimal(text);
  if (decimal) return decimal;
  if (decimal.error().reason == "amount_out_of_range") {
    return fail(Code::kInvalid, "amount_out_of_range", "This amount is too large.", at);
  }
  return bad_amount(at);
}

Result<Minor> minor_in(const json::object& from, std::string_view name, int digits) {
  const auto decimal = decimal_in(from, name, "$");
  if (!decimal) return fail(decimal.error());
  auto minor = multiply(Decimal{1, 0}, *decimal, digits);
  if (!minor) minor.error().path = fmt::format("$.{}", name);
  return minor;
}

// A time of the REST API has no offset: its _gmt twin is UTC (W-16). Before 1970 is 1970.
std::optional<Timestamp> time_in(const json::object& from, std::string_view name) {
  const json::value* found = from.if_contains(name);
  if (!found || !found->is_string()) return std::nullopt;
  const std::string text(found->get_string());
  auto time = parse_iso_time(text + "Z");
  if (!time) time = parse_iso_time(text);
  if (!time) return std::nullopt;
  return std::max(*time, Timestamp{});
}

Timestamp first_time_in(const json::object& from, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const auto time = time_in(from, name)) return *time;
  }
  return {};
}

// What one costs, so that `quantity` of it come to `sum` again once they are rounded.
Decimal price_of_one(const Decimal& sum, const Decimal& quantity) {
  for (int scale = static_cast<int>(kDecimalsMax); scale >= 0; --scale) {
    Wide dividend = sum.unscaled;
    for (int i = 0; i < scale + quantity.scale; ++i) dividend *= 10;
    Wide divisor = quantity.unscaled;
    for (int i = 0; i < sum.scale; ++i) divisor *= 10;
    const Wide half = divisor / 2;
    Wide price = (dividend < 0 ? dividend - half : dividend + half) / divisor;
    if (price > kUnscaledMax || price < -kUnscaledMax) continue;
    while (scale > 0 && price % 10 == 0) {
      price /= 10;
      --scale;
    }
    return {static_cast<std::int64_t>(price), scale};
  }
  return sum;
}

// A line. Its price is that before the discount, which the order has as a sum.
Result<std::optional<SalesItem>> read_line(const json::object& line, const std::string& path) {
  const bool has_subtotal = line.contains("subtotal");
  const auto sum = decimal_in(line, has_subtotal ? "subtotal" : "total", path);
  if (!sum) return fail(sum.error());
  const auto quantity = decimal_in(line, "quantity", path);
  if (!quantity) return fail(quantity.error());
  SalesItem item;
  item.sku = text_in(line, "sku");
  item.name = text_in(line, "name").value_or("");
  item.quantity = *quantity;
  item.unit_price = *sum;
  // Where everything of a line was given back there may be none of it.
  if (item.quantity.unscaled <= 0) {
    if (sum->unscaled == 0) return std::optional<SalesItem>();
    item.quantity = {1, 0};
    return std::optional(std::move(item));
  }
  item.unit_price = price_of_one(*sum, item.quantity);
  return std::optional(std::move(item));
}

Result<std::vector<SalesItem>> read_items(const json::object& from) {
  std::vector<SalesItem> items;
  std::size_t index = 0;
  for (const json::value& line : array_in(from, "line_items")) {
    const std::string path = fmt::format("$.line_items[{}]", index++);
    if (!line.is_object()) continue;
    auto item = read_line(line.get_object(), path);
    if (!item) return fail(item.error());
    if (*item) items.push_back(**std::move(item));
  }
  index = 0;
  for (const json::value& fee : array_in(from, "fee_lines")) {
    const std::string path = fmt::format("$.fee_lines[{}]", index++);
    if (!fee.is_object()) continue;
    const auto total = decimal_in(fee.get_object(), "total", path);
    if (!total) return fail(total.error());
    items.push_back(
        {std::nullopt, text_in(fee.get_object(), "name").value_or("Fee"), {1, 0}, *total});
  }
  return items;
}

// Who buys: a customer of the shop, a guest by the e-mail address, or nobody that can be told from
// another.
OrderClient read_client(const json::object& from) {
  const json::object& billing = object_in(from, "billing");
  auto email = text_in(billing, "email", kEmailBytesMax + 1);
  if (email && (email->size() > kEmailBytesMax || email->find('@') == std::string::npos)) {
    email.reset();
  }
  OrderClient client;
  const json::value* customer = from.if_contains("customer_id");
  const auto id = customer && customer->is_int64() ? customer->get_int64() : 0;
  if (id > 0) client.external_id = fmt::format("customer:{}", id);
  if (id <= 0 && email) client.external_id = "guest:" + fold_case(*email);
  if (!client.external_id) return client;
  client.email = email;
  const std::string name = cleaned(text_in(billing, "first_name").value_or("") + " " +
                                       text_in(billing, "last_name").value_or(""),
                                   kTextBytesMax);
  client.name = name.empty() ? text_in(billing, "company") : std::optional(name);
  client.phone = text_in(billing, "phone", 100);
  return client;
}

void copy_texts(const json::object& from, json::object& to,
                std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (auto text = text_in(from, name)) to[name] = *std::move(text);
  }
}

json::object read_address(const json::object& from) {
  json::object address;
  copy_texts(from, address,
             {"first_name", "last_name", "company", "address_1", "address_2", "city", "state",
              "postcode", "country", "email", "phone"});
  return address;
}

// Whether arrays and objects are inside each other no deeper than `levels`.
bool is_within_depth(const json::value& value, int levels) {
  if (value.is_array()) {
    return levels > 0 && std::ranges::all_of(value.get_array(), [&](const json::value& element) {
             return is_within_depth(element, levels - 1);
           });
  }
  if (value.is_object()) {
    return levels > 0 && std::ranges::all_of(value.get_object(), [&](const auto& member) {
             return is_within_depth(member.value(), levels - 1);
           });
  }
  return true;
}

// What the hub has no place of its own for.
std::string read_metadata(const json::object& from, std::string_view status) {
  json::object metadata{{"woocommerce_status", status}};
  copy_texts(from, metadata,
             {"payment_method", "payment_method_title", "created_via", "date_completed_gmt"});
  for (const std::string_view name : {"billing", "shipping"}) {
    if (json::object address = read_address(object_in(from, name)); !address.empty()) {
      metadata[name] = std::move(address);
    }
  }
  const auto names_of = [&](std::string_view lines, std::string_view member) {
    json::array names;
    for (const json::value& line : array_in(from, lines)) {
      if (!line.is_object()) continue;
      if (auto text = text_in(line.get_object(), member)) names.emplace_back(*std::move(text));
    }
    return names;
  };
  if (auto names = names_of("coupon_lines", "code"); !names.empty()) metadata["coupons"] = names;
  if (auto names = names_of("shipping_lines", "method_title"); !names.empty()) {
    metadata["shipping_methods"] = names;
  }
  if (auto names = names_of("refunds", "total"); !names.empty()) metadata["refunds"] = names;
  const json::value* meta = from.if_contains("meta_data");
  const bool has_meta = meta && !meta->is_null() && !(meta->is_array() && meta->as_array().empty());
  const bool is_kept = has_meta && is_within_depth(*meta, kMetadataDepthMax);
  if (is_kept) metadata["meta_data"] = *meta;
  if (has_meta && !is_kept) metadata["meta_data_dropped"] = true;
  std::string text = write_json(metadata);
  if (text.size() <= kMetadataBytesMax) return text;
  metadata.erase("meta_data");
  if (has_meta) metadata["meta_data_dropped"] = true;
  text = write_json(metadata);
  if (text.size() <= kMetadataBytesMax) return text;
  return write_json(json::object{{"woocommerce_status", status}, {"meta_data_dropped", true}});
}

// Whether its refunds, which are below zero there, come to the total. What cannot be read is none.
bool are_refunds_all(const json::object& from, const Decimal& total) {
  // Of any decimal, so that nothing is rounded: a coin's total may be below a ten-thousandth.
  const auto units = [](Decimal amount) {
    Wide all = amount.unscaled;
    for (int scale = amount.scale; scale < kScaleMax; ++scale) all *= 10;
    return all < 0 ? -all : all;
  };
  if (total.unscaled <= 0) return false;
  Wide owed = units(total);
  for (const json::value& refund : array_in(from, "refunds")) {
    if (!refund.is_object()) continue;
    if (const auto amount = decimal_in(refund.get_object(), "total", "$")) owed -= units(*amount);
    if (owed <= 0) return true;
  }
  return false;
}

std::optional<std::string> read_id(const json::object& from) {
  const json::value* id = from.if_contains("id");
  if (!id) return std::nullopt;
  if (id->is_int64() && id->get_int64() > 0) return std::to_string(id->get_int64());
  if (!id->is_string()) return std::nullopt;
  const std::string_view text = id->get_string();
  const bool is_number = !text.empty() && text.size() <= 18 && text.front() != '0' &&
                         text.find_first_not_of("0123456789") == std::string_view::npos;
  return is_number ? std::optional(std::string(text)) : std::nullopt;
}

Result<std::string> read_currency(const json::object& from, std::string_view store_currency) {
  std::string currency = text_in(from, "currency").value_or(std::string(store_currency));
  std::ranges::transform(currency, currency.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (is_currency_code(currency)) return currency;
  return fail(Code::kInvalid, "order_currency_invalid", "This is no currency code.", "$.currency");
}

Result<void> read_totals(const json::object& from, SalesOrder& order) {
  const int digits = currency_digits(order.currency);
  struct Total {
    std::string_view name;
    Minor* minor;
  };
  for (const Total& total :
       {Total{"total", &order.state.total}, Total{"shipping_total", &order.shipping_total},
        Total{"total_tax", &order.tax_total}, Total{"discount_total", &order.discount_total}}) {
    const auto minor = minor_in(from, total.name, digits);
    if (!minor) return fail(minor.error());
    *total.minor = *minor;
  }
  if (order.state.total < 0) return bad_amount("$.total");
  order.discount_total = std::max<Minor>(order.discount_total, 0);
  return {};
}

std::string digest_of(const Message& message) {
  std::string text = message.status;
  text += message.all_refunded ? "\n1\n" : "\n0\n";
  ObjectText object(text);
  object.add("number", message.order.number)
      .add("placed_at", message.order.placed_at)
      .add("currency", message.order.currency)
      .add("total", message.order.state.total)
      .add_json("details", write_details(message.order));
  if (message.payment) {
    object.add("amount", message.payment->amount.text())
        .add("method", message.payment->method)
        .add("reference", message.payment->reference)
        .add("paid_at", message.payment->paid_at);
  }
  object.end();
  return hex(crypto::sha256(text));
}

}  // namespace

Result<Message> read_order(const json::object& from, std::string_view store_currency) {
  Message message;
  auto id = read_id(from);
  if (!id) {
    return fail(Code::kInvalid, "order_id_missing", "An order has an id above zero.", "$.id");
  }
  message.order_id = *std::move(id);
  message.status = text_in(from, "status").value_or("");
  if (message.status.starts_with("wc-")) message.status.erase(0, 3);
  if (message.status.empty()) {
    return fail(Code::kInvalid, "order_status_missing", "An order has a status.", "$.status");
  }
  SalesOrder& order = message.order;
  auto currency = read_currency(from, store_currency);
  if (!currency) return fail(currency.error());
  order.currency = *std::move(currency);
  WAYBILL_TRY(read_totals(from, order));
  auto items = read_items(from);
  if (!items) return fail(items.error());
  order.items = *std::move(items);
  const auto total = decimal_in(from, "total", "$");
  message.all_refunded = are_refunds_all(from, *total);

  message.stamp.modified = first_time_in(
      from, {"date_modified_gmt", "date_modified", "date_created_gmt", "date_created"});
  message.stamp.rank = rank_of(message.status);
  order.placed_at = first_time_in(from, {"date_created_gmt", "date_created"});
  order.number = text_in(from, "number").value_or(message.order_id);
  order.client = read_client(from);
  order.note = text_in(from, "customer_note", kNoteBytesMax, /*keep_lines=*/true);
  order.metadata = read_metadata(from, message.status);
  if (order.state.total > 0) {
    PaymentTold payment;
    payment.amount = *total;
    payment.currency = order.currency;
    payment.method = text_in(from, "payment_method", 100)
                         .or_else([&] { return text_in(from, "payment_method_title", 100); })
                         .value_or("other");
    payment.reference = text_in(from, "transaction_id", 200);
    payment.paid_at = time_in(from, "date_paid_gmt")
                          .or_else([&] { return time_in(from, "date_paid"); })
                          .value_or(message.stamp.modified);
    message.payment = std::move(payment);
  }
  message.stamp.digest = digest_of(message);
  return message;
}

}  // namespace waybill::model::woocommerce
