#include "intake/woocommerce.h"

#include <utility>

#include "model/names.h"
#include "store/clients.h"
#include "store/sales_orders.h"
#include "store/woocommerce.h"

namespace waybill::intake {
namespace {

using model::woocommerce::Message;
using model::woocommerce::OrderState;
using Outcome = WooCommerceOutcome;
namespace woocommerce = store::woocommerce;

constexpr model::Names<Outcome, 5> kOutcomes{{{Outcome::kIgnored, "ignored"},
                                              {Outcome::kUnchanged, "unchanged"},
                                              {Outcome::kNoted, "noted"},
                                              {Outcome::kCreated, "created"},
                                              {Outcome::kUpdated, "updated"}}};

woocommerce::Key key_of(const model::Store& store, const std::string& external_id) {
  return {store.workspace_id, store.id, external_id};
}

// What is known of an order, and what is known with the message.
struct Step {
  model::woocommerce::Action action = model::woocommerce::Action::kIgnore;
  std::optional<OrderState> before;
  std::optional<OrderState> after;  // Nothing: the message is ignored.
  bool has_changed = false;
};

Result<Step> read_step(store::Connection& connection, const model::Store& store,
                       const Message& message) {
  Step step;
  const auto action = woocommerce::find_action(connection, store.workspace_id, message.status);
  if (!action) return fail(action.error());
  step.action = *action;
  auto told = model::woocommerce::state_of(message, *action);
  if (!told) return step;
  auto before = woocommerce::find_state(connection, key_of(store, message.order_id));
  if (!before) return fail(before.error());
  step.before = *std::move(before);
  step.after = step.before ? join(*step.before, *told) : *std::move(told);
  step.has_changed = !step.before || write_state(*step.before) != write_state(*step.after);
  return step;
}

Outcome outcome_of(const Step& step) {
  if (!step.after) return Outcome::kIgnored;
  if (!step.has_changed) return Outcome::kUnchanged;
  if (!step.after->is_created) return Outcome::kNoted;
  return step.before && step.before->is_created ? Outcome::kUpdated : Outcome::kCreated;
}

// Every message that makes an order makes its client, and the newest of all that name a client says
// what it is: also one that is not the newest about its order.
Result<void> put_client(SalesUnit& sales, store::Connection& connection, const model::Store& store,
                        std::string_view source, const Message& message) {
  const model::OrderClient& said = message.order.client;
  if (!said.external_id) return {};
  const auto is_newest =
      woocommerce::note_client(connection, key_of(store, *said.external_id), message.stamp.modified,
                               model::woocommerce::client_digest(said));
  if (!is_newest) return fail(is_newest.error());
  if (!*is_newest) return {};
  ClientDraft draft;
  draft.source = source;
  draft.external_id = said.external_id;
  draft.email = said.email;
  draft.name = said.name;
  draft.phone = said.phone;
  draft.said_at = message.stamp.modified;
  draft.match_email = false;
  draft.is_whole = true;
  const auto put = sales.put_client(store.id, draft);
  if (!put) return fail(put.error());
  return {};
}

// What the order is to say.
Result<OrderDraft> draft_of(store::Connection& connection, const model::Store& store,
                            std::string_view source, const std::string& external_id,
                            const OrderState& state) {
  const model::SalesOrder& said = state.content->value;
  OrderDraft draft;
  draft.source = source;
  draft.external_id = external_id;
  draft.number = said.number;
  draft.placed_at = said.placed_at;
  draft.currency = said.currency;
  draft.items = said.items;
  draft.shipping_total = said.shipping_total;
  draft.tax_total = said.tax_total;
  draft.discount_total = said.discount_total;
  draft.total = said.state.total;
  draft.note = said.note;
  draft.metadata = said.metadata;
  if (!state.client || state.client->value.empty()) return draft;
  const auto client = store::clients::find_by_external(connection, store.workspace_id, store.id,
                                                       state.client->value);
  if (!client) return fail(client.error());
  if (!*client) return draft;
  draft.client_id = (*client)->id;
  draft.client = said.client;
  return draft;
}

// Brings an order to the status that the shop says, from whatever it is.
Result<model::SalesOrder> settle(SalesUnit& sales, model::SalesOrder order,
                                 model::SalesStatus wanted) {
  using model::SalesStatus;
  const SalesStatus is = order.state.status;
  // That it is on its way is nothing a shop would know better.
  if (is == wanted || (wanted == SalesStatus::kOpen && is == SalesStatus::kShipped)) return order;
  const bool has_to_reopen = is != SalesStatus::kOpen &&
                             !(is == SalesStatus::kShipped && wanted == SalesStatus::kDelivered);
  if (has_to_reopen) {
    auto reopened = sales.reopen(order);
    if (!reopened) return reopened;
    order = *std::move(reopened);
  }
  if (wanted == SalesStatus::kDelivered) return sales.deliver(order);
  if (wanted == SalesStatus::kCancelled) return sales.cancel(order);
  return order;
}

std::string payment_id(const std::string& external_id) { return "woocommerce:" + external_id; }

// The payment that an order in such a state shows; nothing if none was told, or in another currency
// than the order now has, or less than the smallest unit of it.
std::optional<PaymentDraft> payment_shown(const OrderState& state, const std::string& external_id) {
  if (!state.is_created || !state.content || !state.payment) return std::nullopt;
  const model::woocommerce::PaymentTold& told = state.payment->value;
  if (told.currency != state.content->value.currency) return std::nullopt;
  const auto amount =
      model::multiply(model::Decimal{1, 0}, told.amount, model::currency_digits(told.currency));
  if (!amount || *amount <= 0) return std::nullopt;
  PaymentDraft draft;
  draft.external_id = payment_id(external_id);
  draft.method = told.method;
  draft.amount = *amount;
  draft.reference = told.reference;
  draft.paid_at = told.paid_at;
  return draft;
}

// Brings the order's payment from what `before` showed, if anything, to what `after` shows. What
// both show alike is left as it is.
Result<model::SalesOrder> settle_payment(SalesUnit& sales, model::SalesOrder order,
                                         const OrderState* before, const OrderState& after,
                                         const std::string& external_id) {
  const auto wanted = payment_shown(after, external_id);
  const bool is_there = before && payment_shown(*before, external_id);
  if (!wanted && !is_there) return order;
  if (!wanted) return sales.remove_payment(order, payment_id(external_id));
  if (is_there && before->payment->value == after.payment->value &&
      before->is_refunded == after.is_refunded) {
    return order;
  }
  auto put = sales.put_payment(order, *wanted, after.is_refunded);
  if (!put) return fail(put.error());
  return std::move(put->order);
}

// Makes what is stored of the order what `after` says, where that is another thing than `before`
// said.
Result<model::OrderId> show(SalesUnit& sales, store::Connection& connection,
                            const model::Store& store, std::string_view source,
                            const std::string& external_id, const Step& step) {
  const OrderState& after = *step.after;
  const OrderState* before = step.before && step.before->is_created ? &*step.before : nullptr;
  const auto draft = draft_of(connection, store, source, external_id, after);
  if (!draft) return fail(draft.error());
  const auto known =
      store::sales_orders::find_by_external(connection, store.workspace_id, store.id, external_id);
  if (!known) return fail(known.error());
  model::SalesOrder order;
  if (*known) {
    auto replaced = sales.replace_content(**known, *draft);
    if (!replaced) return fail(replaced.error());
    order = *std::move(replaced);
  } else {
    auto placed = sales.place(store, *draft);
    if (!placed) return fail(placed.error());
    order = std::move(placed->order);
  }
  auto paid = settle_payment(sales, std::move(order), before, after, external_id);
  if (!paid) return fail(paid.error());
  order = *std::move(paid);
  if (!before || before->status->value != after.status->value) {
    const auto settled = settle(sales, std::move(order), after.status->value);
    if (!settled) return fail(settled.error());
    return settled->id;
  }
  return order.id;
}

}  // namespace

std::string_view outcome_name(WooCommerceOutcome outcome) { return kOutcomes.name(outcome); }

Result<TakenIn> take_in(SalesUnit& sales, store::Connection& connection, const model::Store& store,
                        std::string_view source, const Message& message) {
  const auto step = read_step(connection, store, message);
  if (!step) return fail(step.error());
  TakenIn taken{outcome_of(*step), std::nullopt};
  if (model::woocommerce::creates(step->action)) {
    WAYBILL_TRY(put_client(sales, connection, store, source, message));
  }
  if (!step->has_changed) return taken;
  if (step->after->is_created) {
    const auto shown = show(sales, connection, store, source, message.order_id, *step);
    if (!shown) return fail(shown.error());
    taken.order_id = *shown;
  }
  WAYBILL_TRY(woocommerce::put_state(connection, key_of(store, message.order_id), *step->after));
  return taken;
}

Result<WooCommerceOutcome> foresee(store::Connection& connection, const model::Store& store,
                                   const Message& message) {
  const auto step = read_step(connection, store, message);
  if (!step) return fail(step.error());
  return outcome_of(*step);
}

}  // namespace waybill::intake
