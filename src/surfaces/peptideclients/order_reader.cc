#include "surfaces/peptideclients/order_reader.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::peptideclients {
namespace {

using native::ObjectReader;

constexpr std::size_t kNameCharactersMax = 500;  // Of an item, a client.
constexpr std::size_t kWordCharactersMax = 200;  // An id, a number, a reference, an address.
constexpr std::size_t kMethodCharactersMax = 50;
constexpr std::size_t kNoteCharactersMax = 4000;

ObjectReader lenient(const json::object& object, std::string path = "$") {
  return ObjectReader(object, std::move(path), ObjectReader::Mode::kLenient);
}

// Shops send "" for what a form was not filled in with.
std::optional<std::string> filled_text(ObjectReader& reader, std::string_view name,
                                       std::size_t characters_max) {
  auto text = reader.optional_text(name, {0, characters_max});
  if (text && text->find_first_not_of(' ') == std::string::npos) text.reset();
  return text;
}

// A shop's word for something. Blanks around it are part of it.
std::string required_word(ObjectReader& reader, std::string_view name) {
  return reader.text(name, {1, kWordCharactersMax});
}

// Zero after a fault.
model::Decimal decimal(ObjectReader& reader, const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  auto read = model::decimal_from_json(*value);
  if (read) return *read;
  reader.check(name, fail(read.error()));
  return {};
}

std::optional<model::Decimal> optional_decimal(ObjectReader& reader, const json::object& object,
                                               std::string_view name) {
  if (!reader.has(name)) return std::nullopt;
  return decimal(reader, object, name);
}

model::Decimal required_decimal(ObjectReader& reader, const json::object& object,
                                std::string_view name) {
  if (!reader.has(name)) {
    reader.refuse(name, "member_missing", fmt::format("\"{}\" is missing.", name));
    return {};
  }
  return decimal(reader, object, name);
}

// An amount that is not below zero.
std::optional<model::Minor> optional_amount(ObjectReader& reader, const json::object& object,
                                            std::string_view name, int digits) {
  const auto decimal = optional_decimal(reader, object, name);
  if (!decimal || reader.has_fault()) return std::nullopt;
  const auto amount = model::to_minor(*decimal, digits);
  if (!amount) {
    reader.check(name, fail(amount.error()));
    return std::nullopt;
  }
  if (*amount < 0) reader.refuse(name, "member_invalid", "This amount must not be below zero.");
  return *amount;
}

std::optional<std::string> optional_currency(ObjectReader& reader, std::string_view name) {
  auto currency = reader.optional_text(name, {0, 100});
  if (currency && !reader.has_fault() && !model::is_currency_code(*currency)) {
    reader.refuse(name, "currency_invalid",
                  fmt::format("\"{}\" is no currency's code, as EUR is.", *currency));
  }
  return currency;
}

Result<model::SalesItem> read_item(const json::value& value, std::size_t index) {
  std::string path = fmt::format("$.items[{}]", index);
  if (!value.is_object()) {
    return fail(Code::kInvalid, "member_type", "An item has to be an object.", std::move(path));
  }
  const json::object& object = value.get_object();
  ObjectReader reader = lenient(object, std::move(path));
  model::SalesItem item;
  item.sku = filled_text(reader, "sku", kWordCharactersMax);
  item.name = reader.text("name", {1, kNameCharactersMax});
  item.quantity = required_decimal(reader, object, "quantity");
  if (!reader.has_fault() && item.quantity.unscaled <= 0) {
    reader.refuse("quantity", "member_invalid", "The quantity has to be above zero.");
  }
  item.unit_price = required_decimal(reader, object, "unit_price");
  WAYBILL_TRY(reader.done());
  return item;
}

Result<std::vector<model::SalesItem>> read_items(const json::array& array) {
  std::vector<model::SalesItem> items;
  items.reserve(array.size());
  for (const json::value& value : array) {
    auto item = read_item(value, items.size());
    if (!item) return fail(item.error());
    items.push_back(*std::move(item));
  }
  return items;
}

Result<model::OrderClient> read_order_client(const json::object& object, std::string path) {
  ObjectReader reader = lenient(object, std::move(path));
  model::OrderClient client;
  client.external_id = filled_text(reader, "external_id", kWordCharactersMax);
  client.email = filled_text(reader, "email", kWordCharactersMax);
  client.name = filled_text(reader, "name", kNameCharactersMax);
  client.phone = filled_text(reader, "phone", kWordCharactersMax);
  WAYBILL_TRY(reader.done());
  return client;
}

Result<PaymentInput> read_payment_at(const json::object& object, std::string path) {
  ObjectReader reader = lenient(object, path);
  PaymentInput payment;
  payment.path = std::move(path);
  payment.draft.external_id = filled_text(reader, "external_id", kWordCharactersMax);
  payment.draft.method = reader.text("method", {1, kMethodCharactersMax});
  payment.amount = required_decimal(reader, object, "amount");
  payment.currency = optional_currency(reader, "currency");
  payment.draft.reference = filled_text(reader, "reference", kWordCharactersMax);
  payment.draft.paid_at = reader.optional_time("paid_at");
  WAYBILL_TRY(reader.done());
  return payment;
}

// A note has lines; no other text has.
std::optional<std::string> read_note(ObjectReader& reader, const json::object& object) {
  if (!reader.has("note")) return std::nullopt;
  const json::string* note = object.at("note").if_string();
  if (!note) {
    reader.refuse("note", "member_type", "This has to be a text.");
    return std::nullopt;
  }
  const std::string_view text = *note;
  // A character has four bytes at most.
  if (text.size() > 4 * kNoteCharactersMax) {
    reader.refuse("note", "member_invalid",
                  fmt::format("A note has at most {} bytes.", 4 * kNoteCharactersMax));
  } else if (text.contains('\0')) {
    reader.refuse("note", "member_invalid", "A note must not have a NUL character.");
  }
  return text.empty() ? std::nullopt : std::optional(std::string(text));
}

std::string read_metadata(ObjectReader& reader) {
  const json::object* object = reader.optional_object("metadata");
  if (!object || object->empty()) return {};
  std::string text = write_json(*object);
  if (text.size() > kMetadataBytesMax) {
    reader.refuse(
        "metadata", "metadata_too_large",
        fmt::format("This object has {} bytes; {} are the most.", text.size(), kMetadataBytesMax));
  }
  return text;
}

// Of lines, tax, shipping and discount; and that the sender came to the same.
Result<void> settle_total(intake::OrderDraft& draft, const std::optional<model::Minor>& stated) {
  model::SalesOrder order;
  order.currency = draft.currency;
  order.items = std::move(draft.items);
  order.shipping_total = draft.shipping_total;
  order.tax_total = draft.tax_total;
  order.discount_total = draft.discount_total;
  const auto total = model::total_of(order);
  draft.items = std::move(order.items);
  if (!total) {
    Error error = total.error();
    if (error.path.empty()) error.path = "$";
    return fail(std::move(error));
  }
  draft.total = *total;
  if (!stated || *stated == *total) return {};
  const int digits = model::currency_digits(draft.currency);
  return fail(Code::kInvalid, "total_mismatch",
              fmt::format("It is {}, but items, shipping and tax without the discount make {}.",
                          model::amount_text(*stated, digits), model::amount_text(*total, digits)),
              "$.total");
}

}  // namespace

Result<intake::PaymentDraft> PaymentInput::in(std::string_view order_currency) const {
  if (currency && *currency != order_currency) {
    return fail(Code::kInvalid, "currency_differs",
                fmt::format("The order is in {}, so its payments are.", order_currency),
                path + ".currency");
  }
  auto minor = model::to_minor(amount, model::currency_digits(order_currency));
  if (minor && *minor <= 0) {
    minor = fail(Code::kInvalid, "member_invalid", "The amount has to be above zero.");
  }
  if (!minor) {
    Error error = minor.error();
    error.path = path + ".amount";
    return fail(std::move(error));
  }
  intake::PaymentDraft made = draft;
  made.amount = *minor;
  return made;
}

Result<intake::OrderDraft> read_order(const json::object& body, const model::Store& store,
                                      std::string source) {
  ObjectReader reader = lenient(body);
  intake::OrderDraft draft;
  draft.source = std::move(source);
  draft.external_id = required_word(reader, "external_id");
  draft.number = filled_text(reader, "number", kWordCharactersMax);
  draft.placed_at = reader.optional_time("placed_at");
  draft.currency = optional_currency(reader, "currency").value_or(store.currency);
  draft.note = read_note(reader, body);
  draft.metadata = read_metadata(reader);
  const int digits = model::currency_digits(draft.currency);
  const auto amount = [&](std::string_view name) {
    return optional_amount(reader, body, name, digits);
  };
  draft.shipping_total = amount("shipping_total").value_or(0);
  draft.tax_total = amount("tax_total").value_or(0);
  draft.discount_total = amount("discount_total").value_or(0);
  const auto total = amount("total");
  const json::object* client = reader.optional_object("client");
  const json::object* payment = reader.optional_object("payment");
  const json::array* items = reader.array("items", {1, kItemsMax});
  WAYBILL_TRY(reader.done());

  if (client) {
    auto read = read_order_client(*client, "$.client");
    if (!read) return fail(read.error());
    draft.client = *std::move(read);
  }
  auto read = read_items(*items);
  if (!read) return fail(read.error());
  draft.items = *std::move(read);
  WAYBILL_TRY(settle_total(draft, total));
  if (payment) {
    const auto input = read_payment_at(*payment, "$.payment");
    if (!input) return fail(input.error());
    auto made = input->in(draft.currency);
    if (!made) return fail(made.error());
    draft.payment = *std::move(made);
  }
  return draft;
}

Result<PaymentInput> read_payment(const json::object& body) { return read_payment_at(body, "$"); }

Result<std::optional<model::Decimal>> read_refund(const json::object& body) {
  ObjectReader reader = lenient(body);
  const auto amount = optional_decimal(reader, body, "amount");
  WAYBILL_TRY(reader.done());
  return amount;
}

Result<intake::ClientDraft> read_client(const json::object& body, std::string source) {
  auto read = read_order_client(body, "$");
  if (!read) return fail(read.error());
  if (!read->external_id && !read->email) {
    return fail(Code::kInvalid, "member_missing",
                "\"external_id\" or \"email\" has to say who it is.", "$");
  }
  intake::ClientDraft draft;
  draft.source = std::move(source);
  draft.external_id = std::move(read->external_id);
  draft.email = std::move(read->email);
  draft.name = std::move(read->name);
  draft.phone = std::move(read->phone);
  return draft;
}

}  // namespace waybill::surfaces::peptideclients
