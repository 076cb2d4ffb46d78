#include "model/sales_order.h"

#include <array>
#include <cstddef>
#include <utility>

#include "base/check.h"
#include "base/json_text.h"
#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<SalesStatus, 4> kStatuses{{{SalesStatus::kOpen, "open"},
                                           {SalesStatus::kShipped, "shipped"},
                                           {SalesStatus::kDelivered, "delivered"},
                                           {SalesStatus::kCancelled, "cancelled"}}};
constexpr Names<PaymentStatus, 4> kPaymentStatuses{
    {{PaymentStatus::kUnpaid, "unpaid"},
     {PaymentStatus::kPartiallyPaid, "partially_paid"},
     {PaymentStatus::kPaid, "paid"},
     {PaymentStatus::kRefunded, "refunded"}}};
constexpr Names<PaymentState, 2> kPaymentStates{
    {{PaymentState::kRecorded, "recorded"}, {PaymentState::kRefunded, "refunded"}}};

enum class Verdict { kGranted, kCancelled, kNotCancellable };

struct Move {
  SalesStatus next;
  Verdict verdict = Verdict::kGranted;
};

constexpr auto kOpen = SalesStatus::kOpen;
constexpr auto kShipped = SalesStatus::kShipped;
constexpr auto kDelivered = SalesStatus::kDelivered;
constexpr auto kCancelled = SalesStatus::kCancelled;
constexpr Move kIsCancelled = {kCancelled, Verdict::kCancelled};

// A row for each status, a column for each action.
constexpr std::array<std::array<Move, 6>, 4> kMoves = {{
    // kPay, kRefund, kCancel, kShip, kDeliver, kReopen
    {{{kOpen}, {kOpen}, {kCancelled}, {kShipped}, {kDelivered}, {kOpen}}},
    {{{kShipped},
      {kShipped},
      {kShipped, Verdict::kNotCancellable},
      {kShipped},
      {kDelivered},
      {kOpen}}},
    {{{kDelivered},
      {kDelivered},
      {kDelivered, Verdict::kNotCancellable},
      {kDelivered},
      {kDelivered},
      {kOpen}}},
    {{kIsCancelled, {kCancelled}, {kCancelled}, kIsCancelled, kIsCancelled, {kOpen}}},
}};

Result<void> allowed(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGranted: return {};
    case Verdict::kCancelled:
      return fail(Code::kConflict, "order_cancelled", "This order is cancelled.");
    case Verdict::kNotCancellable:
      return fail(Code::kConflict, "order_not_cancellable",
                  "This order is on its way or has arrived, and can no longer be cancelled.");
  }
  return {};
}

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return std::nullopt;
  WAYBILL_CHECK(value->is_string(), "a stored order has texts where we wrote texts");
  return std::string(value->get_string());
}

Decimal decimal_of(const json::object& object, std::string_view name) {
  const auto decimal = parse_decimal(text_of(object, name).value_or(""));
  WAYBILL_CHECK(decimal.has_value(), "a stored decimal is one we wrote");
  return *decimal;
}

Minor minor_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value ? value->to_number<Minor>() : 0;
}

const json::object& object_in(const json::value& value) {
  WAYBILL_CHECK(value.is_object(), "a stored order has objects where we wrote objects");
  return value.get_object();
}

// The lines of an order as all dialects know them, from both kinds of orders.
void append_lines(std::string& out, const std::vector<SalesItem>& items) {
  append_array(out, items, [](std::string& text, const SalesItem& item) {
    ObjectText(text)
        .add_if("item_code", item.sku)
        .add("description", item.name)
        .add_json("quantity", item.quantity.number())
        .add_json("unit_price", item.unit_price.number())
        .end();
  });
}

// What every event about an order begins with.
ObjectText& add_identity(ObjectText& object, const SalesOrder& order) {
  return object.add("order_id", order.id.uuid().text())
      .add("external_id", order.external_id)
      .add("store_id", order.store_id.uuid().text())
      .add("source", order.source)
      .add("number", order.number);
}

ObjectText& add_state(ObjectText& object, const SalesOrder& order) {
  const int digits = currency_digits(order.currency);
  return object.add("currency", order.currency)
      .add("status", sales_status_name(order.state.status))
      .add("payment_status", payment_status_name(order.state.payment_status()))
      .add_json("total_amount", amount_number(order.state.total, digits))
      .add_json("paid_amount", amount_number(order.state.paid, digits))
      .add_json("refunded_amount", amount_number(order.state.refunded, digits));
}

}  // namespace

std::string_view sales_status_name(SalesStatus status) { return kStatuses.name(status); }
std::optional<SalesStatus> parse_sales_status(std::string_view name) {
  return kStatuses.parse(name);
}

std::string_view payment_status_name(PaymentStatus status) { return kPaymentStatuses.name(status); }
std::optional<PaymentStatus> parse_payment_status(std::string_view name) {
  return kPaymentStatuses.parse(name);
}

std::string_view payment_state_name(PaymentState state) { return kPaymentStates.name(state); }
std::optional<PaymentState> parse_payment_state(std::string_view name) {
  return kPaymentStates.parse(name);
}

PaymentStatus SalesState::payment_status() const {
  if (paid == 0 && refunded > 0) return PaymentStatus::kRefunded;
  if (paid >= total) return PaymentStatus::kPaid;
  return paid > 0 ? PaymentStatus::kPartiallyPaid : PaymentStatus::kUnpaid;
}

Result<SalesState> act_on(const SalesState& state, SalesAction action, Minor amount) {
  const Move& move =
      kMoves[static_cast<std::size_t>(state.status)][static_cast<std::size_t>(action)];
  WAYBILL_TRY(allowed(move.verdict));
  SalesState next = state;
  next.status = move.next;
  if (action == SalesAction::kPay) {
    WAYBILL_CHECK(amount > 0, "a payment is above zero");
    if (amount > state.total - state.paid) {
      return fail(Code::kConflict, "overpayment", "This is more than is owed for the order.");
    }
    next.paid += amount;
  }
  if (action == SalesAction::kRefund) {
    WAYBILL_CHECK(amount > 0 && amount <= state.paid, "what is refunded was paid");
    next.paid -= amount;
    next.refunded += amount;
  }
  return next;
}

Result<Minor> total_of(const SalesOrder& order) {
  const int digits = currency_digits(order.currency);
  const auto out_of_range = [] {
    return fail(Code::kInvalid, "amount_out_of_range", "The order's total is too large.");
  };
  // No sum of two within the limit overflows.
  const auto is_within = [](Minor sum) { return sum <= kMinorMax && sum >= -kMinorMax; };
  Minor total = 0;
  for (const SalesItem& item : order.items) {
    const auto line = multiply(item.quantity, item.unit_price, digits);
    if (!line) return fail(line.error());
    total += *line;
    if (!is_within(total)) return out_of_range();
  }
  for (const Minor part : {order.tax_total, order.shipping_total, -order.discount_total}) {
    total += part;
    if (!is_within(total)) return out_of_range();
  }
  if (total >= 0) return total;
  return fail(Code::kInvalid, "total_negative", "The order's total is below zero.");
}

std::string write_details(const SalesOrder& order) {
  std::string out;
  ObjectText object(out);
  ObjectText(object.member("client"))
      .add_if("external_id", order.client.external_id)
      .add_if("email", order.client.email)
      .add_if("name", order.client.name)
      .add_if("phone", order.client.phone)
      .end();
  append_array(object.member("items"), order.items, [](std::string& text, const SalesItem& item) {
    ObjectText(text)
        .add_if("sku", item.sku)
        .add("name", item.name)
        .add("quantity", item.quantity.text())
        .add("unit_price", item.unit_price.text())
        .end();
  });
  object.add("shipping_total", order.shipping_total)
      .add("tax_total", order.tax_total)
      .add("discount_total", order.discount_total)
      .add_if("note", order.note);
  if (!order.metadata.empty()) object.add_json("metadata", order.metadata);
  object.end();
  return out;
}

void read_details(const json::value& details, SalesOrder& order) {
  const json::object& object = object_in(details);
  const json::object& client = object_in(object.at("client"));
  order.client = {text_of(client, "external_id"), text_of(client, "email"), text_of(client, "name"),
                  text_of(client, "phone")};
  order.items.clear();
  for (const json::value& value : object.at("items").as_array()) {
    const json::object& item = object_in(value);
    order.items.push_back({text_of(item, "sku"), text_of(item, "name").value_or(""),
                           decimal_of(item, "quantity"), decimal_of(item, "unit_price")});
  }
  order.shipping_total = minor_of(object, "shipping_total");
  order.tax_total = minor_of(object, "tax_total");
  order.discount_total = minor_of(object, "discount_total");
  order.note = text_of(object, "note");
  const json::value* metadata = object.if_contains("metadata");
  order.metadata = metadata ? write_json(*metadata) : std::string();
}

std::string order_created_data(const SalesOrder& order) {
  const int digits = currency_digits(order.currency);
  std::string out;
  out.reserve(768);
  ObjectText object(out);
  add_identity(object, order).add("order_date", iso_time(order.placed_at).substr(0, 10));
  if (order.client_id) object.add("client_id", order.client_id->uuid().text());
  add_state(object, order)
      .add_json("shipping_amount", amount_number(order.shipping_total, digits))
      .add_json("tax_amount", amount_number(order.tax_total, digits))
      .add_json("discount_amount", amount_number(order.discount_total, digits))
      .add("line_count", order.items.size());
  append_lines(object.member("lines"), order.items);
  object.end();
  return out;
}

std::string order_changed_data(const SalesOrder& order) {
  std::string out;
  ObjectText object(out);
  add_state(add_identity(object, order), order).end();
  return out;
}

std::string payment_data(const Payment& payment, const SalesOrder& order) {
  std::string out;
  ObjectText object(out);
  object.add("payment_id", payment.id.uuid().text())
      .add("order_id", order.id.uuid().text())
      .add("order_number", order.number)
      .add_if("external_id", payment.external_id)
      .add("store_id", payment.store_id.uuid().text())
      .add_json("amount", amount_number(payment.amount, currency_digits(payment.currency)))
      .add("currency", payment.currency)
      .add("method", payment.method)
      .add_if("reference", payment.reference)
      .add("paid_at", payment.paid_at)
      .add_if("refunded_at", payment.refunded_at)
      .add("payment_status", payment_status_name(order.state.payment_status()))
      .end();
  return out;
}

std::string shipment_data(const Shipment& shipment, const SalesOrder& order) {
  std::string out;
  ObjectText object(out);
  add_identity(object, order)
      .add("shipment_id", shipment.id.uuid().text())
      .add_if("carrier", shipment.carrier)
      .add_if("tracking_number", shipment.tracking_number)
      .add_if("tracking_url", shipment.tracking_url)
      .add("shipped_at", shipment.shipped_at)
      .end();
  return out;
}

std::string delivery_data(const SalesOrder& order, const Shipment* shipment, Timestamp at) {
  std::string out;
  ObjectText object(out);
  add_identity(object, order);
  if (shipment) {
    object.add("shipment_id", shipment->id.uuid().text())
        .add_if("carrier", shipment->carrier)
        .add_if("tracking_number", shipment->tracking_number);
  }
  object.add("delivered_at", at).end();
  return out;
}

}  // namespace waybill::model
