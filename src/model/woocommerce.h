// What WooCommerce says of an order (W-11 to W-16), and what follows from all that it has said.
//
// A shop sends an order again with each change, never twice if a delivery fails (W-8), and in no
// promised sequence. So what the hub keeps of an order, OrderState, is a join semilattice: join()
// is associative, commutative and idempotent, and the state depends on the set of messages alone,
// not on their sequence or number. What is visible of the order is a function of that state.

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "model/sales_order.h"

namespace waybill::model::woocommerce {

// The text that a webhook with this secret is signed with (W-3): WooCommerce decodes what PHP's
// wp_specialchars_decode(…, ENT_QUOTES) does, so several secrets can come to one.
std::string decode_entities(std::string_view secret);

// What a status of WooCommerce means here.
enum class Action {
  kUnpaid,     // The order is there, and open.
  kPaid,       // The same, and its total is paid.
  kDelivered,  // The same, paid and delivered.
  kCancelled,  // It is cancelled if it is known by another status; alone, it makes no order.
  kRefunded,   // Its payment was given back; alone, it makes no order.
  kIgnore,     // Nothing follows from it.
};
std::string_view action_name(Action action);  // "unpaid" …
std::optional<Action> parse_action(std::string_view name);
std::vector<std::string_view> action_names();

// The table of statuses (W-15) as it is before an operator changes it. Its last row is that of "*":
// every status that is not named.
inline constexpr std::string_view kAnyStatus = "*";
struct StatusRule {
  std::string_view status;
  Action action;
};
const std::vector<StatusRule>& default_statuses();
Action default_action(std::string_view status);
// "*", or 1 to 64 of a-z, 0-9, "-" and "_".
bool is_status(std::string_view text);

// Which of two messages about an order is the newer one. Dates have seconds only; within one, the
// status that comes later in an order's life is newer, and then the digest decides.
struct Stamp {
  Timestamp modified{};
  int rank = 0;
  std::string digest;  // Of what was read, so that webhook and REST API tie.

  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

struct PaymentTold {
  Decimal amount;  // Above zero.
  // That of the message. A payment in another currency than the order's is none of it: an order
  // whose currency changed is paid only by what is told in the new one.
  std::string currency;
  std::string method;
  std::optional<std::string> reference;
  Timestamp paid_at{};

  friend bool operator==(const PaymentTold&, const PaymentTold&) = default;
};

// One order as one message has it.
struct Message {
  std::string order_id;
  std::string status;
  Stamp stamp;
  // Number, time, currency, client, items, totals, note and metadata; state.total is what the shop
  // says, whether or not the parts add up to it. Ids are nil.
  SalesOrder order;
  std::optional<PaymentTold> payment;  // Nothing: there is nothing to pay.
  bool all_refunded = false;           // Its refunds come to its total, whatever its status.
};

// How much of an order's metadata is kept, and how deep the arrays and objects of its meta_data may
// be: what is stored is the shop's text within some levels of the hub's own, and parse_json() has
// to read it again. Of what is more, meta_data is left out, and "meta_data_dropped" says so.
inline constexpr std::size_t kMetadataBytesMax = 16 * 1024;
inline constexpr int kMetadataDepthMax = 16;

// Reads the order resource of the REST API v3, which is also the body of a webhook. Of what plugins
// make of it, only what cannot be understood is refused: amounts are rounded to the currency,
// texts cut, parts that are missing are empty or zero.
//
// Fails with kInvalid: order_id_missing, order_status_missing, order_currency_invalid,
// order_amount_invalid (also for a total below zero), amount_out_of_range; with a path.
Result<Message> read_order(const json::object& order, std::string_view store_currency);

// What was told by the newest of the messages that tell it.
template <class T>
struct Told {
  Stamp stamp;
  T value;
};

struct OrderState {
  std::optional<Told<SalesOrder>> content;   // Of all but ignored messages.
  std::optional<Told<SalesStatus>> status;   // Of all but those and refunds.
  std::optional<Told<PaymentTold>> payment;  // Of paid, delivered and refunded ones.
  std::optional<Told<std::string>> client;   // Its external id, "" for none; of creating ones.
  bool is_created = false;                   // Some message said that there is such an order.
  bool is_refunded = false;                  // Some message said that all was given back.
};

// What one message says, where its status means `action`. Nothing for kIgnore.
std::optional<OrderState> state_of(const Message& message, Action action);
// Whether a message makes the order, and its client.
bool creates(Action action);

// What both say together.
OrderState join(const OrderState& a, const OrderState& b);

// As it is stored: JSON. Fails with kInternal (woocommerce_state_unreadable).
std::string write_state(const OrderState& state);
Result<OrderState> read_state(std::string_view text);

// A digest of what the order says of its client, to choose between two of one second.
std::string client_digest(const OrderClient& client);

// How a store's shop is asked for what its webhooks did not bring (W-8), and how that went.
struct Shop {
  WorkspaceId workspace_id;
  StoreId store_id;
  std::string url;           // Of the site, without a slash at its end.
  std::string consumer_key;  // Of its REST API, as is the secret, which is kept sealed.
  Bytes sealed_consumer_secret;
  bool is_enabled = true;
  // All that the shop changed until then, by its own clock, has been taken in. Nothing: not asked
  // yet.
  std::optional<Timestamp> good_until;
  std::optional<Timestamp> last_run_at;
  std::optional<Timestamp> last_success_at;
  std::string failure_reason;  // Of the last run; empty if it succeeded.
  std::string failure;
  std::int64_t last_read = 0;     // Orders the last run that succeeded has read,
  std::int64_t last_changed = 0;  // of which so many were missing or newer.
  Timestamp created_at{};
  Timestamp updated_at{};
};

}  // namespace waybill::model::woocommerce
