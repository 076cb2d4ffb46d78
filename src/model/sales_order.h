// A SalesOrder is what a client buys in a store: it came from a shop or from middleware. (An Order,
// model/order.h, is what a buyer sends to a supplier.) With it come its Payments and Shipments.
//
// Its state changes by one state machine, act_on(), whoever asks: the integration API, WooCommerce,
// or an operator.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/money.h"

namespace waybill::model {

enum class SalesStatus { kOpen, kShipped, kDelivered, kCancelled };
std::string_view sales_status_name(SalesStatus status);  // "open" …
std::optional<SalesStatus> parse_sales_status(std::string_view name);

// Follows from what is paid: unpaid; partially_paid, where something is; paid, where all is, or
// nothing has to be; refunded, where something was paid and all of it was given back.
enum class PaymentStatus { kUnpaid, kPartiallyPaid, kPaid, kRefunded };
std::string_view payment_status_name(PaymentStatus status);
std::optional<PaymentStatus> parse_payment_status(std::string_view name);

// What the rules look at.
struct SalesState {
  SalesStatus status = SalesStatus::kOpen;
  Minor total = 0;
  Minor paid = 0;      // Payments that were not refunded.
  Minor refunded = 0;  // Payments that were.

  PaymentStatus payment_status() const;
  friend bool operator==(const SalesState&, const SalesState&) = default;
};

enum class SalesAction {
  kPay,     // `amount` was paid.
  kRefund,  // A payment of `amount` was given back.
  kCancel,
  kShip,
  kDeliver,
  kReopen,  // The shop that owns the order says that it is open (again), whatever it was.
};

// What the order is after `action`. A second cancel, ship or deliver changes nothing, nor does
// shipping what is there. Requires: `amount` is above zero for kPay, and of a payment for kRefund.
//
// Fails with kConflict: order_cancelled (paying, shipping or delivering a cancelled order),
// order_not_cancellable (it is on its way, or there), overpayment (more than is owed).
Result<SalesState> act_on(const SalesState& state, SalesAction action, Minor amount = 0);

struct SalesItem {
  std::optional<std::string> sku;
  std::string name;
  Decimal quantity;    // Above zero.
  Decimal unit_price;  // May be zero, or negative: a discount of its own.
};

// The client as the order has it: what it said then, whatever became of the client since.
struct OrderClient {
  std::optional<std::string> external_id;
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<std::string> phone;

  bool is_empty() const { return !external_id && !email && !name && !phone; }
};

struct SalesOrder {
  OrderId id;
  WorkspaceId workspace_id;
  StoreId store_id;
  std::string source;       // Of the key it came by: "woocommerce", "shopify", "api".
  std::string external_id;  // The shop's; one order's in its store.
  std::string number;       // For people: the shop's, or the next of the store.
  Timestamp placed_at{};
  std::string currency;
  std::optional<ClientId> client_id;
  OrderClient client;
  SalesState state;
  std::vector<SalesItem> items;
  Minor shipping_total = 0;
  Minor tax_total = 0;
  Minor discount_total = 0;  // Taken off; not negative.
  std::optional<std::string> note;
  std::string metadata;  // A JSON object, or empty.
  Timestamp created_at{};
  Timestamp updated_at{};  // By which lists are read: store/list_clock.h.
};

// The sum of the lines, tax and shipping without the discount.
// Fails with kInvalid (amount_out_of_range), or (total_negative) for one below zero.
Result<Minor> total_of(const SalesOrder& order);

enum class PaymentState { kRecorded, kRefunded };
std::string_view payment_state_name(PaymentState state);
std::optional<PaymentState> parse_payment_state(std::string_view name);

struct Payment {
  PaymentId id;
  WorkspaceId workspace_id;
  StoreId store_id;
  OrderId order_id;
  std::optional<std::string> external_id;  // One payment's in its store.
  std::string method;                      // "card", "wire" …
  Minor amount = 0;                        // Above zero.
  std::string currency;                    // The order's.
  std::optional<std::string> reference;
  PaymentState state = PaymentState::kRecorded;
  Timestamp paid_at{};
  Timestamp created_at{};
  std::optional<Timestamp> refunded_at;
};

struct Shipment {
  ShipmentId id;
  WorkspaceId workspace_id;
  OrderId order_id;
  std::optional<std::string> carrier;
  std::optional<std::string> tracking_number;
  std::optional<std::string> tracking_url;
  Timestamp shipped_at{};
  std::optional<Timestamp> delivered_at;
  Timestamp created_at{};
};

// What is stored of an order beside what is searched by: client, items, totals, note and metadata,
// as a JSON object; and back.
std::string write_details(const SalesOrder& order);
void read_details(const json::value& details, SalesOrder& order);

// The canonical data of events, as write_json() would write it: what every dialect's template
// reads. Amounts are numbers.
std::string order_created_data(const SalesOrder& order);
std::string order_changed_data(const SalesOrder& order);  // order.cancelled
std::string payment_data(const Payment& payment, const SalesOrder& order);
std::string shipment_data(const Shipment& shipment, const SalesOrder& order);
// order.delivered: `shipment` may be null, as not every order is shipped by a carrier.
std::string delivery_data(const SalesOrder& order, const Shipment* shipment, Timestamp at);

}  // namespace waybill::model
