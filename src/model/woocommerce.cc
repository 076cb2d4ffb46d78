#include "model/woocommerce.h"

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "crypto/digest.h"
#include "model/names.h"

namespace waybill::model::woocommerce {
namespace {

constexpr Names<Action, 6> kActions{{{Action::kUnpaid, "unpaid"},
                                     {Action::kPaid, "paid"},
                                     {Action::kDelivered, "delivered"},
                                     {Action::kCancelled, "cancelled"},
                                     {Action::kRefunded, "refunded"},
                                     {Action::kIgnore, "ignore"}}};

constexpr std::size_t kStatusCharactersMax = 64;

// The newer of two, where there are two.
template <class T>
std::optional<Told<T>> newest(const std::optional<Told<T>>& a, const std::optional<Told<T>>& b) {
  if (!a || !b) return a ? a : b;
  return a->stamp < b->stamp ? b : a;
}

template <class T>
void append_told(ObjectText& object, std::string_view name, const std::optional<Told<T>>& told,
                 std::string_view value) {
  if (!told) return;
  ObjectText(object.member(name))
      .add("modified", unix_millis(told->stamp.modified))
      .add("rank", told->stamp.rank)
      .add("digest", told->stamp.digest)
      .add_json("value", value)
      .end();
}

std::string write_payment(const PaymentTold& payment) {
  std::string out;
  ObjectText(out)
      .add("amount", payment.amount.text())
      .add("currency", payment.currency)
      .add("method", payment.method)
      .add_if("reference", payment.reference)
      .add("paid_at", unix_millis(payment.paid_at))
      .end();
  return out;
}

std::string write_order(const SalesOrder& order) {
  std::string out;
  ObjectText(out)
      .add("number", order.number)
      .add("placed_at", unix_millis(order.placed_at))
      .add("currency", order.currency)
      .add("total", order.state.total)
      .add_json("details", write_details(order))
      .end();
  return out;
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// What write_state() wrote. Throws what json::object::at() and as_…() throw for anything else.
Stamp read_stamp(const json::object& told) {
  return {from_unix_millis(told.at("modified").to_number<std::int64_t>()),
          told.at("rank").to_number<int>(), std::string(told.at("digest").as_string())};
}

std::string text_of(const json::object& object, std::string_view name) {
  return std::string(object.at(name).as_string());
}

PaymentTold read_payment(const json::object& value) {
  PaymentTold payment;
  payment.amount = parse_decimal(text_of(value, "amount")).value();
  payment.currency = text_of(value, "currency");
  payment.method = text_of(value, "method");
  if (value.contains("reference")) payment.reference = text_of(value, "reference");
  payment.paid_at = from_unix_millis(value.at("paid_at").to_number<std::int64_t>());
  return payment;
}

SalesOrder read_order_told(const json::object& value) {
  SalesOrder order;
  order.number = text_of(value, "number");
  order.placed_at = from_unix_millis(value.at("placed_at").to_number<std::int64_t>());
  order.currency = text_of(value, "currency");
  order.state.total = value.at("total").to_number<Minor>();
  read_details(value.at("details"), order);
  return order;
}

OrderState read_object(const json::object& object) {
  OrderState state;
  const auto told = [&](std::string_view name) {
    const json::value* found = object.if_contains(name);
    return found ? &found->as_object() : nullptr;
  };
  if (const json::object* content = told("content")) {
    state.content = {read_stamp(*content), read_order_told(content->at("value").as_object())};
  }
  if (const json::object* status = told("status")) {
    state.status = {read_stamp(*status), parse_sales_status(text_of(*status, "value")).value()};
  }
  if (const json::object* payment = told("payment")) {
    state.payment = {read_stamp(*payment), read_payment(payment->at("value").as_object())};
  }
  if (const json::object* client = told("client")) {
    state.client = {read_stamp(*client), text_of(*client, "value")};
  }
  state.is_created = object.at("is_created").as_bool();
  state.is_refunded = object.at("is_refunded").as_bool();
  return state;
}

}  // namespace

std::string_view action_name(Action action) { return kActions.name(action); }
std::optional<Action> parse_action(std::string_view name) { return kActions.parse(name); }

std::vector<std::string_view> action_names() {
  std::vector<std::string_view> names;
  for (const auto& entry : kActions.all) names.push_back(entry.word);
  return names;
}

const std::vector<StatusRule>& default_statuses() {
  static const std::vector<StatusRule> rules = {
      {"pending", Action::kUnpaid},        {"on-hold", Action::kUnpaid},
      {"processing", Action::kPaid},       {"completed", Action::kDelivered},
      {"cancelled", Action::kCancelled},   {"failed", Action::kCancelled},
      {"refunded", Action::kRefunded},     {"trash", Action::kIgnore},
      {"checkout-draft", Action::kIgnore}, {"draft", Action::kIgnore},
      {"auto-draft", Action::kIgnore},     {"new", Action::kIgnore},
      {kAnyStatus, Action::kUnpaid},
  };
  return rules;
}

Action default_action(std::string_view status) {
  const auto& rules = default_statuses();
  const auto found = std::ranges::find(rules, status, &StatusRule::status);
  return found == rules.end() ? rules.back().action : found->action;
}

bool is_status(std::string_view text) {
  if (text == kAnyStatus) return true;
  return !text.empty() && text.size() <= kStatusCharactersMax &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool creates(Action action) {
  return action == Action::kUnpaid || action == Action::kPaid || action == Action::kDelivered;
}

std::optional<OrderState> state_of(const Message& message, Action action) {
  if (action == Action::kIgnore) return std::nullopt;
  const Stamp& stamp = message.stamp;
  OrderState state;
  state.content = {stamp, message.order};
  if (action != Action::kRefunded) {
    SalesStatus status = SalesStatus::kOpen;
    if (action == Action::kDelivered) status = SalesStatus::kDelivered;
    if (action == Action::kCancelled) status = SalesStatus::kCancelled;
    state.status = {stamp, status};
  }
  const bool tells_payment = action == Action::kPaid || action == Action::kDelivered ||
                             action == Action::kRefunded || message.all_refunded;
  if (tells_payment && message.payment) state.payment = {stamp, *message.payment};
  state.is_created = creates(action);
  if (state.is_created) state.client = {stamp, message.order.client.external_id.value_or("")};
  state.is_refunded = action == Action::kRefunded || message.all_refunded;
  return state;
}

OrderState join(const OrderState& a, const OrderState& b) {
  return {newest(a.content, b.content), newest(a.status, b.status),
          newest(a.payment, b.payment), newest(a.client, b.client),
          a.is_created || b.is_created, a.is_refunded || b.is_refunded};
}

std::string write_state(const OrderState& state) {
  std::string out;
  ObjectText object(out);
  append_told(object, "content", state.content,
              state.content ? write_order(state.content->value) : "");
  append_told(object, "status", state.status,
              state.status ? quoted(sales_status_name(state.status->value)) : "");
  append_told(object, "payment", state.payment,
              state.payment ? write_payment(state.payment->value) : "");
  append_told(object, "client", state.client, state.client ? quoted(state.client->value) : "");
  object.add("is_created", state.is_created).add("is_refunded", state.is_refunded).end();
  return out;
}

Result<OrderState> read_state(std::string_view text) {
  const auto value = parse_json(text);
  if (value && value->is_object()) {
    try {
      return read_object(value->get_object());
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): told below.
    }
  }
  return fail(Code::kInternal, "woocommerce_state_unreadable",
              "What was stored of an order of WooCommerce is not what the hub writes.");
}

std::string client_digest(const OrderClient& client) {
  std::string text;
  ObjectText(text)
      .add("external_id", client.external_id)
      .add("email", client.email)
      .add("name", client.name)
      .add("phone", client.phone)
      .end();
  return hex(crypto::sha256(text));
}

}  // namespace waybill::model::woocommerce
